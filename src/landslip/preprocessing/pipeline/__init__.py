"""From a product archive to a reflectance scene."""
