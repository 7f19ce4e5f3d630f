"""From sensor images to the map: camera models, elevation, orthorectification."""
