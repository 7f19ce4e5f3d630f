"""Methods compared, with p adjusted in families."""

from dataclasses import replace

import pytest

from landslip.metrics.bootstrap import DefinedEstimate
from landslip.metrics.tile_scores import compare_f1, holm
from landslip.reporting.experiment.contrasts import (
    ContrastVerdict,
    F1Contrast,
    SeedAgreement,
    compare_family,
)
from landslip.reporting.experiment.runs import PooledRunKey, pool_runs

from .conftest import FakeExperiment

OURS, OTHER, THIRD, NEVER_RUN = (
    PooledRunKey(dataset="valley", split="groups", method=name)
    for name in ("ours", "other", "third", "never run")
)

HIGHER, LOWER, UNDECIDED = ContrastVerdict
AHEAD, BEHIND = SeedAgreement(above=3, below=0, total=3), SeedAgreement(above=0, below=3, total=3)


def contrast(
    difference: float, low: float | None, high: float | None, p: float, seeds: SeedAgreement = AHEAD
) -> F1Contrast:
    return F1Contrast(
        first=OURS,
        second=OTHER,
        estimate=DefinedEstimate(value=difference, low=low, high=high),
        p_value=p,
        family=1,
        groups=9,
        seeds=seeds,
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (contrast(0.1, 0.05, 0.15, 0.001), HIGHER),
        (contrast(-0.1, -0.15, -0.05, 0.001, BEHIND), LOWER),
        (
            contrast(0.1, 0.05, 0.15, 0.001, SeedAgreement(above=2, below=1, total=3)),
            UNDECIDED,
        ),
        (
            contrast(-0.1, -0.15, -0.05, 0.001, SeedAgreement(above=1, below=2, total=3)),
            UNDECIDED,
        ),
        (
            contrast(0.1, 0.05, 0.15, 0.001, SeedAgreement(above=2, below=0, total=3)),
            HIGHER,
        ),
        (
            contrast(0.1, 0.05, 0.15, 0.001, SeedAgreement(above=0, below=0, total=0)),
            HIGHER,
        ),
        (contrast(0.1, -0.01, 0.2, 0.001), UNDECIDED),
        (contrast(0.1, 0.05, 0.15, 0.06), UNDECIDED),
        (contrast(0.1, None, None, 0.001), UNDECIDED),
    ],
)
def test_interval_test_and_seeds_have_to_agree(found: F1Contrast, verdict: ContrastVerdict) -> None:
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("p", "seeds", "words"),
    [
        (0.06, AHEAD, "not significant"),
        (0.06, SeedAgreement(above=2, below=1, total=3), "not significant"),
        (0.01, SeedAgreement(above=2, below=1, total=3), "the seeds disagree"),
    ],
)
def test_why_nothing_is_decided(p: float, seeds: SeedAgreement, words: str) -> None:
    assert contrast(0.1, 0.05, 0.15, p, seeds).reason == words
    assert contrast(0.1, -0.05, 0.15, p, seeds).reason == "the interval includes 0"


def test_what_is_decided_needs_no_reason() -> None:
    assert contrast(0.1, 0.05, 0.15, 0.01).reason == ""
    assert replace(contrast(0.1, 0.05, 0.15, 0.01), p_value=None).verdict is HIGHER
    degenerate = replace(contrast(0.1, 0.05, 0.15, 0.01), degenerate=True)
    assert degenerate.verdict is UNDECIDED
    assert degenerate.reason == "a training learned nothing"


def test_the_smallest_p_of_few_tiles_is_adjusted_as_well() -> None:
    # nine tiles: at best 2 / 512, which 13 comparisons take to 0.0508
    assert replace(contrast(0.1, 0.05, 0.15, 0.05), family=12).provable
    assert not replace(contrast(0.1, 0.05, 0.15, 0.05), family=13).provable


def test_a_comparison_turned_round(fake: FakeExperiment) -> None:
    # of four seeds one has both alike: it is ahead neither way
    turned = contrast(0.1, 0.05, 0.2, 0.03, SeedAgreement(above=3, below=0, total=4)).flipped
    assert turned.estimate == DefinedEstimate(value=-0.1, low=-0.2, high=-0.05)
    assert (turned.first, turned.second) == (OTHER, OURS)
    assert turned.seeds == SeedAgreement(above=0, below=3, total=4)
    assert turned.verdict is LOWER


def test_p_is_adjusted_for_the_whole_family_and_a_pair_counts_once(fake: FakeExperiment) -> None:
    fake.add("ours", 0.80)
    fake.add("other", 0.78, noise=0.1)
    fake.add("third", 0.79, noise=0.1)
    runs = pool_runs(fake.results())
    pairs = [(OURS, OTHER), (OTHER, OURS), (OURS, OURS), (OURS, THIRD), (OURS, NEVER_RUN)]
    found = compare_family(runs, pairs)

    plain = [compare_f1(runs[OURS].counts, runs[key].counts) for key in (OTHER, THIRD)]
    assert [one.p_value for one in found.values()] == list(
        holm([one.p_value for one in plain if one is not None])
    )
    assert list(found) == [(OURS, OTHER), (OURS, THIRD)]
    assert {one.family for one in found.values()} == {2}


def test_seeds_ahead_are_counted_over_seeds_of_both(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0, 1))
    fake.add("ours", 0.5, seeds=(2,))
    fake.add("other", 0.7, seeds=(1, 2, 3))
    runs = pool_runs(fake.results())
    assert compare_family(runs, [(OURS, OTHER)])[OURS, OTHER].seeds == SeedAgreement(
        above=1, below=1, total=2
    )


def test_a_seed_with_equal_scores_is_for_neither(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,), noise=0)
    fake.add("other", 0.8, seeds=(0,), noise=0)
    found = compare_family(pool_runs(fake.results()), [(OURS, OTHER)])[OURS, OTHER]
    assert found.seeds == SeedAgreement(above=0, below=0, total=1)
