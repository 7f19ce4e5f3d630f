"""Folds of tiles, and the choice of a method by what is not fitted on."""

from collections import Counter

import numpy as np
import pytest
from tests.models.calibration.made import TRUTH, counted
from tests.models.calibration.test_fit import STEPPED

from landslip.core.errors import InputError
from landslip.models.calibration.choice import choose, deal
from landslip.models.calibration.counts import LogitCounts, no_logits, summed
from landslip.models.calibration.curve import Calibration
from landslip.models.calibration.figures import scored
from landslip.models.calibration.fit import fit
from landslip.models.calibration.method import FITTED, Method


def test_groups_are_dealt_whole_and_evenly() -> None:
    groups = [f"g{number % 12}" for number in range(60)] + ["large"] * 12
    folds = deal(groups, seed=1)
    assert sorted(Counter(folds)) == [0, 1, 2, 3, 4]
    assert max(Counter(folds).values()) - min(Counter(folds).values()) <= 5
    for group in set(groups):
        assert len({fold for fold, name in zip(folds, groups, strict=True) if name == group}) == 1
    assert deal(groups, seed=1) == folds != deal(groups, seed=2)


def test_one_group_is_divided_by_tile_and_few_make_few_folds() -> None:
    assert Counter(deal(["one"] * 20, seed=0)) == dict.fromkeys(range(5), 4)
    assert sorted(deal(["a", "b", "c"], seed=0)) == [0, 1, 2]
    assert deal([], seed=0) == []
    two = deal(["a"] * 3 + ["b"] * 3, seed=0)
    assert sorted([two[:3], two[3:]]) == [[0] * 3, [1] * 3]


def test_each_fold_is_scored_by_a_curve_of_the_others() -> None:
    folds = [counted(seed, 3000, truth=STEPPED) for seed in range(5)]
    found = choose(folds, Method.ISOTONIC)
    expected = [
        scored(fold, fit(summed(folds[:at] + folds[at + 1 :]), Method.ISOTONIC))
        for at, fold in enumerate(folds)
    ]
    loss = sum(part.log_loss_sum for part in expected) / (5 * 3000)
    assert found.after[Method.ISOTONIC].log_loss == pytest.approx(loss, rel=1e-12)
    # what a curve says of the pixels that it was fitted on is too good
    assert scored(summed(folds), found.curve).log_loss < loss
    assert found.before.pixels == found.after[Method.ISOTONIC].pixels == 15_000
    assert found.curve == fit(summed(folds), Method.ISOTONIC)


@pytest.mark.parametrize(
    ("truth", "pixels", "best"),
    [
        (STEPPED, 50_000, Method.ISOTONIC),
        (TRUTH, 2000, Method.PLATT),
        (Calibration.line(0.6), 200, Method.TEMPERATURE),
    ],
    ids=["bent", "line", "through 0"],
)
def test_auto_takes_what_does_best_on_other_tiles(
    truth: Calibration, pixels: int, best: Method
) -> None:
    found = choose([counted(seed, pixels, truth) for seed in range(5)], Method.AUTO)
    assert set(found.after) == set(FITTED)
    assert found.method is best
    assert found.folds == 5
    assert found.after[best].log_loss < found.before.log_loss


def test_without_folds_nothing_is_told_of_the_effect() -> None:
    only = counted(0)
    found = choose([only], Method.AUTO)
    assert (found.method, found.folds, found.after) == (Method.TEMPERATURE, 0, {})
    others = LogitCounts(landslide=np.zeros_like(only.other), other=only.other)
    found = choose([only, others, others], Method.PLATT)
    assert (found.method, found.folds, found.after) == (Method.PLATT, 0, {})


def test_no_tiles_are_refused() -> None:
    with pytest.raises(InputError, match="no landslide pixel"):
        choose([no_logits()], Method.AUTO)
