"""Writes datasets in the format of `landslip.datasets.format`."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from landslip import __version__
from landslip.core.band_order import match_band_order
from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Split
from landslip.core.crs import is_on_earth
from landslip.core.errors import InputError, argument
from landslip.core.files import Closeable
from landslip.core.geometries import reproject
from landslip.core.grid import Grid
from landslip.core.messages import Message, sentences
from landslip.core.window import Window
from landslip.datasets.contents import few_landslides, missing_splits, split_contents
from landslip.datasets.format import (
    CARD,
    IMAGES,
    INDEX,
    LABELS,
    LANDSLIDE,
    VALID,
    DatasetCard,
    Tile,
)
from landslip.datasets.position_prior import PositionPriorSurvey
from landslip.datasets.splits.assignment import SplitPlan, assign, split_digest

_SAMPLED_PX_PER_TILE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TileOrigin:
    """A tile's scene, its window there, its split group, and the grid if the scene has one."""

    scene: str
    window: Window
    group: str
    grid: Grid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDescription:
    """What all tiles of a dataset have in common."""

    bands: Bands
    radiometry: Radiometry
    nodata: float | None
    resolution_m: float | None
    tile_size: int
    source: str
    split_method: str
    plan: SplitPlan


class DatasetWriter(Closeable):
    """Appends tiles to a folder; `finish` assigns the split and writes index and card."""

    def __init__(self, path: Path, description: DatasetDescription) -> None:
        """Create the three arrays in an empty folder."""
        self._path = path
        self._description = description
        self._files: dict[str, IO[bytes]] = {
            name: (path / name).open("wb") for name in (IMAGES, LABELS, VALID)
        }
        self._digest = hashlib.sha256()
        self._rows: list[dict[str, object]] = []
        self._samples: list[NDArray[Any]] = []
        self._survey = PositionPriorSurvey()
        self._pixels = 0

    def add(self, tile: Tile, origin: TileOrigin) -> None:
        """Append one tile."""
        self.add_row(
            tile,
            {
                "group": origin.group,
                "scene": origin.scene,
                "col_off": origin.window.col_off,
                "row_off": origin.window.row_off,
                **pixel_columns(tile),
                **_georeference(origin),
            },
        )

    def add_row(self, tile: Tile, row: Mapping[str, object]) -> None:
        """Append one tile with its row of the index, but its name and position in the arrays."""
        parts = {
            IMAGES: np.ascontiguousarray(tile.stored, dtype=self._description.radiometry.dtype),
            LABELS: np.ascontiguousarray(tile.label, dtype=np.uint8),
            VALID: np.ascontiguousarray(tile.valid, dtype=np.uint8),
        }
        for name, pixels in parts.items():
            self._files[name].write(pixels.data)
            self._digest.update(pixels.data)
        self._rows.append({"tile_id": tile.tile_id, **row, "pixel_start": self._pixels})
        self._samples.append(_sample(tile))
        self._survey.add(tile.label, tile.counted, str(row.get("group") or tile.tile_id))
        self._pixels += tile.label.size

    def finish(
        self, splits: Sequence[Split] | None = None, *, notes: Sequence[str] = ()
    ) -> DatasetCard:
        """Write ``tiles.parquet`` and ``dataset.json``; the split is assigned unless given.

        ``notes`` are kept in the card, with warnings of what looks wrong in the tiles.

        Raises:
            InputError: the split leaves no tile to train on, or all labelled pixels are landslide.
        """
        self.close()
        ids = [str(row["tile_id"]) for row in self._rows]
        if splits is None:
            splits = assign(
                [str(row["group"]) for row in self._rows],
                self._description.plan,
                [int(str(row["landslide_px"])) for row in self._rows],
            )
        for row, split in zip(self._rows, splits, strict=True):
            row["split"] = split.value
        geometry = geopandas.GeoSeries([row.pop("footprint") for row in self._rows], crs=4326)
        frame = geopandas.GeoDataFrame(self._rows, geometry=geometry)
        frame.to_parquet(self._path / INDEX, index=False)
        counted = sum(int(str(row["valid_px"])) for row in self._rows)
        landslide = sum(int(str(row["landslide_px"])) for row in self._rows)
        columns = ("tile_id", "group", "split", "landslide_px", "landslide_objects")
        contents = split_contents({name: [row.get(name) for row in self._rows] for name in columns})
        description = self._description
        card = DatasetCard(
            bands=description.bands.names,
            units=description.radiometry.units,
            dtype=description.radiometry.dtype,
            scale=description.radiometry.scale,
            offset=description.radiometry.offset,
            nodata=description.nodata,
            band_radiometry=description.radiometry.bands,
            resolution_m=description.resolution_m,
            tile_size=description.tile_size,
            source=description.source,
            split_method=description.split_method,
            test_share=description.plan.test_share,
            val_share=description.plan.val_share,
            seed=description.plan.seed,
            tiles=dict(sorted(Counter(split.value for split in splits).items())),
            splits=contents,
            warnings=(
                *notes,
                *sentences(
                    [
                        *missing_splits(
                            contents,
                            test_share=description.plan.test_share,
                            val_share=description.plan.val_share,
                        ),
                        *few_landslides(contents),
                        *self._doubts(counted, landslide),
                    ]
                ),
            ),
            position_prior=self._survey.measure(),
            landslide_share=landslide / counted if counted else None,
            pixels_sha256=self._digest.hexdigest(),
            split_sha256=split_digest(ids, splits),
            code_version=__version__,
        )
        (self._path / CARD).write_text(card.model_dump_json(indent=2) + "\n")
        return card

    def _doubts(self, counted: int, landslide: int) -> Iterator[Message]:
        """Yield what looks wrong in labels and bands."""
        if landslide and landslide == counted:
            raise InputError(
                f"{self._description.source}: every labelled pixel is landslide, and models learn "
                "from background too; label it, or state its number with "
                f"{argument('background_value')}"
            )
        if self._samples:
            bands, own = self._description.bands, self._description.bands.own
            samples = np.concatenate(self._samples, axis=1)[list(own)]
            values = self._description.radiometry.select(own).values(samples)
            match = match_band_order(values, bands.at(own))
            if match is not None and match.is_wrong:
                yield match.note(bands.at(own), bands)

    def close(self) -> None:
        """Close the arrays."""
        for file in self._files.values():
            file.close()


