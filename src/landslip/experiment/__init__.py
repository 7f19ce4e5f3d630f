"""Experiments: data sets x splits x methods x seeds, run, scored and reported."""
