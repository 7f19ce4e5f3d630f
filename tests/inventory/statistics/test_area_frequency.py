import re

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.messages import message
from landslip.inventory.statistics.area_frequency import (
    MIN_LANDSLIDES,
    area_frequency,
    bootstrap_power_law,
    fit_power_law,
    histogram,
    ks_distance,
    power_law_p_value,
)
from landslip.inventory.statistics.inverse_gamma import usable_areas
from landslip.metrics.bootstrap import IntervalEstimate, Resampling
from landslip.metrics.inverse_gamma import MALAMUD_2004

HOW = Resampling(draws=60)
ROLLOVER_NOTES = {"statistics.no_rollover", "statistics.rollover_at_edge"}


def test_fits_and_intervals_hold_what_was_drawn() -> None:
    areas = usable_areas(MALAMUD_2004.sample(2_000, np.random.default_rng(2), 50.0))
    found, notes = area_frequency(areas, 50.0, HOW)
    assert found is not None
    gamma, tail = found.inverse_gamma, found.power_law
    assert gamma is not None
    assert tail is not None
    for estimate, truth in (
        (gamma.rho, MALAMUD_2004.rho),
        (gamma.a_m2, MALAMUD_2004.a_m2),
        (gamma.s_m2, MALAMUD_2004.s_m2),
        (gamma.rollover_m2, MALAMUD_2004.rollover_m2),
    ):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.value is not None
        assert estimate.low < truth < estimate.high
        assert estimate.low < estimate.value < estimate.high
    assert gamma.landslides == 2_000
    assert gamma.ks_distance < 1.36 / np.sqrt(2_000)
    assert tail.exponent.value == pytest.approx(2.3, abs=0.3)
    assert tail.p_value is not None
    assert notes == []


def test_the_same_seed_gives_the_same_numbers_and_another_does_not() -> None:
    areas = usable_areas(MALAMUD_2004.sample(300, np.random.default_rng(0)))
    one, again = (area_frequency(areas, 0.0, HOW)[0] for _ in range(2))
    other = area_frequency(areas, 0.0, Resampling(draws=60, seed=1))[0]
    assert one == again
    assert one != other


def test_without_draws_there_are_values_and_no_intervals() -> None:
    areas = usable_areas(MALAMUD_2004.sample(300, np.random.default_rng(0)))
    found, _ = area_frequency(areas, 0.0, Resampling(draws=0))
    assert found is not None
    assert found.inverse_gamma is not None
    assert found.power_law is not None
    assert found.inverse_gamma.rho.value is not None
    assert found.inverse_gamma.rho.low is None
    assert found.power_law.p_value is None


@pytest.mark.parametrize(
    ("areas", "wording"),
    [
        (np.geomspace(100, 1e4, 29), "that needs 30 landslides of at least 10 .* there are 29"),
        (np.full(500, 225.0), "there are 500 of 1"),
        (np.repeat([100.0, 125.0, 150.0], 50), "there are 150 of 3"),
    ],
)
def test_too_few_areas_are_not_fitted(areas: NDArray[np.float64], wording: str) -> None:
    found, notes = area_frequency(areas, 0.0, HOW)
    assert found is not None
    assert found.inverse_gamma is None
    assert found.power_law is None
    assert found.histogram is not None
    assert sum(found.histogram.landslides) == len(areas)
    assert re.search(wording, notes[0].text())


def test_no_area_gives_nothing() -> None:
    assert area_frequency(np.zeros(0), 100.0, HOW) == (None, [])
    assert histogram(np.zeros(0)) is None


def test_areas_under_the_least_are_told_and_left_out() -> None:
    areas = usable_areas(MALAMUD_2004.sample(300, np.random.default_rng(1)))
    found, notes = area_frequency(areas, 400.0, HOW)
    assert found is not None
    assert found.inverse_gamma is not None
    assert found.inverse_gamma.landslides == np.count_nonzero(areas >= 400)
    below = int(np.count_nonzero(areas < 400))
    assert notes[0] == message("statistics.small", count=below, min_area_m2=400.0)


def test_a_rollover_at_the_smallest_area_is_told() -> None:
    cut = usable_areas(MALAMUD_2004.sample(2_000, np.random.default_rng(3), 350.0))
    _, notes = area_frequency(cut, 350.0, HOW)
    assert {note.key for note in notes} & ROLLOVER_NOTES
    with_sliver = np.r_[0.2, cut]
    _, notes = area_frequency(with_sliver, 0.0, HOW)
    assert {note.key for note in notes} & ROLLOVER_NOTES


