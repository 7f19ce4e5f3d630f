"""The page of landslides of several dates."""
