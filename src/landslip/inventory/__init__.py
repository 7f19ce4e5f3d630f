"""From a mask to an inventory: polygons, their attributes, and files that others read."""