def pixel_columns(tile: Tile) -> dict[str, object]:
    """Return the columns of the index that follow from a tile's pixels."""
    height, width = tile.label.shape
    landslide = tile.counted & (tile.label == LANDSLIDE)
    return {
        "width": width,
        "height": height,
        "valid_px": int(np.count_nonzero(tile.counted)),
        "landslide_px": int(np.count_nonzero(landslide)),
        "landslide_objects": int(ndimage.label(landslide, np.ones((3, 3)))[1]),
    }


def _sample(tile: Tile) -> NDArray[Any]:
    """Return some valid pixels (bands, n)."""
    step = max(1, tile.valid.size // _SAMPLED_PX_PER_TILE)
    flat = tile.stored.reshape(len(tile.stored), -1)[:, ::step]
    return flat[:, tile.valid.ravel()[::step]]


def _georeference(origin: TileOrigin) -> dict[str, object]:
    """Return a tile's coordinate system, transform, and footprint in WGS 84."""
    grid = origin.grid
    if grid is None or grid.crs is None:
        return {"crs_wkt": None, "transform": None, "footprint": None}
    transform = list(grid.at(origin.window).transform)[:6]
    columns: dict[str, object] = {"crs_wkt": grid.crs.to_wkt(), "transform": transform}
    if not is_on_earth(grid.crs):  # of a site, without a datum
        return columns | {"footprint": None}
    ring = shapely.Polygon(grid.corners(origin.window))
    place = np.array([ring], dtype=object)
    return columns | {"footprint": reproject(place, grid.crs, pyproj.CRS.from_epsg(4326))[0]}
