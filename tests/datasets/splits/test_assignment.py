from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.splits.assignment import (
    SplitPlan,
    assign,
    assign_folds,
    limited_to,
    split_digest,
)

TILES = [f"tile{at}" for at in range(100)]


def sizes(splits: list[Split]) -> tuple[int, int, int]:
    found = Counter(splits)
    return found[Split.TRAIN], found[Split.VALIDATION], found[Split.TEST]


@pytest.mark.parametrize(
    ("test_share", "val_share", "expected"),
    [
        pytest.param(0.2, 0.1, (72, 8, 20), id="a tenth of the other 80"),
        pytest.param(0.0, 0.25, (75, 25, 0), id="no test"),
        pytest.param(0.3, 0.0, (70, 0, 30), id="no validation"),
        pytest.param(1.0, 0.1, (0, 0, 100), id="all test"),
        pytest.param(0.001, 0.001, (98, 1, 1), id="at least one each"),
        pytest.param(0.999, 0.999, (1, 0, 99), id="one is left to train on"),
    ],
)
def test_shares_of_single_tiles(
    test_share: float, val_share: float, expected: tuple[int, int, int]
) -> None:
    assert sizes(assign(TILES, SplitPlan(test_share=test_share, val_share=val_share))) == expected


def test_the_seed_alone_decides() -> None:
    first, again = (assign(TILES, SplitPlan(seed=5)) for _ in range(2))
    assert first == again
    assert assign(TILES, SplitPlan(seed=6)) != first


def test_the_draw_does_not_follow_the_order_of_tiles() -> None:
    splits = dict(zip(TILES, assign(TILES, SplitPlan(seed=1)), strict=True))
    backwards = dict(zip(TILES[::-1], assign(TILES[::-1], SplitPlan(seed=1)), strict=True))
    assert splits == backwards
    tested = [at for at, tile in enumerate(TILES) if splits[tile] is Split.TEST]
    assert max(tested) - min(tested) > 50


@given(
    groups=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    test_share=st.floats(0, 1),
    val_share=st.floats(0, 1),
    seed=st.integers(0, 10),
)
def test_groups_are_never_divided(
    groups: list[str], test_share: float, val_share: float, seed: int
) -> None:
    plan = SplitPlan(test_share=test_share, val_share=val_share, seed=seed)
    splits = assign(groups, plan)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    if test_share < 1 and val_share < 1:
        assert Split.TRAIN in splits
    if test_share == 0:
        assert Split.TEST not in splits


