"""Probabilities that mean something: how often a pixel that the network calls so is landslide."""
