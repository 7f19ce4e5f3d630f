"""What tiles of two datasets share."""

from pathlib import Path

import numpy as np
import rasterio.crs
from affine import Affine
from numpy.typing import NDArray

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.split_plan import SplitPlan
from landslip.datasets.splits.between import shared_between
from landslip.datasets.write import DatasetWriter, Description, Origin

SIDE = 16


def row_of_tiles(
    folder: Path, pixels: list[NDArray[np.uint8]], *, left: float, utm: int | None = 32648
) -> TileDataset:
    """Tiles of 2 m pixels side by side from x ``left`` on; without a place where utm is None."""
    folder.mkdir()
    description = Description(
        bands=Bands(("red",)),
        radiometry=Radiometry(units=Units.DN, dtype="uint8"),
        nodata=None,
        resolution_m=2.0,
        tile_size=SIDE,
        source="made by code",
        split_method="none",
        plan=SplitPlan(test_share=0, val_share=0),
    )
    grid = None
    if utm is not None:
        grid = Grid(
            crs=rasterio.crs.CRS.from_epsg(utm),
            transform=Affine(2, 0, left, 0, -2, 3_500_000),
            shape=(SIDE, SIDE * len(pixels)),
        )
    with DatasetWriter(folder, description) as writer:
        for at, stored in enumerate(pixels):
            label = np.zeros((SIDE, SIDE), dtype=np.uint8)
            name = f"{folder.name}{at}"
            tile = Tile(tile_id=name, stored=stored, label=label, valid=label == 0)
            window = Window(SIDE * at, 0, SIDE, SIDE)
            writer.add(tile, Origin(scene="row", window=window, group=name, grid=grid))
        writer.finish()
    return TileDataset(folder)


def noise(number: int, seed: int) -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (1, SIDE, SIDE), dtype=np.uint8) for _ in range(number)]


def test_another_date_of_the_same_ground_is_told_by_its_place(tmp_path: Path) -> None:
    first = row_of_tiles(tmp_path / "first", noise(4, 0), left=500_000)
    second = row_of_tiles(tmp_path / "second", noise(4, 1), left=500_000 + 2 * 2 * SIDE + 8)
    shared = shared_between(first, [0, 1, 3], second)
    # the second row begins 8 m into the third tile of the first, which is not among those asked for
    assert (shared.ground, shared.pixels, shared.tiles) == (2, 0, 4)
    assert str(shared) == "2 of 4 tiles show ground that the model was trained on"
    assert not shared_between(first, [0, 1], second)


def test_tiles_that_only_touch_share_nothing(tmp_path: Path) -> None:
    first = row_of_tiles(tmp_path / "first", noise(2, 0), left=500_000)
    second = row_of_tiles(tmp_path / "second", noise(2, 1), left=500_000 + 2 * 2 * SIDE)
    assert not shared_between(first, [0, 1], second)


def test_equal_pixels_are_found_without_a_place(tmp_path: Path) -> None:
    pixels = noise(3, 0)
    first = row_of_tiles(tmp_path / "first", pixels, left=0, utm=None)
    second = row_of_tiles(tmp_path / "second", [*noise(1, 1), pixels[2]], left=0, utm=None)
    shared = shared_between(first, [0, 2], second)
    assert (shared.ground, shared.pixels) == (0, 1)
    assert not shared_between(first, [0, 1], second)
