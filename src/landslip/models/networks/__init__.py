"""Networks; the modules here need torch."""
