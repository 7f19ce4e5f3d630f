"""Recovery of landslides: how fast plants return, measured against their neighbours."""
