"""Reading and writing: rasters, vector files, STAC items, labels, pictures."""
