"""Engines: what runs a network over pixels."""
