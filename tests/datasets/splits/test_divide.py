from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.split_plan import SplitPlan, deal_folds
from landslip.datasets.splits.alike import Alike, united
from landslip.datasets.splits.divide import divide
from landslip.datasets.splits.division import Division, Method

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
            deal_folds(names, folds, plan)
        return
    dealt = deal_folds(names, folds, plan)
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
    tested = [fold.count(Split.TEST) for fold in deal_folds(names, 5, SplitPlan())]
    assert sorted(tested) == [9, 9, 9, 10, 10]


def test_folds_do_not_follow_the_order_of_tiles() -> None:
    names = [f"tile{at}" for at in range(100)]
    for fold in deal_folds(names, 5, SplitPlan(seed=3)):
        at = [place for place, split in enumerate(fold) if split is Split.TEST]
        assert max(at) - min(at) > 50


def pair(one: int, other: int) -> Alike:
    return Alike(kind="part", one=one, other=other, measure=0.9)


def test_groups_linked_by_tiles_that_show_the_same_become_one() -> None:
    groups = ["a", "a", "b", "b", "c", "d"]
    assert united(groups, [pair(1, 2), pair(3, 4)]) == ["a", "a", "a", "a", "a", "d"]
    assert united(groups, []) == groups


@pytest.mark.parametrize("method", ["random", "groups"])
@pytest.mark.parametrize("folds", [1, 3])
def test_tiles_that_show_the_same_go_together(
    make_tiles: MakeTiles, method: Method, folds: int
) -> None:
    dataset = make_tiles(flat(40))
    chain = [pair(at, at + 1) for at in range(39) if at % 4 != 3]
    found = divide(dataset, Division(method=method, folds=folds, test_share=0.4), chain)
    for fold in found:
        for link in chain:
            assert fold.splits[link.one] is fold.splits[link.other]
        kind = "tiles" if method == "random" else "groups"
        assert f"30 {kind} go with others that show the same" in fold.notes


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
