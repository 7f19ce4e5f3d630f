"""The files of an inventory, as other programs read them."""
