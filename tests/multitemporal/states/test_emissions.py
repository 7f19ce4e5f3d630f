"""Likelihoods of states, by hand."""

import numpy as np
import pytest

from landslip.multitemporal.states.emissions import (
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
    np.testing.assert_allclose(found[RECOVERING], [1, 2.5, 1], rtol=1e-5)
    assert (found[[VEGETATED, RECOVERED]] == 1).all()


def test_what_one_date_can_say_is_bounded() -> None:
    found = probability_likelihood(np.array([0, 1], dtype=np.float32), 0.01, PROBABILITY)
    np.testing.assert_allclose(found[FRESH], [1 / 19, 19], rtol=2e-2)


def test_ndvi_is_related_to_the_day_and_to_the_pixels_own_reference() -> None:
    levels = np.array([0.9, 0.5, 0.9])  # summer, winter, summer
    ndvi = np.array([[0.74], [0.42], [0.1]], dtype=np.float32)
    # 0.8 of the level on both days before: its own reference, so that index is 1, 1 and 0
    found = vegetation_likelihood(ndvi, levels, VEGETATION)[..., 0]
    at_mean = 0.95 / (0.12 * np.sqrt(2 * np.pi)) + 0.05 / 1.5
    np.testing.assert_allclose(found[:2, VEGETATED], at_mean, rtol=1e-4)
    assert found[2].argmax() == FRESH
    assert found[2, VEGETATED] == pytest.approx(0.05 / 1.5, rel=1e-3)


def test_what_was_never_vegetated_is_not_judged_by_its_ndvi() -> None:
    ndvi = np.full((2, 1), 0.1, dtype=np.float32)
    found = vegetation_likelihood(ndvi, np.array([0.9, 0.9]), VEGETATION)[..., 0]
    assert found[:, VEGETATED].tolist() == pytest.approx([1 / 1.5, 1 / 1.5])
    assert (found[:, RECOVERED] < 0.05).all()  # it would be as green as the day's level


def test_what_was_not_seen_says_nothing() -> None:
    ndvi = np.array([[np.nan], [0.8]], dtype=np.float32)
    found = vegetation_likelihood(ndvi, np.array([0.9, np.nan]), VEGETATION)
    assert (found == 1).all()
