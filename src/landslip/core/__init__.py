"""The vocabulary that every package shares: bands, grids, windows, errors, files."""
