"""Model folders for and from the Hugging Face hub."""
