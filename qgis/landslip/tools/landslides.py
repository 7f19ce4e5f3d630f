"""Tools that map landslides and say how many and how right."""

from __future__ import annotations

from dataclasses import replace

from . import shared
from .definition import Figure, Result, Tool, Widget

_PROBABILITY = Result(
    "Probability",
    "probability.tif",
    output="PROBABILITY",
    look="probability",
    is_raster=True,
)
_INVENTORY_RESULTS = (
    Result("Lowest points", "inventory.gpkg", "lowest_points", "LOWEST_POINTS"),
    Result("Highest points", "inventory.gpkg", "highest_points", "HIGHEST_POINTS"),
    Result("Landslides", "inventory.gpkg", "landslides", "LANDSLIDES"),
    Result("Density", "inventory.gpkg", "density", "DENSITY", is_shown=False),
)

EXTRACT = Tool(
    command="extract",
    group="Landslides",
    label="Map landslides",
    widgets={
        "scenes": Widget("Scene", "raster"),
        "model": Widget("Model", "folder"),
        "dem": shared.DEM,
        "before": Widget("Image of an earlier date", "raster"),
        "threshold": Widget("Threshold of the probability", minimum=0, maximum=1),
        "min_area": Widget("Minimum mapping unit (m²)", minimum=0),
        "tta": Widget("Test-time augmentation"),
        "stac": Widget("STAC item instead of a scene", "text", advanced=True),
        "bands": shared.BANDS,
        "units": shared.UNITS,
        "nodata": shared.NODATA,
        "engine": Widget("Engine", advanced=True),
        "precision": Widget("Number format", advanced=True),
        "tile": Widget("Side of a window (px)", advanced=True, minimum=1),
        "overlap": Widget("Overlap of windows (px)", advanced=True, minimum=0),
        "memory": Widget("Bound on the memory", advanced=True),
        "workers": Widget("Windows at once", advanced=True, minimum=1),
        "datum_shift": shared.DATUM,
        "force": Widget("Go on with unusual data", advanced=True),
        **shared.FOLDER_OUTPUT,
    },
    left_out={"ray": "a cluster is not started from QGIS", "store": "belongs to the cluster"},
    results=(
        *(
            replace(one, file=f"inventory/{one.file}", output=f"INVENTORY_{one.output}")
            for one in _INVENTORY_RESULTS
        ),
        Result(
            "Landslides (map)",
            "landslides.gpkg",
            "landslides",
            "LANDSLIDES",
            "landslides",
            unless="INVENTORY_LANDSLIDES",
        ),
        Result("Mask", "mask.tif", "", "MASK", "mask", is_raster=True, is_shown=False),
        _PROBABILITY,
    ),
    figures=(
        Figure("COUNT", "Number of landslides", "summary.json", "landslides"),
        Figure("AREA_M2", "Area of landslides (m²)", "summary.json", "landslide_area_m2"),
    ),
)

INVENTORY = Tool(
    command="inventory",
    group="Landslides",
    label="Make an inventory",
    widgets={
        "source": (
            Widget("Map or review", "folder"),
            Widget("Polygons", "vectors", suffix="_layers", layer_option="layer"),
            Widget(
                "Folders of several maps, one a line", "folders", suffix="_folders", advanced=True
            ),
        ),
        "dem": shared.DEM,
        "dem_time": Widget("Elevation model is from"),
        "min_area": Widget("Minimum mapping unit (m²)", minimum=0),
        "date": Widget("Date of the scene", "date"),
        "water": Widget("Rivers and lakes", "vector"),
        "roads": Widget("Roads", "vector", geometry="line"),
        "area": shared.AREA,
        "sample": Widget("Judged sample", "file", files="CSV, GeoPackage (*.csv *.gpkg *.shp)"),
        "errors": Widget("Evaluation (JSON)", "file", files="JSON (*.json)", advanced=True),
        "name": Widget("Name of the inventory"),
        "lang": shared.LANGUAGE,
        "low": Widget("Lower probability", advanced=True, minimum=0, maximum=1),
        "high": Widget("Upper probability", advanced=True, minimum=0, maximum=1),
        "max_shift": Widget("Largest shift of outlines (m)", advanced=True, minimum=0),
        "smooth": Widget("Smooth outlines", advanced=True),
        "split": Widget("Split landslides that touch", advanced=True),
        "unreviewed": Widget("Polygons that nobody judged", advanced=True),
        "original": Widget("Inventory that was corrected", "folder", advanced=True),
        "date_column": Widget("Column of dates", advanced=True),
        "scene": Widget("Mapped scene", "raster", advanced=True),
        "use_scene": Widget("Read the scene", advanced=True),
        "bands": shared.BANDS,
        "units": shared.UNITS,
        "nodata": shared.NODATA,
        "cell": Widget("Cells of the density (m)", advanced=True, minimum=0),
        "draws": shared.DRAWS,
        "seed": shared.SEED,
        "datum_shift": shared.DATUM,
        **shared.FOLDER_OUTPUT,
    },
    left_out={"layer": "that of the chosen polygons"},
    results=_INVENTORY_RESULTS,
    figures=(Figure("COUNT", "Number of landslides", "inventory.json", "landslides"),),
)

