"""Reports: of an inventory, and of an experiment."""