def test_a_rollover_under_zero_is_none() -> None:
    shares = (np.arange(2_000) + 0.5) / 2_000
    steep = usable_areas(500 * (shares ** (-1 / 2.0) - 1) + 250)
    found, notes = area_frequency(steep, 250.0, HOW)
    assert found is not None
    assert found.inverse_gamma is not None
    assert found.inverse_gamma.s_m2.value is not None
    assert found.inverse_gamma.s_m2.value < 0
    assert found.inverse_gamma.rollover_m2 == IntervalEstimate(value=None)
    assert "statistics.no_rollover" in {note.key for note in notes}


def test_an_exponential_tail_leaves_the_shape_open() -> None:
    areas = usable_areas(1e3 + np.random.default_rng(10).exponential(500, 2_000))
    found, notes = area_frequency(areas, 1e3, HOW)
    assert found is not None
    assert found.inverse_gamma is not None
    assert not found.inverse_gamma.is_bounded
    assert "statistics.unbounded" in {note.key for note in notes}


def test_pixel_multiples_are_fitted() -> None:
    areas = np.ceil(MALAMUD_2004.sample(3_000, np.random.default_rng(4), 100.0) / 25) * 25
    found, _ = area_frequency(usable_areas(areas), 100.0, HOW)
    assert found is not None
    assert found.inverse_gamma is not None
    assert found.inverse_gamma.rho.value == pytest.approx(1.4, abs=0.15)


@pytest.mark.parametrize(
    "areas",
    [
        np.array([100.0]),
        np.array([99.99999, 100.0, 1e5]),
        np.full(4, 3.7),
        np.geomspace(1e-8, 1e15, 50),
    ],
)
def test_classes_hold_every_landslide_and_the_density_adds_up_to_one(
    areas: NDArray[np.float64],
) -> None:
    found = histogram(areas)
    assert found is not None
    assert sum(found.landslides) == len(areas)
    assert found.edges_m2[0] <= areas.min()
    assert found.edges_m2[-1] >= areas.max()
    assert np.dot(found.density_per_m2, np.diff(found.edges_m2)) == pytest.approx(1)
    assert np.ptp(np.diff(np.log(found.edges_m2))) < 0.01


def test_the_distance_is_the_greatest_gap_by_hand() -> None:
    areas = np.array([200.0, 400.0, 400.0, 5_000.0])
    law = 1 - MALAMUD_2004.fraction_over(areas) / MALAMUD_2004.fraction_over(np.array(0.0))
    gaps = [law[0], 0.25 - law[0], law[1] - 0.25, 0.75 - law[1], law[3] - 0.75, 1 - law[3]]
    assert ks_distance(areas, MALAMUD_2004, 0.0) == pytest.approx(max(gaps))


def tail(landslides: int, seed: int, exponent: float = 2.4) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    return np.sort(100.0 * (1 - generator.uniform(size=landslides)) ** (-1 / (exponent - 1)))


def brute(areas: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return exponent, start and distance of the best tail, one start and area at a time."""
    best = (np.nan, np.nan, np.inf)
    for start in np.unique(areas):
        kept = areas[areas >= start]
        logs = np.log(kept / start).sum()
        if len(kept) < MIN_LANDSLIDES or logs == 0:
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
        pytest.param(tail(MIN_LANDSLIDES - 1, 0), id="few"),
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
    assert power_law_p_value(power, found, 40, generator) > 0.1
    whole = fit_power_law(other)
    assert whole is not None
    forced = type(whole)(exponent=1.9, from_m2=100.0, landslides=1_000, ks_distance=0.2)
    assert power_law_p_value(other, forced, 40, generator) < 0.1


def test_draws_scatter_as_the_exponent_of_that_many_landslides() -> None:
    drawn = bootstrap_power_law(tail(2_000, 3), 60, np.random.default_rng(0))
    assert drawn.shape == (60, 2)
    assert np.nanstd(drawn[:, 0]) == pytest.approx(1.4 / np.sqrt(2_000), rel=0.6)
    again = bootstrap_power_law(tail(2_000, 3), 60, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, again)
