"""The report of an experiment: tables, sentences, charts and pictures from its results."""
