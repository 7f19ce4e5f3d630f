"""Corrections of inventories by people, and models that learn from them."""
