"""What an inventory says as a whole: area and its error, sizes, magnitude, volume, density."""
