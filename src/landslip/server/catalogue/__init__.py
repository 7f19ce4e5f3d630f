"""What is in the served folder."""
