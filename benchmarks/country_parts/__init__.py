"""Parts of the benchmark of a whole country."""
