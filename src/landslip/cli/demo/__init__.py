"""A synthetic mountain valley with known landslides, and the whole chain run on it."""
