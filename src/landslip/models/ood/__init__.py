"""Out-of-distribution detection: how far a scene is from a model's training tiles."""
