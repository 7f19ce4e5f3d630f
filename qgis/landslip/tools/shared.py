"""Widgets of options that several commands have."""

from __future__ import annotations

from .definition import Widget

INVENTORY = ("inventory.gpkg", "inventory.json")
HISTORIES = ("tracks.gpkg", "tracks.json")
OVERWRITE = Widget("Replace what exists already")
FOLDER_OUTPUT = {"overwrite": OVERWRITE, "out": Widget("Output folder", "to_folder")}
GEOTIFF_OUTPUT = {
    "overwrite": OVERWRITE,
    "report": Widget("Figures (JSON)", "to_file", files="JSON (*.json)", advanced=True),
    "out": Widget("Output", "to_raster"),
}
DEM = Widget("Elevation model", "raster")
DATUM = Widget("Datum shift", advanced=True)
NODATA = Widget("Value of missing data", advanced=True)
SEED = Widget("Seed", advanced=True, minimum=0)
BANDS = Widget("Names of the bands", advanced=True)
UNITS = Widget("Units of the values", advanced=True)
LANGUAGE = Widget("Language of labels")
AREA = Widget("Mapped area", "vector")
DRAWS = Widget("Bootstrap draws", advanced=True, minimum=0)
