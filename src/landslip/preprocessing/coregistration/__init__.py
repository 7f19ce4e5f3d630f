"""Where two images of one ground differ in position, and bringing them together."""
