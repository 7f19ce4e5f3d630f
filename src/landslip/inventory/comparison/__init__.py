"""An inventory compared with a reference: pixels, areas and landslides."""
