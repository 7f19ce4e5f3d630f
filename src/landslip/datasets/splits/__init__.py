"""Divisions of tiles into training, validation and test tiles, and what leaks across them."""
