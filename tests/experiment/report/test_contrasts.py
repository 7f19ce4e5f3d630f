"""Methods compared, with p adjusted in families."""

import pytest

from landslip.experiment.report.contrasts import Contrast, Verdict, compare_family
from landslip.experiment.report.runs import RunKey, pool_runs
from landslip.scores.paired import compare_f1, holm

from .conftest import FakeExperiment

OURS, OTHER, THIRD, NEVER_RUN = (
    RunKey(dataset="valley", split="groups", method=name)
    for name in ("ours", "other", "third", "never run")
)


def contrast(difference: float, low: float | None, high: float | None, p: float) -> Contrast:
    return Contrast(
        one=OURS,
        other=OTHER,
        difference=difference,
        low=low,
        high=high,
        p_value=p,
        family=1,
        tiles=9,
        seeds=(1, 3),
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (contrast(0.1, 0.05, 0.15, 0.001), Verdict.BETTER),
        (contrast(-0.1, -0.15, -0.05, 0.001), Verdict.WORSE),
        (contrast(0.1, -0.01, 0.2, 0.001), Verdict.UNDECIDED),
        (contrast(0.1, 0.05, 0.15, 0.06), Verdict.UNDECIDED),
        (contrast(0.1, None, None, 0.001), Verdict.UNDECIDED),
    ],
)
def test_interval_and_test_have_to_agree(found: Contrast, verdict: Verdict) -> None:
    assert found.verdict is verdict


def test_a_comparison_turned_round(fake: FakeExperiment) -> None:
    turned = contrast(0.1, 0.05, 0.2, 0.03).flipped
    assert (turned.difference, turned.low, turned.high) == (-0.1, -0.2, -0.05)
    assert (turned.one, turned.other, turned.seeds) == (OTHER, OURS, (2, 3))
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
    assert compare_family(runs, [(OURS, OTHER)])[OURS, OTHER].seeds == (1, 2)
