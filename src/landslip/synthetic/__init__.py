"""Synthetic terrain, landslides, and level-1A products of them."""
