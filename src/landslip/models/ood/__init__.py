"""Whether a scene looks like what a model was trained on."""
