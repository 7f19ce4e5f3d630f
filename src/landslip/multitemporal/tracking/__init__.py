"""Landslides of several dates linked into histories."""
