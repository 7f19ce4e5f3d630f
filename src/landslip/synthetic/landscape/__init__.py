"""A made-up mountain valley: its terrain, what covers it, its landslides, and light on it."""