@given(
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=12),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 5),
)
def test_the_test_set_misses_its_share_by_less_than_the_largest_group(
    counts: list[int], share: float, seed: int
) -> None:
    groups = [str(group) for group, count in enumerate(counts) for _ in range(count)]
    _, _, tested = sizes(assign(groups, SplitPlan(test_share=share, val_share=0, seed=seed)))
    assert abs(tested - share * len(groups)) < max(counts) + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_the_group_that_crosses_the_mark_goes_where_it_is_nearer(seed: int) -> None:
    # groups of 10, mark at 24 or 26 of 100: 2 groups are nearer to the one, 3 to the other
    groups = [str(at // 10) for at in range(100)]
    fewer, more = (
        sizes(assign(groups, SplitPlan(test_share=share, val_share=0, seed=seed)))[2]
        for share in (0.24, 0.26)
    )
    assert (fewer, more) == (20, 30)


def test_one_group_is_for_training() -> None:
    assert set(assign(["all"] * 9, SplitPlan(test_share=0.5))) == {Split.TRAIN}


def test_no_tile_is_refused() -> None:
    with pytest.raises(InputError, match="no tile is left to train on: 0 tiles in 0 groups"):
        assign([], SplitPlan())


@pytest.mark.parametrize(
    ("shares", "option"),
    [
        ({"test_share": -0.1}, "test_share"),
        ({"val_share": 1.5}, "val_share"),
        ({"test_share": float("nan")}, "test_share"),
    ],
)
def test_shares_outside_0_to_1_are_refused(shares: dict[str, float], option: str) -> None:
    with pytest.raises(InputError, match=f"{option} is between 0 and 1"):
        SplitPlan(**shares)  # type: ignore[arg-type]


def test_the_digest_tells_who_is_where_and_not_in_which_order() -> None:
    tiles, splits = ["a", "b", "c"], [Split.TRAIN, Split.TEST, Split.VALIDATION]
    digest = split_digest(tiles, splits)
    order = np.random.default_rng(0).permutation(3)
    assert split_digest([tiles[at] for at in order], [splits[at] for at in order]) == digest
    assert split_digest(tiles, [Split.TEST, Split.TRAIN, Split.VALIDATION]) != digest
    assert split_digest(["a", "b", "d"], splits) != digest


@given(
    sides=st.lists(st.sampled_from(list(Split)), min_size=1, max_size=40),
    seed=st.integers(0, 8),
    shown=st.integers(0, 39),
)
def test_fewer_training_tiles_are_among_more(sides: list[Split], seed: int, shown: int) -> None:
    names = [f"tile{at}" for at in range(len(sides))]
    landslide = [at == shown for at in range(len(sides))]
    number = sides.count(Split.TRAIN)
    kept: set[int] = set()
    for count in range(1, number + 1):
        found = limited_to(names, sides, landslide, number=count, seed=seed)
        train = {at for at, split in enumerate(found) if split is Split.TRAIN}
        assert kept < train
        kept = train
        assert len(train) == count
        for before, after in zip(sides, found, strict=True):
            assert after is before or (before, after) == (Split.TRAIN, Split.UNUSED)
        if shown < len(sides) and sides[shown] is Split.TRAIN:
            assert shown in train


def test_limits_follow_names_and_seed() -> None:
    sides, landslide = [Split.TRAIN] * 100, [True] * 100
    first = limited_to(TILES, sides, landslide, number=20, seed=1)
    assert limited_to(TILES, sides, landslide, number=20, seed=2) != first
    backwards = limited_to(TILES[::-1], sides, landslide, number=20, seed=1)
    assert backwards[::-1] == first


def test_the_certain_landslide_changes_nothing_where_one_is_drawn_anyway() -> None:
    sides = [Split.TRAIN] * 50
    names = TILES[:50]
    without = limited_to(names, sides, [False] * 50, number=25, seed=4)
    drawn = [at for at, split in enumerate(without) if split is Split.TRAIN]
    landslide = [at == drawn[-1] for at in range(50)]
    assert limited_to(names, sides, landslide, number=25, seed=4) == without


@pytest.mark.parametrize("number", [0, 3])
def test_limits_that_cannot_be_met_are_refused(number: int) -> None:
    sides = [Split.TRAIN, Split.TEST, Split.TRAIN]
    with pytest.raises(
        InputError, match=f"{number} training tiles were requested, and there are 2"
    ):
        limited_to(TILES[:3], sides, [True] * 3, number=number, seed=0)


def areas(seed: int, number: int = 100, landslides: int = 30) -> list[int]:
    """Return landslide pixels of tiles: most without, the others as different as landslides are."""
    generator = np.random.default_rng(seed)
    drawn = np.zeros(number, dtype=int)
    shown = generator.choice(number, landslides, replace=False)
    drawn[shown] = np.ceil(generator.lognormal(6, 1, landslides))
    return [int(pixels) for pixels in drawn]


@pytest.mark.parametrize("seed", range(20))
def test_each_split_has_its_share_of_landslide_tiles_and_pixels(seed: int) -> None:
    pixels = areas(seed)
    splits = assign(TILES, SplitPlan(test_share=0.2, val_share=0.25, seed=seed), pixels)
    assert sizes(splits) == (60, 20, 20)
    for split, share in ((Split.TEST, 0.2), (Split.VALIDATION, 0.2), (Split.TRAIN, 0.6)):
        held = [at for at, name in enumerate(splits) if name is split]
        assert sum(pixels[at] > 0 for at in held) / 30 == pytest.approx(share, abs=0.1)
        # at random, shares of pixels from 0.05 to 0.5 are usual
        assert sum(pixels[at] for at in held) / sum(pixels) == pytest.approx(share, abs=0.13)


def test_stratified_draws_follow_the_seed_and_not_the_order() -> None:
    pixels, plan = areas(0), SplitPlan(test_share=0.2, val_share=0.25, seed=1)
    first = assign(TILES, plan, pixels)
    assert assign(TILES, plan, pixels) == first
    assert assign(TILES[::-1], plan, pixels[::-1])[::-1] == first
    tested = set()
    for seed in range(40):
        splits = assign(TILES, SplitPlan(test_share=0.2, seed=seed), pixels)
        tested |= {at for at, split in enumerate(splits) if split is Split.TEST and pixels[at]}
    assert len(tested) > 25


@pytest.mark.parametrize(
    ("landslides", "expected"),
    [
        pytest.param(1, (1, 0, 0), id="one is for training"),
        pytest.param(2, (1, 0, 1), id="then for the test"),
        pytest.param(3, (1, 1, 1), id="then for validation"),
    ],
)
def test_few_landslides_are_shared_out(landslides: int, expected: tuple[int, int, int]) -> None:
    for seed in range(5):
        pixels = areas(seed, landslides=landslides)
        splits = assign(TILES, SplitPlan(seed=seed), pixels)
        shown = [split for split, count in zip(splits, pixels, strict=True) if count]
        assert sizes(shown) == expected
        assert sizes(splits) == (72, 8, 20)


@given(
    groups=st.lists(st.integers(0, 12), min_size=6, max_size=60),
    share=st.floats(0, 1),
    folds=st.integers(2, 4),
    seed=st.integers(0, 10),
)
def test_stratified_groups_stay_whole(
    groups: list[int], share: float, folds: int, seed: int
) -> None:
    names = [str(group) for group in groups]
    pixels = [max(0, 7 * at % 50 - 20) for at in range(len(names))]
    number, plan = len(set(names)), SplitPlan(test_share=share, val_share=0.3, seed=seed)
    assigned = [assign(names, plan, pixels)]
    if number >= folds:
        assigned += assign_folds(names, folds, plan, pixels)
    for splits in assigned:
        assert len(set(zip(names, splits, strict=True))) == number
        assert share == 1 or Split.TRAIN in splits


@pytest.mark.parametrize("seed", range(5))
def test_each_fold_has_its_share_of_landslides(seed: int) -> None:
    pixels = areas(seed)
    for splits in assign_folds(TILES, 5, SplitPlan(seed=seed), pixels):
        tested = [at for at, split in enumerate(splits) if split is Split.TEST]
        assert len(tested) == 20
        assert sum(pixels[at] > 0 for at in tested) / 30 == pytest.approx(0.2, abs=0.1)
        validated = [at for at, split in enumerate(splits) if split is Split.VALIDATION]
        assert any(pixels[at] for at in validated)
