"""Calibration of a network's probabilities: curves, their fit, and their metrics."""
