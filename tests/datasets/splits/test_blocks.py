from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.join import join_datasets
from landslip.datasets.splits.divide import divide
from landslip.datasets.splits.division import Division, Fold
from landslip.datasets.splits.landslides import shared_landslides

MakeScene = Callable[..., TileDataset]
MakeTiles = Callable[..., TileDataset]
Spots = Callable[..., NDArray[np.uint8]]
SIDE = 4
FITTED = (Split.TRAIN, Split.VALIDATION)


def where(fold: Fold, split: Split) -> list[int]:
    return [at for at, found in enumerate(fold.splits) if found is split]


def boxes(dataset: TileDataset) -> NDArray[np.object_]:
    rows, cols = (np.array(dataset.index[name]) for name in ("row_off", "col_off"))
    found: NDArray[np.object_] = shapely.box(2 * cols, 2 * rows, 2 * cols + 8, 2 * rows + 8)
    return found


@pytest.mark.parametrize("folds", [1, 4])
@pytest.mark.parametrize("buffer_m", [None, 0.0, 20.0])
def test_no_fitted_tile_is_near_a_test_tile_or_shares_its_landslides(
    make_scene: MakeScene, spots: Spots, folds: int, buffer_m: float | None
) -> None:
    dataset = make_scene(spots((64, 56), 0), SIDE)
    division = Division(method="blocks", folds=folds, buffer_m=buffer_m, val_share=0.2)
    found = divide(dataset, division)
    assert len(found) == folds
    places, landslides = boxes(dataset), shared_landslides(dataset)
    for fold in found:
        tested = where(fold, Split.TEST)
        assert {fold.splits.count(split) > 0 for split in Split} == {True}
        for split, at in product(FITTED, tested):
            distances = shapely.distance(places[where(fold, split)], places[at])
            assert distances.min() > (8 if buffer_m is None else buffer_m) - 0.01
        for tiles in landslides:
            sides = {fold.splits[at] for at in tiles} - {Split.UNUSED}
            assert len(sides) <= 1


def test_each_tile_is_tested_in_one_of_the_folds(make_scene: MakeScene, spots: Spots) -> None:
    found = divide(make_scene(spots((64, 56), 1), SIDE), Division(method="blocks", folds=5))
    for tile in zip(*(fold.splits for fold in found), strict=True):
        assert tile.count(Split.TEST) == 1


def test_blocks_are_whole_and_what_is_left_out_is_told(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((48, 48), dtype=np.uint8), SIDE)  # 12 x 12 tiles, 9 blocks
    (fold,) = divide(dataset, Division(method="blocks", test_share=0.12, val_share=0))
    sides = np.array(fold.splits).reshape(12, 12)
    tested = np.argwhere(sides == Split.TEST)
    corner, end = tested.min(axis=0), tested.max(axis=0)
    assert len(tested) == 16
    assert (corner % 4).tolist() == [0, 0]
    assert (end - corner).tolist() == [3, 3]
    ring = np.zeros((12, 12), dtype=np.bool_)
    ring[max(corner[0] - 1, 0) : end[0] + 2, max(corner[1] - 1, 0) : end[1] + 2] = True
    assert ((sides == Split.UNUSED) == (ring & (sides != Split.TEST))).all()
    unused = int((sides == Split.UNUSED).sum())
    assert fold.notes[0] == f"{unused} tiles are left out: they lie within 8 m of a test tile"


def test_a_long_landslide_takes_all_its_tiles_from_training(make_scene: MakeScene) -> None:
    label = np.zeros((48, 48), dtype=np.uint8)
    label[:, 21] = 1  # down the whole scene, in the sixth column of tiles
    dataset = make_scene(label, SIDE)
    division = Division(method="blocks", test_share=0.2, buffer_m=0, val_share=0.0, folds=3)
    told = 0
    for fold in divide(dataset, division):
        sides = np.array(fold.splits).reshape(12, 12)
        if Split.TEST in sides[:, 5]:
            assert Split.TRAIN not in sides[:, 5]
            number = int((sides[:, 5] == Split.UNUSED).sum())
            note = f"{number} tiles are left out: they share a landslide with a test tile"
            told += number == 0 or note in fold.notes
        else:
            assert set(sides[:, 5]) == {Split.TRAIN}
            told += 1
    assert told == 3


def test_all_dates_of_a_block_go_one_way(make_scene: MakeScene, spots: Spots) -> None:
    label = spots((48, 40), 2)
    later = np.where(np.arange(48)[:, None] < 24, label, 0).astype(np.uint8)  # half has healed
    parts = {
        name: make_scene(grown, SIDE, name=name) for name, grown in (("a", label), ("b", later))
    }
    out = parts["a"].path.parent / "joined"
    join_datasets(parts, {}, out)
    both = TileDataset(out)
    number = len(parts["a"])
    for fold in divide(both, Division(method="blocks", folds=4)):
        first, second = fold.splits[:number], fold.splits[number:]
        assert first == second


def test_two_dates_of_one_landslide_are_never_on_two_sides(make_scene: MakeScene) -> None:
    whole = np.zeros((8, 32), dtype=np.uint8)
    whole[5, :] = 1
    none = np.zeros_like(whole)  # by the second date it is gone
    parts = {
        name: make_scene(label, SIDE, name=name) for name, label in (("a", whole), ("b", none))
    }
    out = parts["a"].path.parent / "joined"
    join_datasets(parts, {}, out)
    division = Division(method="blocks", block_tiles=1, buffer_m=0, test_share=0.1, val_share=0)
    (fold,) = divide(TileDataset(out), division)
    sides = np.array(fold.splits).reshape(2, 2, 8)
    assert (sides[0] == sides[1]).all()
    assert Split.TEST in sides[0, 1]
    assert Split.TRAIN not in sides[:, 1]


def test_tiles_without_a_place_are_refused(make_tiles: MakeTiles) -> None:
    dataset = make_tiles([np.zeros((1, 4, 4), dtype=np.uint8)] * 5)
    message = "blocks of ground need tiles with coordinates, and 5 of 5 have none; use method: gro"
    with pytest.raises(InputError, match=message):
        divide(dataset, Division(method="blocks"))


def test_a_buffer_that_leaves_nothing_is_refused(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((48, 48), dtype=np.uint8), SIDE)
    with pytest.raises(InputError, match=r"no tile is left to train on \(blocks, .* within 500 m"):
        divide(dataset, Division(method="blocks", buffer_m=500.0))
