"""Experiments: data sets x splits x methods x seeds, run and scored."""
