import re

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.messages import message
from landslip.inventory.statistics.areas import usable_areas
from landslip.inventory.statistics.frequency import (
    Sampling,
    area_frequency,
    histogram,
    ks_distance,
)
from landslip.inventory.statistics.inverse_gamma import STANDARD
from landslip.inventory.statistics.result import Estimate

HOW = Sampling(draws=60)
ROLLOVER_NOTES = {"statistics.no_rollover", "statistics.rollover_at_edge"}


def test_fits_and_intervals_hold_what_was_drawn() -> None:
    areas = usable_areas(STANDARD.drawn(2_000, np.random.default_rng(2), 50.0))
    found, notes = area_frequency(areas, 50.0, HOW)
    assert found is not None
    gamma, tail = found.inverse_gamma, found.power_law
    assert gamma is not None
    assert tail is not None
    for estimate, truth in (
        (gamma.rho, STANDARD.rho),
        (gamma.a_m2, STANDARD.a_m2),
        (gamma.s_m2, STANDARD.s_m2),
        (gamma.rollover_m2, STANDARD.rollover_m2),
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
    areas = usable_areas(STANDARD.drawn(300, np.random.default_rng(0)))
    one, again = (area_frequency(areas, 0.0, HOW)[0] for _ in range(2))
    other = area_frequency(areas, 0.0, Sampling(draws=60, seed=1))[0]
    assert one == again
    assert one != other


def test_without_draws_there_are_values_and_no_intervals() -> None:
    areas = usable_areas(STANDARD.drawn(300, np.random.default_rng(0)))
    found, _ = area_frequency(areas, 0.0, Sampling(draws=0))
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
    areas = usable_areas(STANDARD.drawn(300, np.random.default_rng(1)))
    found, notes = area_frequency(areas, 400.0, HOW)
    assert found is not None
    assert found.inverse_gamma is not None
    assert found.inverse_gamma.landslides == np.count_nonzero(areas >= 400)
    below = int(np.count_nonzero(areas < 400))
    assert notes[0] == message("statistics.small", count=below, min_area_m2=400.0)


def test_a_rollover_at_the_smallest_area_is_told() -> None:
    cut = usable_areas(STANDARD.drawn(2_000, np.random.default_rng(3), 350.0))
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
    assert found.inverse_gamma.rollover_m2 == Estimate(value=None)
    assert "statistics.no_rollover" in {note.key for note in notes}


def test_pixel_multiples_are_fitted() -> None:
    areas = np.ceil(STANDARD.drawn(3_000, np.random.default_rng(4), 100.0) / 25) * 25
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
    law = 1 - STANDARD.share_over(areas) / STANDARD.share_over(np.array(0.0))
    gaps = [law[0], 0.25 - law[0], law[1] - 0.25, 0.75 - law[1], law[3] - 0.75, 1 - law[3]]
    assert ks_distance(areas, STANDARD, 0.0) == pytest.approx(max(gaps))
