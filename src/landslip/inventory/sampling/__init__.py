"""Samples of points, stratified by a map, whose true class somebody looks up."""
