"""Bands of several sources on one scene's grid: its terrain, and an image before it."""
