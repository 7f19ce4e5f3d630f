"""Made-up GF-1 level-1A products: a known ground seen by a physical camera."""