COMPARE = Tool(
    command="compare",
    group="Landslides",
    label="Compare inventories",
    widgets={
        "inventory": (
            Widget("Inventory", "folder"),
            Widget(
                "Inventory (polygons)",
                "vectors",
                suffix="_layers",
                layer_option="layer",
                whole_folders=(shared.INVENTORY,),
            ),
        ),
        "reference": (
            Widget("Reference inventory", "folder"),
            Widget(
                "Reference (polygons)",
                "vector",
                suffix="_layer",
                layer_option="reference_layer",
                whole_folders=(shared.INVENTORY,),
            ),
        ),
        "area": shared.AREA,
        "resolution": Widget("Side of a pixel (m)", minimum=0.01),
        "min_iou": Widget("Least intersection over union", minimum=0, maximum=1),
        "draws": shared.DRAWS,
        "block_m": Widget("Side of blocks for intervals (m)", advanced=True, minimum=0),
        "seed": shared.SEED,
        "datum_shift": shared.DATUM,
        **shared.FOLDER_OUTPUT,
    },
    left_out={
        "layer": "that of the chosen polygons",
        "reference_layer": "that of the chosen polygons",
    },
    results=(
        Result("False", "comparison.gpkg", "false", "FALSE", "false"),
        Result("Missed", "comparison.gpkg", "missed", "MISSED", "missed"),
        Result("Matched", "comparison.gpkg", "matched", "MATCHED", "matched"),
    ),
)

SAMPLE = Tool(
    command="sample",
    group="Landslides",
    label="Draw an accuracy sample",
    widgets={
        "source": (
            Widget("Map or inventory", "folder"),
            Widget("Mask or probability", "raster", suffix="_raster"),
            Widget("Polygons", "vector", suffix="_layer"),
        ),
        "size": Widget("Number of points", minimum=1),
        "standard_error": Widget("Standard error", minimum=0, maximum=1),
        "strata": Widget("Strata"),
        "allocation": Widget("Allocation"),
        "area": shared.AREA,
        "buffer_m": Widget("Reach of the buffer (m)", minimum=0),
        "buffer_side": Widget("Side of the buffer", advanced=True),
        "probability_classes": Widget("Classes of the probability", advanced=True),
        "threshold": Widget("Threshold of the probability", minimum=0, maximum=1),
        "expected": Widget("Expected accuracies", advanced=True),
        "min_per_stratum": Widget("Least points in a stratum", advanced=True, minimum=0),
        "resolution": Widget("Side of a pixel (m)", minimum=0.01),
        "hide_map": Widget("Hide the map's class", advanced=True),
        "seed": shared.SEED,
        "overwrite": shared.OVERWRITE,
        "out": Widget("Output", "to_file", files="GeoPackage (*.gpkg)"),
    },
    results=(Result("Points to judge", "", "points", "POINTS"),),
)

REPORT = Tool(
    command="report",
    group="Landslides",
    label="Write a report",
    widgets={
        "folder": Widget("Inventory or histories", "folder"),
        "lang": Widget("Language of the page"),
        "scene": Widget("Mapped scene", "raster"),
        "recovery": Widget("Recovery", "folder", advanced=True),
        "states": Widget("States", "folder", advanced=True),
        "datum_shift": shared.DATUM,
        "overwrite": shared.OVERWRITE,
        "out": Widget("Output", "to_file", files="HTML (*.html)"),
    },
)
