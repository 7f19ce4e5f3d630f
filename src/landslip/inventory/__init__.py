"""Inventories: polygons with terrain attributes, statistics, comparison, file formats."""
