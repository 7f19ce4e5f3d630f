"""Small datasets of tiles, with or without places on the ground."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin

MakeTiles = Callable[..., TileDataset]
MakeScene = Callable[..., TileDataset]


def describe(bands: int, dtype: str, side: int) -> DatasetDescription:
    return DatasetDescription(
        bands=Bands(("red", "green", "blue")[:bands]),
        radiometry=Radiometry(units=Units.DN, dtype=dtype, scale=1, offset=0),
        nodata=None,
        resolution_m=None,
        tile_size=side,
        source="test",
        split_method="random by tile",
        plan=SplitPlan(),
    )


@pytest.fixture
def make_tiles(tmp_path: Path) -> MakeTiles:
    """Give the function that makes a dataset of pictures (bands, height, width) without places."""

    def make(
        pictures: Sequence[NDArray[Any]], groups: Sequence[str] | None = None, name: str = "tiles"
    ) -> TileDataset:
        path = tmp_path / name
        path.mkdir()
        first = pictures[0]
        with DatasetWriter(path, describe(len(first), first.dtype.name, 64)) as writer:
            for at, picture in enumerate(pictures):
                shape = picture.shape[1:]
                tile = Tile(
                    tile_id=f"t{at:03d}",
                    stored=picture,
                    label=np.zeros(shape, dtype=np.uint8),
                    valid=np.ones(shape, dtype=np.bool_),
                )
                window = Window(0, 0, shape[1], shape[0])
                group = tile.tile_id if groups is None else groups[at]
                writer.add(tile, TileOrigin(scene=tile.tile_id, window=window, group=group))
            writer.finish()
        return TileDataset(path)

    return make


@pytest.fixture
def make_scene(tmp_path: Path) -> MakeScene:
    """Give the function that cuts a labelled scene into tiles on the ground, of 2 m pixels."""

    def make(
        label: NDArray[np.uint8],
        side: int,
        *,
        name: str = "scene",
        crs: str = "EPSG:32648",
        transform: Affine | None = None,
        step: int | None = None,
    ) -> TileDataset:
        path = tmp_path / name
        path.mkdir()
        corner = transform or Affine(2, 0, 350_000, 0, -2, 3_465_000)
        grid = Grid(crs=CRS.from_user_input(crs), transform=corner, shape=label.shape)
        generator = np.random.default_rng(int.from_bytes(name.encode()[-4:], "big"))
        step = step or side
        with DatasetWriter(path, describe(1, "uint8", side)) as writer:
            for row in range(0, label.shape[0] - side + 1, step):
                for col in range(0, label.shape[1] - side + 1, step):
                    window = Window(col, row, side, side)
                    tile = Tile(
                        tile_id=f"{name}_r{row}_c{col}",
                        stored=generator.integers(0, 255, (1, side, side), dtype=np.uint8),
                        label=label[window.slices_in(grid.window)],
                        valid=np.ones((side, side), dtype=np.bool_),
                    )
                    origin = TileOrigin(scene=name, window=window, group=tile.tile_id, grid=grid)
                    writer.add(tile, origin)
            writer.finish()
        return TileDataset(path)

    return make


def spots(shape: tuple[int, int], seed: int, share: float = 0.08) -> NDArray[np.uint8]:
    """Return a label with landslides of some pixels across."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2)
    found: NDArray[np.uint8] = (rough > np.quantile(rough, 1 - share)).astype(np.uint8)
    return found


def terrain(seed: int, side: int = 96, bands: int = 3) -> NDArray[np.uint8]:
    """Return a picture (bands, side, side) with structure at every scale."""
    generator = np.random.default_rng(seed)
    height = sum(
        scale * ndimage.gaussian_filter(generator.normal(size=(side, side)), scale, mode="wrap")
        for scale in (1, 2, 4, 8)
    )
    grey = 110 + 50 * (height - np.mean(height)) / np.std(height)
    shades = np.stack([grey * (0.8 + 0.1 * band) for band in range(bands)])
    picture: NDArray[np.uint8] = np.clip(shades, 0, 255).astype(np.uint8)
    return picture


@pytest.fixture(name="spots", scope="session")
def _spots() -> Callable[..., NDArray[np.uint8]]:
    """Give the function that makes a label of a seed."""
    return spots


@pytest.fixture(name="terrain", scope="session")
def _terrain() -> Callable[..., NDArray[np.uint8]]:
    """Give the function that makes a picture of a seed."""
    return terrain
