"""Metrics: pixels, objects, boundaries, probabilities, areas, and their intervals."""
