"""One page about an inventory, to print and to hand on."""
