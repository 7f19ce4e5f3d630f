"""Training; the modules here need torch, and no raster library."""
