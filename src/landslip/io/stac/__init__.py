"""Scenes described by STAC items: the files of a scene, and what their numbers mean."""
