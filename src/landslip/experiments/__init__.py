"""Experiments: data sets x splits x methods x seeds, executed and scored."""
