"""Extraction on a Ray cluster: the same windows, computed by tasks on many machines."""
