"""Landslides as polygons: drawn from probabilities, divided, smoothed."""
