from collections import Counter
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.merging import merge_datasets
from landslip.datasets.splits.assignment import SplitPlan, assign_folds
from landslip.datasets.splits.division import Division, DivisionMethod, Fold, divide
from landslip.datasets.splits.duplicates import DuplicatePair, merge_groups
from landslip.datasets.splits.spatial import shared_landslides

MakeTiles = Callable[..., TileDataset]


def flat(number: int) -> list[np.ndarray]:
    return [np.full((1, 2, 2), at % 250, dtype=np.uint8) for at in range(number)]


def test_224_tiles_are_divided_as_in_the_paper(make_tiles: MakeTiles) -> None:
    (fold,) = divide(make_tiles(flat(224)), Division(method="random", val_share=0))
    assert Counter(fold.splits) == {Split.TEST: 45, Split.TRAIN: 179}


def test_random_looks_at_tiles_and_groups_at_groups(make_tiles: MakeTiles) -> None:
    groups = [str(at // 10) for at in range(60)]
    dataset = make_tiles(flat(60), groups)
    sides = {}
    for method in ("random", "groups"):
        (fold,) = divide(dataset, Division(method=method, test_share=0.3, val_share=0.3))
        sides[method] = len(set(zip(groups, fold.splits, strict=True)))
    assert sides["groups"] == 6
    assert sides["random"] > 10


@given(
    groups=st.lists(st.integers(0, 12), min_size=8, max_size=60),
    folds=st.integers(2, 5),
    val_share=st.sampled_from([0.0, 0.1, 0.4]),
    seed=st.integers(0, 5),
)
def test_each_tile_is_tested_once_over_the_folds_and_groups_stay_whole(
    groups: list[int], folds: int, val_share: float, seed: int
) -> None:
    names = [str(group) for group in groups]
    plan = SplitPlan(val_share=val_share, seed=seed)
    number = len(set(names))
    if number < folds:
        with pytest.raises(InputError, match=f"{folds} folds need at least {folds} groups"):
            assign_folds(names, folds, plan)
        return
    dealt = assign_folds(names, folds, plan)
    assert len(dealt) == folds
    for tile in zip(*dealt, strict=True):
        assert tile.count(Split.TEST) == 1
    for fold in dealt:
        assert len(set(zip(names, fold, strict=True))) == number
        assert Split.TRAIN in fold
        rest = {name for name, side in zip(names, fold, strict=True) if side is not Split.TEST}
        assert (Split.VALIDATION in fold) == (val_share > 0 and len(rest) > 1)


def test_folds_of_single_tiles_are_of_one_size() -> None:
    names = [f"tile{at}" for at in range(47)]
    tested = [fold.count(Split.TEST) for fold in assign_folds(names, 5, SplitPlan())]
    assert sorted(tested) == [9, 9, 9, 10, 10]


def test_folds_do_not_follow_the_order_of_tiles() -> None:
    names = [f"tile{at}" for at in range(100)]
    for fold in assign_folds(names, 5, SplitPlan(seed=3)):
        at = [place for place, split in enumerate(fold) if split is Split.TEST]
        assert max(at) - min(at) > 50


def pair(one: int, other: int) -> DuplicatePair:
    return DuplicatePair(kind="part", one=one, other=other, measure=0.9)


def test_groups_linked_by_tiles_that_show_the_same_become_one() -> None:
    groups = ["a", "a", "b", "b", "c", "d"]
    assert merge_groups(groups, [pair(1, 2), pair(3, 4)]) == ["a", "a", "a", "a", "a", "d"]
    assert merge_groups(groups, []) == groups


@pytest.mark.parametrize("method", ["random", "groups"])
@pytest.mark.parametrize("folds", [1, 3])
def test_tiles_that_show_the_same_go_together(
    make_tiles: MakeTiles, method: DivisionMethod, folds: int
) -> None:
    dataset = make_tiles(flat(40))
    chain = [pair(at, at + 1) for at in range(39) if at % 4 != 3]
    found = divide(dataset, Division(method=method, folds=folds, test_share=0.4), chain)
    for fold in found:
        for link in chain:
            assert fold.splits[link.one] is fold.splits[link.other]
        kind = "tiles" if method == "random" else "groups"
        assert f"30 {kind} are merged with others of the same content" in fold.notes


def test_a_test_without_landslide_is_told(make_tiles: MakeTiles) -> None:
    (fold,) = divide(make_tiles(flat(10)), Division(method="random"))
    assert fold.notes == ("none of the 2 test tiles shows landslide",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"test_share": 0.0}, "test_share is over 0 and under 1; got 0.0"),
        ({"val_share": 1.0}, "val_share is 0 or more and under 1; got 1.0"),
        ({"folds": 0}, "folds and block_tiles are 1 or more; got folds 0"),
        ({"block_tiles": 0}, "got folds 1, block_tiles 0"),
        ({"buffer_m": -1.0}, "buffer_m is 0 or more metres; got -1.0"),
        ({"method": "luck"}, "method is one of random, groups, blocks, scene, event; got luck"),
    ],
    ids=lambda wrong: next(iter(wrong)) if isinstance(wrong, dict) else None,
)
def test_divisions_out_of_range_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Division(**({"method": "random"} | wrong))  # type: ignore[arg-type]


