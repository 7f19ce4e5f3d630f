from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from landslip.datasets.format import TileDataset
from landslip.datasets.join import join_datasets
from landslip.datasets.splits.landslides import shared_landslides

MakeScene = Callable[..., TileDataset]
Spots = Callable[..., NDArray[np.uint8]]


def positions(dataset: TileDataset, side: int) -> dict[tuple[int, int], int]:
    places = zip(dataset.index["row_off"], dataset.index["col_off"], strict=True)
    return {(row // side, col // side): at for at, (row, col) in enumerate(places)}


@pytest.mark.parametrize("seed", range(4))
def test_as_labelled_on_the_whole_scene(make_scene: MakeScene, spots: Spots, seed: int) -> None:
    label, side = spots((48, 60), seed, 0.15), 6
    dataset = make_scene(label, side)
    whole, number = ndimage.label(label, np.ones((3, 3)))
    expected = []
    for landslide in range(1, number + 1):
        rows, cols = np.nonzero(whole == landslide)
        tiles = {(int(row), int(col)) for row, col in zip(rows // side, cols // side, strict=True)}
        if len(tiles) > 1:
            expected.append(sorted(positions(dataset, side)[tile] for tile in tiles))
    assert len(expected) > 5
    assert sorted(found.tolist() for found in shared_landslides(dataset)) == sorted(expected)


def test_corners_touch_and_gaps_do_not(make_scene: MakeScene) -> None:
    label = np.zeros((8, 12), dtype=np.uint8)
    label[3, 3] = label[4, 4] = 1  # across a corner
    label[1, 7] = label[1, 9] = 1  # a pixel apart, in tiles that touch
    (found,) = shared_landslides(make_scene(label, 4))
    assert found.tolist() == [0, 4]


def test_tiles_that_overlap_share_what_both_show(make_scene: MakeScene) -> None:
    label = np.zeros((4, 12), dtype=np.uint8)
    label[1, 5] = 1
    dataset = make_scene(label, 4, step=2)  # columns 0-3, 2-5, 4-7, 6-9, 8-11
    (found,) = shared_landslides(dataset)
    assert found.tolist() == [1, 2]


def test_a_landslide_of_two_scenes_is_two(make_scene: MakeScene) -> None:
    left, right = np.zeros((2, 4, 4), dtype=np.uint8)
    left[:, 3] = 1
    right[:, 0] = 1
    parts = {name: make_scene(label, 4, name=name) for name, label in (("a", left), ("b", right))}
    out = parts["a"].path.parent / "joined"
    join_datasets(parts, {}, out)
    assert shared_landslides(TileDataset(out)) == []


def test_a_dataset_without_landslides_or_windows(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((8, 8), dtype=np.uint8), 4)
    assert shared_landslides(dataset) == []
    striped = make_scene(np.ones((8, 8), dtype=np.uint8), 4, name="ones")
    assert [found.tolist() for found in shared_landslides(striped)] == [[0, 1, 2, 3]]
    del striped.index["scene"]
    assert shared_landslides(striped) == []
