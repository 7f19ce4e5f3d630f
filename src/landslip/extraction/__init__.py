"""Landslides over a whole scene: windows, blending, polygons."""