def test_a_view_has_the_division_and_the_folder_keeps_its_own(make_tiles: MakeTiles) -> None:
    dataset = make_tiles(flat(20))
    (fold,) = divide(dataset, Division(method="random", seed=4, test_share=0.5))
    view = dataset.with_split(fold.splits, "random")
    assert view.splits == list(fold.splits)
    assert TileDataset(Path(dataset.path)).splits == dataset.splits != view.splits


def test_a_division_without_a_test_tile_is_refused(make_tiles: MakeTiles) -> None:
    with pytest.raises(InputError, match=r"no tile is left to test on, of 1 \(random\)"):
        divide(make_tiles(flat(1)), Division(method="random"))


MakeScene = Callable[..., TileDataset]
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
    assert fold.notes[0] == f"{unused} tiles are left out: they are within 8 m of a test tile"


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
    merge_datasets(parts, {}, out)
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
    merge_datasets(parts, {}, out)
    division = Division(method="blocks", block_tiles=1, buffer_m=0, test_share=0.1, val_share=0)
    (fold,) = divide(TileDataset(out), division)
    sides = np.array(fold.splits).reshape(2, 2, 8)
    assert (sides[0] == sides[1]).all()
    assert Split.TEST in sides[0, 1]
    assert Split.TRAIN not in sides[:, 1]


def test_tiles_without_a_place_are_refused(make_tiles: MakeTiles) -> None:
    dataset = make_tiles([np.zeros((1, 4, 4), dtype=np.uint8)] * 5)
    message = "method: blocks needs tiles with coordinates, and 5 of 5 have none; use method: gro"
    with pytest.raises(InputError, match=message):
        divide(dataset, Division(method="blocks"))


def test_a_buffer_that_leaves_nothing_is_refused(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((48, 48), dtype=np.uint8), SIDE)
    with pytest.raises(InputError, match=r"no tile is left to train on \(blocks, .* within 500 m"):
        divide(dataset, Division(method="blocks", buffer_m=500.0))


def joined(
    parts: Mapping[str, TileDataset], events: Mapping[str, str] | None = None
) -> TileDataset:
    out = Path(next(iter(parts.values())).path).parent / "joined"
    merge_datasets(parts, events or {}, out)
    return TileDataset(out)


@pytest.fixture
def apart(make_scene: MakeScene, spots: Spots) -> TileDataset:
    """Give three scenes of two events, none of which shows ground of another."""
    parts = {
        name: make_scene(
            spots((32, 32), at),
            SIDE,
            name=name,
            transform=Affine(2, 0, 350_000 + 313 * 32 * at, 0, -2, 3_465_000),
        )
        for at, name in enumerate(("a", "b", "c"))
    }
    return joined(parts, {"a": "rain", "b": "rain", "c": "quake"})


@pytest.fixture
def dates(make_scene: MakeScene, spots: Spots) -> TileDataset:
    """Give three dates of the same ground, 12 x 12 tiles."""
    return joined({name: make_scene(spots((48, 48), 1), SIDE, name=name) for name in "abc"})


def test_each_scene_is_the_test_once(apart: TileDataset) -> None:
    found = divide(apart, Division(method="scene", val_share=0.25))
    assert [fold.held_out for fold in found] == ["a", "b", "c"]
    for fold in found:
        mine = np.array(apart.column("scene")) == fold.held_out
        tested = np.array(fold.splits) == Split.TEST
        assert (mine == tested).all()
        assert 20 < fold.splits.count(Split.VALIDATION) < 44
        assert not any("held out" in note for note in fold.notes)


