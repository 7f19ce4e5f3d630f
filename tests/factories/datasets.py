"""Small datasets of tiles."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Split, Units
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin


def make_tile(
    tile_id: str,
    stored: NDArray[Any],
    label: NDArray[Any] | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> Tile:
    """Return a tile (bands, height, width); by default without landslides and all valid."""
    shape = stored.shape[1:]
    return Tile(
        tile_id=tile_id,
        stored=stored,
        label=np.zeros(shape, dtype=np.uint8) if label is None else label,
        valid=np.ones(shape, dtype=np.bool_) if valid is None else valid,
    )


def bright_square(
    tile_id: str,
    generator: np.random.Generator,
    *,
    bands: int = 4,
    side: int = 64,
    brightness: int = 200,
    contrast: int = 400,
    landslide: bool = True,
    dtype: str = "uint16",
) -> Tile:
    """Return noise with a landslide, a square of 20 px that is brighter by ``contrast``."""
    stored = generator.integers(brightness, 2 * brightness, (bands, side, side))
    label = np.zeros((side, side), dtype=np.uint8)
    row, col = generator.integers(0, side - 24, 2)
    if landslide:
        label[row : row + 20, col : col + 20] = 1
    stored[:, label == 1] += contrast
    return make_tile(tile_id, stored.astype(dtype), label)


def write_dataset(
    folder: Path,
    tiles: Iterable[Tile],
    *,
    bands: Sequence[str] = ("red", "green", "blue", "nir"),
    radiometry: Radiometry | None = None,
    groups: Sequence[str] | None = None,
    splits: Sequence[Split] | None = None,
    scene: str | None = "made",
    windows: Sequence[Window] | None = None,
    grid: Grid | None = None,
    **description: Any,
) -> TileDataset:
    """Write tiles as a dataset; by default each is a group of its own.

    Args:
        folder: made if missing.
        tiles: all with the bands and data type of the first.
        bands: names; only the first are taken if tiles have fewer.
        radiometry: by default digital numbers of the tiles' type.
        groups: of each tile.
        splits: of each tile; by default they are assigned by the plan.
        scene: of all tiles; None: each tile is a scene of its own.
        windows: of each tile in its scene; by default side by side.
        grid: of the scene.
        description: fields of `DatasetDescription`, such as ``resolution_m`` or ``plan``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tiles = list(tiles)
    stored = tiles[0].stored
    fields: dict[str, Any] = {
        "bands": Bands(tuple(bands)[: len(stored)]),
        "radiometry": radiometry or Radiometry(units=Units.DN, dtype=stored.dtype.name),
        "nodata": None,
        "resolution_m": None,
        "tile_size": stored.shape[1],
        "source": "made by code",
        "split_method": "random by tile",
        "plan": SplitPlan(),
    }
    with DatasetWriter(folder, DatasetDescription(**(fields | description))) as writer:
        for at, tile in enumerate(tiles):
            height, width = tile.label.shape
            origin = TileOrigin(
                scene=scene or tile.tile_id,
                window=windows[at] if windows else Window(at * width, 0, width, height),
                group=groups[at] if groups else tile.tile_id,
                grid=grid,
            )
            writer.add(tile, origin)
        writer.finish(splits)
    return TileDataset(folder)
