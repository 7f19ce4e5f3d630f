"""Widgets of options that several commands have."""

from __future__ import annotations

from .definition import Widget

FOLDER = Widget("Output folder", "to_folder")
GEOTIFF = Widget("Output", "to_raster")
OVERWRITE = Widget("Replace what exists already")
DEM = Widget("Elevation model", "raster")
DATUM = Widget("Datum shift", advanced=True)
NODATA = Widget("Value of missing data", advanced=True)
SEED = Widget("Seed", advanced=True, minimum=0)
BANDS = Widget("Names of the bands", advanced=True)
UNITS = Widget("Units of the values", advanced=True)
REPORT = Widget("Figures (JSON)", "to_file", files="JSON (*.json)", advanced=True)
LANGUAGE = Widget("Language of labels")
AREA = Widget("Mapped area", "vector")
DRAWS = Widget("Bootstrap draws", advanced=True, minimum=0)
