"""Landslides from very-high-resolution satellite scenes."""

__version__ = "0.1.0.dev0"
