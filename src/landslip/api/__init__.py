"""The Python API: what `landslip` exports, and what the command line calls."""
