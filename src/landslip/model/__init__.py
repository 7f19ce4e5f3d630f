"""The model folder: weights, and all that is needed to use them rightly."""
