"""Tiles for training and testing, on disk."""
