"""Landslides over whole scenes: windows, blending, connected components, outlines."""
