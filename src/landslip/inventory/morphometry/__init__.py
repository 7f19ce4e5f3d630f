"""Shapes of landslides and the ground under them."""
