from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.join import join_datasets
from landslip.datasets.splits.divide import divide
from landslip.datasets.splits.division import Division

MakeScene = Callable[..., TileDataset]
MakeTiles = Callable[..., TileDataset]
Spots = Callable[..., NDArray[np.uint8]]
SIDE = 4


def joined(
    parts: Mapping[str, TileDataset], events: Mapping[str, str] | None = None
) -> TileDataset:
    out = Path(next(iter(parts.values())).path).parent / "joined"
    join_datasets(parts, events or {}, out)
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
    assert "16 tiles are left out: they lie within 8 m of a test tile" in fold.notes


def test_tiles_without_a_place_are_held_out_by_name(make_tiles: MakeTiles) -> None:
    pictures = [np.full((1, 4, 4), at, dtype=np.uint8) for at in range(20)]
    groups = [str(at // 5) for at in range(20)]
    parts = {name: make_tiles(pictures, groups, name) for name in ("here", "there")}
    (here, there) = divide(joined(parts), Division(method="event", val_share=0.3))
    assert here.splits[:20] == there.splits[20:] == (Split.TEST,) * 20
    assert here.splits.count(Split.VALIDATION) == 5  # one group
    assert here.notes[0].startswith("40 of 40 tiles have no coordinates: whether they show ground")


def test_one_scene_is_refused(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((16, 16), dtype=np.uint8), SIDE)
    message = r"to hold out one scene, tiles of two or more are needed; got \['scene'\]; join"
    with pytest.raises(InputError, match=message):
        divide(dataset, Division(method="scene"))
    with pytest.raises(InputError, match=r"to hold out one event, .* got \['none'\]"):
        divide(dataset, Division(method="event"))


def test_too_many_scenes_are_refused(make_tiles: MakeTiles) -> None:
    dataset = make_tiles([np.zeros((1, 4, 4), dtype=np.uint8)] * 30)
    with pytest.raises(InputError, match="30 times one scene would be held out, and 20 are the mo"):
        divide(dataset, Division(method="scene"))
