"""What a pixel of a label is."""

BACKGROUND, LANDSLIDE, IGNORE = 0, 1, 255
"""Ground without landslides, landslide, and not labelled: neither learnt from nor scored."""
