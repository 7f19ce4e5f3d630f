"""What the benchmarks of `landslip extract` share."""
