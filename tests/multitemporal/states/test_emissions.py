"""Likelihoods of states, by hand."""

import numpy as np
import pytest

from landslip.multitemporal.states.day_vegetation import day_vegetation
from landslip.multitemporal.states.emissions import (
    DayVegetation,
    ProbabilityEmission,
    VegetationEmission,
    probability_likelihood,
    vegetation_likelihood,
)
from landslip.multitemporal.states.hidden_markov import FRESH, RECOVERED, RECOVERING, VEGETATED

PROBABILITY, VEGETATION = ProbabilityEmission(), VegetationEmission()


def test_the_prior_of_the_training_data_is_divided_out() -> None:
    probability = np.array([0.2, 0.5, np.nan], dtype=np.float32)
    found = probability_likelihood(probability, 0.2, ProbabilityEmission(error=0))
    # p = prior says nothing; p = 0.5 of a prior of 0.2 is a likelihood ratio of 4
    np.testing.assert_allclose(found[FRESH], [1, 4, 1], rtol=1e-5)
    np.testing.assert_allclose(found[RECOVERING], [1, 0.8 * 4 + 0.2, 1], rtol=1e-5)
    assert (found[[VEGETATED, RECOVERED]] == 1).all()


def test_what_one_date_can_say_is_bounded() -> None:
    found = probability_likelihood(np.array([0, 1], dtype=np.float32), 0.01, PROBABILITY)
    np.testing.assert_allclose(found[FRESH], [1 / 199, 199], rtol=2e-2)


def days(*levels: float) -> list[DayVegetation]:
    return [DayVegetation(level=level, vegetated=(1.0, 0.12)) for level in levels]


def test_ndvi_is_related_to_the_day_and_to_the_pixels_own_reference() -> None:
    ndvi = np.array([[0.74], [0.42], [0.1]], dtype=np.float32)
    # 0.8 of the level in summer and in winter before: its own reference, the index is 1, 1 and 0
    found = vegetation_likelihood(ndvi, days(0.9, 0.5, 0.9), VEGETATION, [False] * 3)[..., 0]
    at_mean = 0.9 / (0.12 * np.sqrt(2 * np.pi)) + 0.1 / 1.5
    np.testing.assert_allclose(found[:2, [VEGETATED, RECOVERED]], at_mean, rtol=1e-4)
    assert found[2].argmax() == FRESH
    assert found[2, VEGETATED] == pytest.approx(0.1 / 1.5, rel=1e-3)
    beside = vegetation_likelihood(ndvi, days(0.9, 0.5, 0.9), VEGETATION, [False, False, True])
    np.testing.assert_array_equal(beside[:2, :, 0], found[:2])
    assert beside[2, VEGETATED, 0] == pytest.approx(0.4 / 1.5, rel=1e-3)


def test_what_was_never_vegetated_is_not_judged_by_its_ndvi() -> None:
    ndvi = np.full((2, 1), 0.1, dtype=np.float32)
    found = vegetation_likelihood(ndvi, days(0.9, 0.9), VEGETATION, [False] * 2)[..., 0]
    assert found[:, VEGETATED].tolist() == pytest.approx([1 / 1.5, 1 / 1.5])
    assert (found[:, RECOVERED] < 0.1).all()  # it would be as green as the day's level


def test_what_was_not_seen_says_nothing() -> None:
    ndvi = np.array([[np.nan], [0.8]], dtype=np.float32)
    found = vegetation_likelihood(ndvi, days(0.9, np.nan), VEGETATION, [True] * 2)
    assert (found == 1).all()


def test_a_date_shows_what_vegetated_and_bare_ground_are_on_it() -> None:
    generator = np.random.default_rng(0)
    ndvi = np.full((2, 4000), 0.8, dtype=np.float32)
    ndvi[1] = 0.6 + 0.1 * generator.standard_normal(4000)
    ndvi[1, :400] = 0.3 + 0.02 * generator.standard_normal(400)
    probability = np.full((2, 4000), np.nan, dtype=np.float32)
    probability[1] = 0.01
    probability[1, :400] = 0.95
    first, second = day_vegetation(ndvi, probability, VEGETATION)
    assert first.level == pytest.approx(0.8)
    assert first.vegetated == pytest.approx((1, 0.12))
    level = np.quantile(ndvi[1], 0.7)
    index = (ndvi[1] - 0.1) / (level - 0.1)
    index /= np.maximum(index, 1)  # the reference is that of the date on which it is highest
    assert second.vegetated[0] == pytest.approx(np.median(index[400:]), abs=1e-4)
    assert second.bare == pytest.approx((float(np.median(index[:400])), 0.15), abs=1e-4)
    assert second.vegetated[1] == pytest.approx(
        np.subtract(*np.quantile(index[400:], (0.75, 0.25))) / 1.349, rel=1e-3
    )


def test_a_day_under_snow_is_left_out() -> None:
    ndvi = np.array([[0.8] * 2000, [0.15] * 2000], dtype=np.float32)
    unknown = np.full_like(ndvi, np.nan)
    assert np.isnan(day_vegetation(ndvi, unknown, VEGETATION)[1].level)
