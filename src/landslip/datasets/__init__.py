"""Tiles for training and testing, on disk, and how they are split."""
