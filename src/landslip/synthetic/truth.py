"""Writes what is known of made-up products, for those who check what becomes of them."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely

from landslip.core.choices import Units
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import OutputBand, write_scene
from landslip.synthetic.ground import GROUND_BANDS, Ground
from landslip.synthetic.history import landslides_on
from landslip.synthetic.land import Land
from landslip.synthetic.landscape.landslides import on_map
from landslip.synthetic.overpass import Overpass

_SCALE = 0.0001


def write_area(grid: Grid, window: Window, path: Path) -> None:
    """Write a window's outline as a GeoPackage of one polygon."""
    _write_polygons({"id": [1]}, [shapely.Polygon(grid.corners(window))], grid, path)


def write_landslides(land: Land, day: date, path: Path) -> int:
    """Write the landslides that can be seen on a day, and return how many there are."""
    landslides = on_map(landslides_on(land.slides, day), land.grid)
    outlines = [one.outline for one in landslides]
    columns = {
        "id": np.arange(1, len(outlines) + 1),
        "area_m2": shapely.area(outlines),
        "freshness": [one.freshness for one in landslides],
    }
    _write_polygons(columns, outlines, land.grid, path)
    return len(outlines)


def write_reflectance(ground: Ground, window: Window, path: Path) -> None:
    """Write the lit ground of a window, as if there were no air, as reflectance x 10000."""
    rows, cols = window.slices_in(ground.grid.window)
    stored = np.clip(np.rint(ground.reflectance[:, rows, cols] / _SCALE), 1, 65_535)
    layers = tuple(
        OutputBand(
            description=name,
            dtype="uint16",
            nodata=0,
            scale=_SCALE,
            units=Units.REFLECTANCE.value,
        )
        for name in GROUND_BANDS
    )
    write_scene(path, stored.astype(np.uint16), ground.grid.at(window), layers)


def overpass_facts(overpass: Overpass) -> dict[str, Any]:
    """Return how the satellite looked and how wrong its metadata are, for a JSON file."""
    return asdict(overpass) | {"utc": overpass.utc.isoformat()}


def _write_polygons(
    columns: dict[str, Any], polygons: list[shapely.Polygon], grid: Grid, path: Path
) -> None:
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    frame = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(polygons, crs=crs))
    frame.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio")
