"""What an extraction writes: two rasters, polygons and a summary."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
from numpy.typing import NDArray

from landslip.extraction.polygons import Landslide, to_map
from landslip.grid import AreaMeasure, Grid
from landslip.raster import Layer, RasterOutput
from landslip.window import Window

PROBABILITY, MASK = "probability.tif", "mask.tif"
LANDSLIDES, SUMMARY = "landslides.gpkg", "summary.json"
LAYER = "landslides"
PROBABILITY_STEPS = 250
NODATA = 255

_PROBABILITY_LAYER = Layer(
    description="probability of landslide", nodata=NODATA, scale=1 / PROBABILITY_STEPS
)
_MASK_LAYER = Layer(description="landslide", nodata=NODATA)


class ResultRasters:
    """The probability and mask rasters of a scene, written in rows from the top.

    ``probability.tif`` holds ``round(250 * probability)`` with a scale tag of 0.004, ``mask.tif``
    0 and 1; in both, 255 is nodata and marks every pixel that was not valid in the scene.
    """

    def __init__(self, folder: Path, grid: Grid) -> None:
        """Create both in a folder."""
        self._folder = folder
        self._probability = RasterOutput(folder / ".probability.tif", grid, (_PROBABILITY_LAYER,))
        self._mask = RasterOutput(folder / ".mask.tif", grid, (_MASK_LAYER,))

    def write(
        self,
        probability: NDArray[np.float32],
        found: NDArray[np.bool_],
        valid: NDArray[np.bool_],
        window: Window,
    ) -> None:
        """Write a window of both."""
        scaled = np.rint(probability * PROBABILITY_STEPS).astype(np.uint8)
        self._probability.write(np.where(valid, scaled, np.uint8(NODATA)), window)
        self._mask.write(np.where(valid, found, np.uint8(NODATA)).astype(np.uint8), window)

    def finish(self) -> None:
        """Turn both into COGs."""
        self._probability.finish(self._folder / PROBABILITY, overviews="average")
        self._mask.finish(self._folder / MASK, overviews="mode")

    def close(self) -> None:
        """Close both as they are."""
        self._probability.close()
        self._mask.close()


def landslide_frame(
    landslides: list[Landslide], grid: Grid, min_area_m2: float
) -> geopandas.GeoDataFrame:
    """Return the landslides as a table, numbered from 1, the largest first.

    Without a coordinate system ``area_m2`` is empty and nothing is left out.
    """
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    polygons = to_map(landslides, grid.transform)
    areas = AreaMeasure(grid.crs).areas_m2(polygons)
    kept = np.flatnonzero(~(areas < min_area_m2))
    return geopandas.GeoDataFrame(
        {
            "id": np.arange(1, len(kept) + 1, dtype=np.int64),
            "area_m2": areas[kept],
            "area_px": np.array([landslides[at].pixels for at in kept], dtype=np.int64),
            "mean_probability": np.array([landslides[at].mean_probability for at in kept]),
            "max_probability": np.array([landslides[at].max_probability for at in kept]),
        },
        geometry=geopandas.GeoSeries(polygons[kept], crs=crs),
    )


def write_landslides(frame: geopandas.GeoDataFrame, path: Path) -> None:
    """Write the table as a GeoPackage; an empty one has the same columns."""
    with warnings.catch_warnings():
        # a scene without a coordinate system is told of in the summary
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        frame.to_file(path, driver="GPKG", layer=LAYER, engine="pyogrio", geometry_type="Polygon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What ``summary.json`` says."""

    scene: str
    model: str
    model_weights_sha256: str
    bands: list[str]
    crs: str | None
    width: int
    height: int
    resolution_m: float | None
    threshold: float
    min_area_m2: float
    area_method: str | None
    landslides: int
    landslide_area_m2: float | None
    landslide_px: int
    valid_px: int
    engine: str
    precision: str
    tile: int
    overlap: int
    skipped_windows_share: float
    seconds: float
    mpix_per_s: float
    warnings: list[str]
    code_version: str

    def write(self, path: Path) -> None:
        """Write as JSON."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        path.write_text(json.dumps(fields, indent=2) + "\n")
