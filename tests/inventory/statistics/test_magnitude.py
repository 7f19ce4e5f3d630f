import numpy as np
import pytest
from scipy.stats import poisson

from landslip.inventory.statistics.inverse_gamma import STANDARD
from landslip.inventory.statistics.magnitude import LARGE_FROM_M2, magnitude_of


def test_the_number_mapped_gives_its_logarithm() -> None:
    found = magnitude_of(1_000, np.full(1_000, 50.0), 0.95)
    assert found is not None
    assert found.from_count == pytest.approx(3)
    assert found.from_large is None
    assert found.large_from_m2 is None


def test_the_number_is_found_again_from_the_large_ones_alone() -> None:
    areas = STANDARD.drawn(50_000, np.random.default_rng(0))
    large = areas[areas >= LARGE_FROM_M2]
    found = magnitude_of(len(large), large, 0.95)
    assert found is not None
    assert found.from_large is not None
    assert found.from_large.value == pytest.approx(np.log10(50_000), abs=0.02)
    assert found.from_large.low is not None
    assert found.from_large.high is not None
    assert found.from_large.low < np.log10(50_000) < found.from_large.high


def test_the_interval_is_the_poisson_one() -> None:
    found = magnitude_of(9, np.full(9, 2 * LARGE_FROM_M2), 0.95)
    assert found is not None
    assert found.from_large is not None
    share = STANDARD.share_over(np.array(LARGE_FROM_M2))
    low, high = (10**end * share for end in (found.from_large.low, found.from_large.high) if end)
    assert poisson(low).sf(8) == pytest.approx(0.025)
    assert poisson(high).cdf(9) == pytest.approx(0.025)


def test_no_landslide_has_no_magnitude() -> None:
    assert magnitude_of(0, np.zeros(0), 0.95) is None
