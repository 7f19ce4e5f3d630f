"""Methods compared, with p adjusted in families."""

from dataclasses import replace

import pytest

from landslip.metrics.tile_scores import compare_f1, holm
from landslip.reporting.experiment.claims import undecided_because
from landslip.reporting.experiment.contrasts import (
    F1Contrast,
    SeedAgreement,
    Verdict,
    compare_family,
)
from landslip.reporting.experiment.runs import PooledRunKey, pool_runs

from .conftest import FakeExperiment

OURS, OTHER, THIRD, NEVER_RUN = (
    PooledRunKey(dataset="valley", split="groups", method=name)
    for name in ("ours", "other", "third", "never run")
)


AHEAD, BEHIND = SeedAgreement(ahead=3, behind=0, of=3), SeedAgreement(ahead=0, behind=3, of=3)


def contrast(
    difference: float, low: float | None, high: float | None, p: float, seeds: SeedAgreement = AHEAD
) -> F1Contrast:
    return F1Contrast(
        one=OURS,
        other=OTHER,
        difference=difference,
        low=low,
        high=high,
        p_value=p,
        family=1,
        tiles=9,
        seeds=seeds,
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (contrast(0.1, 0.05, 0.15, 0.001), Verdict.BETTER),
        (contrast(-0.1, -0.15, -0.05, 0.001, BEHIND), Verdict.WORSE),
        (
            contrast(0.1, 0.05, 0.15, 0.001, SeedAgreement(ahead=2, behind=1, of=3)),
            Verdict.UNDECIDED,
        ),
        (
            contrast(-0.1, -0.15, -0.05, 0.001, SeedAgreement(ahead=1, behind=2, of=3)),
            Verdict.UNDECIDED,
        ),
        (contrast(0.1, 0.05, 0.15, 0.001, SeedAgreement(ahead=2, behind=0, of=3)), Verdict.BETTER),
        (contrast(0.1, 0.05, 0.15, 0.001, SeedAgreement(ahead=0, behind=0, of=0)), Verdict.BETTER),
        (contrast(0.1, -0.01, 0.2, 0.001), Verdict.UNDECIDED),
        (contrast(0.1, 0.05, 0.15, 0.06), Verdict.UNDECIDED),
        (contrast(0.1, None, None, 0.001), Verdict.UNDECIDED),
    ],
)
def test_interval_test_and_seeds_have_to_agree(found: F1Contrast, verdict: Verdict) -> None:
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("p", "seeds", "words"),
    [
        (0.06, AHEAD, "the test does not confirm it"),
        (0.06, SeedAgreement(ahead=2, behind=1, of=3), "the test does not confirm it"),
        (0.01, SeedAgreement(ahead=2, behind=1, of=3), "the seeds disagree"),
    ],
)
def test_why_nothing_is_decided(p: float, seeds: SeedAgreement, words: str) -> None:
    assert undecided_because(contrast(0.1, 0.05, 0.15, p, seeds)).endswith(words)
    assert undecided_because(contrast(0.1, -0.05, 0.15, p, seeds)) == "the interval includes 0"


def test_the_smallest_p_of_few_tiles_is_adjusted_as_well() -> None:
    # nine tiles: at best 2 / 512, which 13 comparisons take to 0.0508
    assert replace(contrast(0.1, 0.05, 0.15, 0.05), family=12).provable
    assert not replace(contrast(0.1, 0.05, 0.15, 0.05), family=13).provable


def test_a_comparison_turned_round(fake: FakeExperiment) -> None:
    # of four seeds one has both alike: it is ahead neither way
    turned = contrast(0.1, 0.05, 0.2, 0.03, SeedAgreement(ahead=3, behind=0, of=4)).flipped
    assert (turned.difference, turned.low, turned.high) == (-0.1, -0.2, -0.05)
    assert (turned.one, turned.other) == (OTHER, OURS)
    assert turned.seeds == SeedAgreement(ahead=0, behind=3, of=4)
    assert turned.verdict is Verdict.WORSE


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
        ahead=1, behind=1, of=2
    )


def test_a_seed_with_equal_scores_is_for_neither(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,), noise=0)
    fake.add("other", 0.8, seeds=(0,), noise=0)
    found = compare_family(pool_runs(fake.results()), [(OURS, OTHER)])[OURS, OTHER]
    assert found.seeds == SeedAgreement(ahead=0, behind=0, of=1)
