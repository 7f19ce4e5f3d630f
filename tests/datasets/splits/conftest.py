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
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import TileDataset

MakeTiles = Callable[..., TileDataset]
MakeScene = Callable[..., TileDataset]


@pytest.fixture
def make_tiles(tmp_path: Path) -> MakeTiles:
    """Give the function that makes a dataset of pictures (bands, height, width) without places."""

    def make(
        pictures: Sequence[NDArray[Any]], groups: Sequence[str] | None = None, name: str = "tiles"
    ) -> TileDataset:
        tiles = [make_tile(f"t{at:03d}", picture) for at, picture in enumerate(pictures)]
        windows = [Window(0, 0, *picture.shape[:0:-1]) for picture in pictures]
        return write_dataset(
            tmp_path / name, tiles, groups=groups, scene=None, windows=windows, tile_size=64
        )

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
        corner = transform or Affine(2, 0, 350_000, 0, -2, 3_465_000)
        grid = Grid(crs=CRS.from_user_input(crs), transform=corner, shape=label.shape)
        generator = np.random.default_rng(int.from_bytes(name.encode()[-4:], "big"))
        step = step or side
        windows = [
            Window(col, row, side, side)
            for row in range(0, label.shape[0] - side + 1, step)
            for col in range(0, label.shape[1] - side + 1, step)
        ]
        tiles = [
            make_tile(
                f"{name}_r{window.row_off}_c{window.col_off}",
                generator.integers(0, 255, (1, side, side), dtype=np.uint8),
                label[window.slices_in(grid.window)],
            )
            for window in windows
        ]
        return write_dataset(tmp_path / name, tiles, scene=name, windows=windows, grid=grid)

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
