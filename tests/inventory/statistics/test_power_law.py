import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.inventory.statistics.power_law import (
    FEWEST,
    fit_power_law,
    likelihood_of_worse,
    refitted,
)


def tail(landslides: int, seed: int, exponent: float = 2.4) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    return np.sort(100.0 * (1 - generator.uniform(size=landslides)) ** (-1 / (exponent - 1)))


def brute(areas: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return exponent, start and distance of the best tail, one start and area at a time."""
    best = (np.nan, np.nan, np.inf)
    for start in np.unique(areas):
        kept = areas[areas >= start]
        logs = np.log(kept / start).sum()
        if len(kept) < FEWEST or logs == 0:
            continue
        exponent = 1 + len(kept) / logs
        distance = 0.0
        for area in kept:
            fitted = 1 - (area / start) ** (1 - exponent)
            distance = max(
                distance,
                abs(np.mean(kept <= area) - fitted),
                abs(np.mean(kept < area) - fitted),
            )
        if distance < best[2]:
            best = (exponent, float(start), distance)
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("step_m2", [0.0, 25.0])
def test_the_best_tail_is_found(seed: int, step_m2: float) -> None:
    generator = np.random.default_rng(seed)
    areas = np.sort(np.r_[generator.uniform(30, 100, 25), tail(80, seed)])
    if step_m2:
        areas = np.ceil(areas / step_m2) * step_m2
    found = fit_power_law(areas)
    assert found is not None
    exponent, start, distance = brute(areas)
    assert found.exponent == pytest.approx(exponent, rel=1e-9)
    assert found.from_m2 == start
    assert found.ks_distance == pytest.approx(distance, abs=1e-12)
    assert found.landslides == np.count_nonzero(areas >= start)


def test_the_exponent_is_that_of_the_draws() -> None:
    found = fit_power_law(tail(20_000, 1))
    assert found is not None
    assert found.exponent == pytest.approx(2.4, abs=0.03)


@pytest.mark.parametrize(
    "areas",
    [
        pytest.param(np.zeros(0), id="none"),
        pytest.param(tail(FEWEST - 1, 0), id="few"),
        pytest.param(np.full(500, 100.0), id="all equal"),
    ],
)
def test_where_there_is_no_tail_there_is_no_fit(areas: NDArray[np.float64]) -> None:
    assert fit_power_law(areas) is None


def test_a_power_law_is_not_spoken_against_and_an_exponential_is() -> None:
    power = tail(1_000, 2)
    other = np.sort(100 + np.random.default_rng(2).exponential(200, 1_000))
    generator = np.random.default_rng(0)
    found, wrong = fit_power_law(power), fit_power_law(np.sort(np.r_[other, other + 0.5]))
    assert found is not None
    assert wrong is not None
    assert likelihood_of_worse(power, found, 40, generator) > 0.1
    whole = fit_power_law(other)
    assert whole is not None
    forced = type(whole)(exponent=1.9, from_m2=100.0, landslides=1_000, ks_distance=0.2)
    assert likelihood_of_worse(other, forced, 40, generator) < 0.1


def test_draws_scatter_as_the_exponent_of_that_many_landslides() -> None:
    drawn = refitted(tail(2_000, 3), 60, np.random.default_rng(0))
    assert drawn.shape == (60, 2)
    assert np.nanstd(drawn[:, 0]) == pytest.approx(1.4 / np.sqrt(2_000), rel=0.6)
    again = refitted(tail(2_000, 3), 60, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, again)
