"""Windows that are moved off the centre of their tiles; pixels encode where they come from."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.choices import Split
from landslip.core.window import Window
from landslip.datasets.format import IGNORE, LANDSLIDE, Tile, TileDataset
from landslip.datasets.off_centre import OffCentreTiles, Surroundings

SIDE = 40


def scene(rows: int, cols: int) -> NDArray[np.uint16]:
    """Return a scene (1, height, width) in which no two pixels are alike."""
    height, width = rows * SIDE, cols * SIDE
    return np.arange(height * width, dtype=np.uint16).reshape(1, height, width)


def cut(folder: Path, rows: int = 3, cols: int = 3) -> TileDataset:
    """Write the tiles of a scene."""
    pixels = scene(rows, cols)
    windows = [
        Window(col * SIDE, row * SIDE, SIDE, SIDE) for row in range(rows) for col in range(cols)
    ]
    tiles = [
        make_tile(f"t{at}", pixels[:, one.row_off : one.row_end, one.col_off : one.col_end])
        for at, one in enumerate(windows)
    ]
    return write_dataset(
        folder, tiles, windows=windows, tile_size=SIDE, splits=[Split.TEST] * len(tiles)
    )


def pictures(folder: Path, landslides: list[bool], side: int = SIDE) -> TileDataset:
    """Write tiles without neighbours; the number of a pixel is that of its tile."""
    tiles: list[Tile] = []
    for at, has_landslide in enumerate(landslides):
        label = np.zeros((side, side), np.uint8)
        if has_landslide:
            label[2:-2, 2:-2] = LANDSLIDE
        tiles.append(make_tile(f"t{at}", np.full((2, side, side), at, np.uint8), label))
    return write_dataset(
        folder, tiles, scene=None, windows=[Window(0, 0, side, side)] * len(tiles),
        splits=[Split.TEST] * len(tiles),
    )  # fmt: skip


def test_a_scene_is_seen_through_a_moved_window(tmp_path: Path) -> None:
    dataset = cut(tmp_path)
    moved = OffCentreTiles(dataset, Split.TEST)
    middle = 4  # of nine: it has all neighbours
    rows, cols = moved.move(middle)
    assert 10 <= abs(rows) <= 15
    assert 10 <= abs(cols) <= 15
    tile = moved.tile(middle)
    top, left = SIDE + rows, SIDE + cols
    expected = scene(3, 3)[:, top : top + SIDE, left : left + SIDE]
    np.testing.assert_array_equal(tile.stored, expected)
    assert tile.valid.all()
    assert moved.surroundings(middle) is Surroundings.NEIGHBOURS


def test_the_tiles_own_pixels_are_those_that_count(tmp_path: Path) -> None:
    dataset = cut(tmp_path)
    moved = OffCentreTiles(dataset, Split.TEST)
    for position in range(len(dataset)):
        tile, original = moved.tile(position), dataset.tile(position)
        own, shown = moved.own(position), moved.shown(position)
        np.testing.assert_array_equal(tile.stored[:, *shown], original.stored[:, *own])
        outside = np.ones(tile.label.shape, np.bool_)
        outside[shown] = False
        assert (tile.label[outside] == IGNORE).all()
        assert (tile.label[~outside] != IGNORE).all()
        assert 0.39 <= tile.counted.mean() <= 0.57
        rows, cols = shown
        centre = SIDE // 2 - moved.move(position)[0], SIDE // 2 - moved.move(position)[1]
        assert all(5 <= min(place, SIDE - place) <= 10 for place in centre)
        assert rows.start == 0 or rows.stop == SIDE
        assert cols.start == 0 or cols.stop == SIDE


def test_directions_are_drawn_and_stay(tmp_path: Path) -> None:
    dataset = cut(tmp_path, 5, 5)
    moves = [OffCentreTiles(dataset, Split.TEST).move(at) for at in range(25)]
    assert len({(rows > 0, cols > 0) for rows, cols in moves}) == 4
    assert moves == [OffCentreTiles(dataset, Split.TEST).move(at) for at in range(25)]


def test_pictures_are_surrounded_by_another_without_landslides(tmp_path: Path) -> None:
    dataset = pictures(tmp_path, [True, True, False, False])
    moved = OffCentreTiles(dataset, Split.TEST)
    for position, others in ((0, {2, 3}), (1, {2, 3}), (2, {3}), (3, {2})):
        tile = moved.tile(position)
        found = {int(number) for number in np.unique(tile.stored)}
        assert position in found
        assert found - {position} <= others
        assert len(found) == 2
        assert (tile.label[tile.stored[0] != position] == IGNORE).all()
    assert moved.count_surroundings([0, 1, 2, 3]) == {"background": 4}


def test_only_tiles_of_the_split_surround(tmp_path: Path) -> None:
    dataset = pictures(tmp_path, [True, False])
    splits = [Split.TEST, Split.TRAIN]
    moved = OffCentreTiles(dataset.with_split(splits, "stated"), Split.TEST)
    assert moved.surroundings(0) is Surroundings.MIRRORED


def test_else_the_ground_is_mirrored_and_not_counted(tmp_path: Path) -> None:
    pixels = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(1, SIDE, SIDE)
    label = np.full((SIDE, SIDE), LANDSLIDE, np.uint8)
    label[0, 0] = 0
    dataset = write_dataset(
        tmp_path, [make_tile("a", pixels, label)], splits=[Split.TEST], scene=None
    )
    moved = OffCentreTiles(dataset, Split.TEST)
    tile, (rows, cols) = moved.tile(0), moved.move(0)
    padded = np.pad(pixels[0], 20, mode="symmetric")
    expected = padded[20 + rows : 20 + rows + SIDE, 20 + cols : 20 + cols + SIDE]
    np.testing.assert_array_equal(tile.stored[0], expected)
    assert tile.counted.sum() == (SIDE - abs(rows)) * (SIDE - abs(cols))
    assert moved.surroundings(0) is Surroundings.MIRRORED


@pytest.mark.parametrize("side", [40, 25])
def test_a_tile_of_another_size_surrounds_nothing(tmp_path: Path, side: int) -> None:
    label = np.zeros((side, side), np.uint8)
    large = make_tile("large", np.ones((1, 40, 40), np.uint8), np.ones((40, 40), np.uint8))
    other = make_tile("other", np.ones((1, side, side), np.uint8), label)
    dataset = write_dataset(tmp_path, [large, other], splits=[Split.TEST] * 2, scene=None)
    expected = Surroundings.BACKGROUND if side == 40 else Surroundings.MIRRORED
    assert OffCentreTiles(dataset, Split.TEST).surroundings(0) is expected
