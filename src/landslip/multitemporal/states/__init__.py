"""States of each pixel through time: a hidden Markov model without training."""
