import numpy as np
import pytest

from landslip.core.choices import SampleAllocation
from landslip.core.errors import InputError
from landslip.metrics.allocation import allocate, required_size

# Olofsson et al. 2014, section 5.1.1: deforestation, forest gain, stable forest, stable non-forest
WEIGHTS = np.array([0.020, 0.015, 0.320, 0.645])
EXPECTED = np.array([0.70, 0.60, 0.90, 0.95])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])


def test_the_published_size_comes_out() -> None:
    assert required_size(WEIGHTS, EXPECTED, 0.01) == 641


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (SampleAllocation.PROPORTIONAL, [13, 10, 205, 413]),
        (SampleAllocation.EQUAL, [161, 160, 160, 160]),
    ],
)
def test_the_published_allocations_come_out(how: SampleAllocation, expected: list[int]) -> None:
    found = allocate(641, WEIGHTS, EXPECTED, PIXELS, how=how, least=1)
    np.testing.assert_array_equal(found, expected)


def test_no_other_allocation_has_a_smaller_error_than_the_optimal_one() -> None:
    variances = (WEIGHTS * np.sqrt(EXPECTED * (1 - EXPECTED))) ** 2
    best = allocate(641, WEIGHTS, EXPECTED, PIXELS, how=SampleAllocation.OPTIMAL, least=1)
    assert best.sum() == 641
    assert np.sqrt((variances / best).sum()) == pytest.approx(0.01, rel=1e-3)
    for one in range(4):
        for other in set(range(4)) - {one}:
            moved = best.copy()
            moved[one] += 2
            moved[other] -= 2
            assert (variances / moved).sum() > (variances / best).sum()


def test_rare_strata_get_the_least_and_the_others_share_the_rest() -> None:
    found = allocate(641, WEIGHTS, EXPECTED, PIXELS, how=SampleAllocation.OPTIMAL, least=75)
    np.testing.assert_array_equal(found[:2], [75, 75])
    assert found.sum() == 641
    assert found[2] / found[3] == pytest.approx(0.32 * 0.3 / (0.645 * np.sqrt(0.0475)), rel=0.01)


def test_a_stratum_gives_no_more_than_it_has() -> None:
    found = allocate(
        100,
        np.array([0.5, 0.5]),
        np.array([0.5, 0.5]),
        np.array([10, 1000]),
        how=SampleAllocation.EQUAL,
        least=20,
    )
    np.testing.assert_array_equal(found, [10, 90])


def test_strata_without_expected_error_share_alike() -> None:
    found = allocate(
        20,
        np.array([0.5, 0.5]),
        np.ones(2),
        np.array([99, 99]),
        how=SampleAllocation.OPTIMAL,
        least=0,
    )
    np.testing.assert_array_equal(found, [10, 10])


def test_a_size_below_the_least_of_all_strata_is_refused() -> None:
    with pytest.raises(InputError, match="together 200; got 100"):
        allocate(100, WEIGHTS, EXPECTED, PIXELS, how=SampleAllocation.EQUAL, least=50)
