"""Scores beyond the pixel: objects, boundaries, probabilities, areas, methods side by side."""
