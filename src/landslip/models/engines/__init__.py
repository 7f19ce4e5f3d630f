"""Engines run a network over pixels."""