def test_validation_is_drawn_by_blocks(apart: TileDataset) -> None:
    (fold,) = divide(apart, Division(method="scene", val_share=0.25, only=("a",)))
    scenes, rows, cols = (np.array(apart.column(name)) for name in ("scene", "row_off", "col_off"))
    drawn = np.array(fold.splits) == Split.VALIDATION
    blocks = {*zip(scenes[drawn], rows[drawn] // 16, cols[drawn] // 16, strict=True)}
    assert int(drawn.sum()) == 16 * len(blocks) == 32


def test_events_hold_all_their_scenes_out(apart: TileDataset) -> None:
    found = {fold.held_out: fold for fold in divide(apart, Division(method="event"))}
    assert set(found) == {"rain", "quake"}
    assert found["rain"].splits.count(Split.TEST) == 128
    assert found["quake"].splits.count(Split.TEST) == 64


def test_those_asked_for_are_held_out(apart: TileDataset) -> None:
    (fold,) = divide(apart, Division(method="scene", only=("b",)))
    assert fold.held_out == "b"
    with pytest.raises(InputError, match=r"only: d is no scene of it \(a, b, c\)"):
        divide(apart, Division(method="scene", only=("d", "a")))


@pytest.mark.parametrize("folds", [1, 3])
def test_ground_that_others_show_is_held_out_too(dates: TileDataset, folds: int) -> None:
    found = divide(dates, Division(method="scene", folds=folds))
    assert [fold.held_out for fold in found] == ["a"] * folds + ["b"] * folds + ["c"] * folds
    scenes = np.array(dates.column("scene"))
    rows, cols = (np.array(dates.column(name)) // SIDE for name in ("row_off", "col_off"))
    for fold in found:
        sides = np.array(fold.splits)
        own = sides[scenes == fold.held_out]
        assert set(own) == {Split.TEST, Split.UNUSED}
        tested = list(zip(rows[sides == Split.TEST], cols[sides == Split.TEST], strict=True))
        fitted = (sides == Split.TRAIN) | (sides == Split.VALIDATION)
        for row, col in zip(rows[fitted], cols[fitted], strict=True):
            assert all(max(abs(row - at), abs(col - by)) > 1 for at, by in tested)
        assert f"it is tested on {len(tested)} of its 144 tiles" in fold.notes[0]
    if folds > 1:
        number = sum(np.array(fold.splits) == Split.TEST for fold in found)
        assert (number == 1).all()


def test_a_seam_of_shared_ground_is_left_out(make_scene: MakeScene) -> None:
    label = np.zeros((32, 40), dtype=np.uint8)
    beside = Affine(2, 0, 350_000 + 2 * 36, 0, -2, 3_465_000)  # its first column lies on our last
    parts = {
        "a": make_scene(label, SIDE, name="a"),
        "b": make_scene(label, SIDE, name="b", transform=beside),
    }
    (fold, _) = divide(joined(parts), Division(method="scene", val_share=0))
    other = np.array(fold.splits[80:]).reshape(8, 10)
    assert fold.splits[:80] == (Split.TEST,) * 80
    assert (other[:, :2] == Split.UNUSED).all()  # on the ground of the test, and its neighbours
    assert (other[:, 2:] == Split.TRAIN).all()
    assert "16 tiles are left out: they are within 8 m of a test tile" in fold.notes


def test_tiles_without_a_place_are_held_out_by_name(make_tiles: MakeTiles) -> None:
    pictures = [np.full((1, 4, 4), at, dtype=np.uint8) for at in range(20)]
    groups = [str(at // 5) for at in range(20)]
    parts = {name: make_tiles(pictures, groups, name) for name in ("here", "there")}
    (here, there) = divide(joined(parts), Division(method="event", val_share=0.3))
    assert here.splits[:20] == there.splits[20:] == (Split.TEST,) * 20
    assert here.splits.count(Split.VALIDATION) == 5  # one group
    assert here.notes[0].startswith(
        "40 of 40 tiles have no coordinates: whether they overlap others"
    )


def test_one_scene_is_refused(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((16, 16), dtype=np.uint8), SIDE)
    message = r"holding out one scene needs tiles of two or more; got \['scene'\]; join"
    with pytest.raises(InputError, match=message):
        divide(dataset, Division(method="scene"))
    with pytest.raises(InputError, match=r"holding out one event needs .* got \['none'\]"):
        divide(dataset, Division(method="event"))


def test_too_many_scenes_are_refused(make_tiles: MakeTiles) -> None:
    dataset = make_tiles([np.zeros((1, 4, 4), dtype=np.uint8)] * 30)
    with pytest.raises(InputError, match="at most 20 scenes are held out in turn; got 30"):
        divide(dataset, Division(method="scene"))
