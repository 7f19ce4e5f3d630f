"""Tools for scenes and inventories of several dates."""

from __future__ import annotations

from . import shared
from .definition import Figure, Result, Tool, Widget

SERIES = Tool(
    command="series",
    group="Several dates",
    label="Make a series of scenes",
    widgets={
        "scenes": (
            Widget("Scenes", "rasters"),
            Widget("Folders or files, one a line", "lines", suffix="_paths", advanced=True),
        ),
        "dates": Widget("Dates of the scenes in their order"),
        "reference": Widget("Reference scene (date)"),
        "clouds": Widget("Cloud masks", "rasters"),
        "registration": Widget("Correct shifts"),
        "normalisation": Widget("Normalise the radiometry"),
        "cloud_detection": Widget("Look for clouds"),
        "bands": shared.BANDS,
        "scale": Widget("Reflectance of a stored 1", advanced=True, minimum=0),
        "nodata": shared.NODATA,
        "datum_shift": shared.DATUM,
        **shared.FOLDER_OUTPUT,
    },
    results=(Result("Scene", "????-??-??.tif", look="scene", is_raster=True),),
)

STATES = Tool(
    command="states",
    group="Several dates",
    label="Find states of the ground",
    widgets={
        "series": Widget("Series", "folder"),
        "maps": Widget("Maps (DATE=FOLDER), one a line", "lines"),
        "model": Widget("Model", "folder"),
        "triggers": Widget("Days of earthquakes and rainstorms"),
        "fresh_years": Widget("Years until plants return", minimum=0),
        "recovering_years": Widget("Years until recovered", minimum=0),
        "prior": Widget("Share of landslide pixels", advanced=True, minimum=0, maximum=1),
        **shared.FOLDER_OUTPUT,
    },
    results=(Result("State", "????-??-??_state.tif", look="state", is_raster=True),),
)

TRACK = Tool(
    command="track",
    group="Several dates",
    label="Track landslides",
    widgets={
        "inventories": (
            Widget(
                "Inventories (layers)",
                "vectors",
                suffix="_layers",
                whole_folders=(shared.INVENTORY,),
            ),
            Widget("Inventories, or series and states: folders, one a line", "folders"),
        ),
        "series": Widget("Series", "folder"),
        "footprints": Widget("Searched areas by date", "vector"),
        "dates": Widget("Dates of the inventories in their order"),
        "date_column": Widget("Column of dates", advanced=True),
        "registration_error": Widget("Displacement of outlines (m)", advanced=True, minimum=0),
        "min_overlap": Widget("Least overlap", advanced=True, minimum=0, maximum=1),
        "min_change": Widget("Least growth", advanced=True, minimum=0),
        "previous": Widget("Earlier histories", "folder", advanced=True),
        "lang": shared.LANGUAGE,
        "datum_shift": shared.DATUM,
        **shared.FOLDER_OUTPUT,
    },
    results=(
        Result("Landslides by date", "tracks.gpkg", "landslides", "LANDSLIDES"),
        Result("Histories", "tracks.gpkg", "tracks", "TRACKS", is_shown=False),
    ),
    figures=(Figure("COUNT", "Number of histories", "tracks.json", "tracks"),),
)

RECOVERY = Tool(
    command="recovery",
    group="Several dates",
    label="Measure recovery",
    widgets={
        "landslides": (
            Widget("Histories or inventory", "folder"),
            Widget(
                "Polygons",
                "vector",
                suffix="_layer",
                whole_folders=(shared.INVENTORY, shared.HISTORIES),
            ),
        ),
        "series": Widget("Series", "folder"),
        "failed": Widget("Day on which all failed", "date"),
        "lang": shared.LANGUAGE,
        "draws": shared.DRAWS,
        "seed": shared.SEED,
        **shared.FOLDER_OUTPUT,
    },
    results=(
        Result("Recovery by date", "recovery.gpkg", "trajectories", "TRAJECTORIES", is_shown=False),
        Result("Recovery of landslides", "recovery.gpkg", "landslides", "RECOVERED_LANDSLIDES"),
        Result(
            "Recovery of pixels",
            "recovery_class.tif",
            output="RECOVERY_CLASS",
            look="recovery",
            is_raster=True,
            is_shown=False,
        ),
    ),
    figures=(Figure("COUNT", "Number of landslides", "recovery.json", "landslides"),),
)
