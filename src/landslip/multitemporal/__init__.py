"""Several dates of one place: series of scenes, states of pixels, histories of landslides."""
