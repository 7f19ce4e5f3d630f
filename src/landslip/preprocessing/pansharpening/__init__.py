"""Fusion of a panchromatic band with coarser multispectral bands, and how good it is."""
