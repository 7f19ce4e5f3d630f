"""From raw product archives to orthorectified, co-registered, pansharpened reflectance."""
