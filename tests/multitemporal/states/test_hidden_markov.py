"""The forward-backward pass against enumeration of all paths, and the transitions by hand."""

import itertools
import math
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.multitemporal.states.hidden_markov import (
    FRESH,
    RECOVERED,
    RECOVERING,
    VEGETATED,
    TransitionRates,
    initial_distribution,
    posterior_states,
    transition_between,
)

RATES = TransitionRates()
DAYS = (date(2007, 6, 1), date(2009, 4, 3), date(2013, 8, 12), date(2015, 8, 5))
TRIGGERS = (date(2008, 5, 12), date(2014, 7, 22))


def likelihoods(dates: int = 4, pixels: int = 7, seed: int = 0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).exponential(size=(dates, 4, pixels))
    return drawn.astype(np.float32)


def enumerated(seen: NDArray[np.float32]) -> NDArray[np.float64]:
    start = initial_distribution(DAYS[0], TRIGGERS, RATES)
    steps = [transition_between(*pair, TRIGGERS, RATES) for pair in itertools.pairwise(DAYS)]
    posterior: NDArray[np.float64] = np.zeros(seen.shape)
    for path in itertools.product(range(4), repeat=len(DAYS)):
        weight = start[path[0]] * np.prod(
            [step[pair] for step, pair in zip(steps, itertools.pairwise(path), strict=True)]
        )
        joint = weight * np.prod([seen[at, state] for at, state in enumerate(path)], axis=0)
        for at, state in enumerate(path):
            posterior[at, state] += joint
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


def test_the_posterior_is_that_of_all_paths() -> None:
    seen = likelihoods()
    found = posterior_states(DAYS, seen, RATES, TRIGGERS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, enumerated(seen), atol=2e-6)


def test_a_date_that_saw_nothing_changes_no_other() -> None:
    seen = likelihoods()
    with_unseen = np.insert(seen, 2, np.float32(0.3), axis=0)
    days = (*DAYS[:2], date(2011, 1, 1), *DAYS[2:])
    found = posterior_states(days, with_unseen, RATES, TRIGGERS)
    np.testing.assert_allclose(
        found[[0, 1, 3, 4]], posterior_states(DAYS, seen, RATES, TRIGGERS), atol=1e-6
    )


def test_the_order_of_dates_has_no_part() -> None:
    seen, order = likelihoods(), [2, 0, 3, 1]
    shuffled = posterior_states([DAYS[at] for at in order], seen[order], RATES, TRIGGERS[::-1])
    np.testing.assert_array_equal(shuffled, posterior_states(DAYS, seen, RATES, TRIGGERS)[order])


def test_many_sure_dates_neither_overflow_nor_vanish() -> None:
    days = [date(2000 + at, 7, 1) for at in range(40)]
    seen = np.full((40, 4, 1), 1e-6, dtype=np.float32)
    seen[:, FRESH] = 1e6
    found = posterior_states(days, seen, RATES)
    assert np.isfinite(found).all()
    assert found[:, FRESH].min() > 0.999


def test_transitions_are_those_of_the_rates() -> None:
    ten_years = transition_between(
        date(2000, 1, 1),
        date(2010, 1, 1),
        (),
        TransitionRates(failures_per_year=0, reactivations_per_year=0),
    )
    # 1 - (3 exp(-10/3) - 7 exp(-10/7)) / (3 - 7), the sum of two exponential times
    recovered = 1 - (3 * math.exp(-10 / 3) - 7 * math.exp(-10 / 7)) / -4
    fresh = ten_years[FRESH]
    assert fresh[RECOVERED] == pytest.approx(recovered, abs=2e-4)
    assert fresh[FRESH] == pytest.approx(math.exp(-10 / 3), abs=2e-4)
    assert ten_years[VEGETATED].tolist() == [1, 0, 0, 0]


def test_a_trigger_acts_on_its_own_day_and_once() -> None:
    day = date(2008, 5, 12)
    before, after = date(2008, 5, 11), date(2008, 5, 13)
    failed = VEGETATED, FRESH
    for triggers in ([day], [day, day]):
        assert transition_between(before, day, triggers, RATES)[failed] == pytest.approx(0.02, 1e-2)
        assert transition_between(day, after, triggers, RATES)[failed] < 1e-4
    np.testing.assert_allclose(
        transition_between(before, day, [day], RATES)
        @ transition_between(day, after, [day], RATES),
        transition_between(before, after, [day], RATES),
    )


def test_before_the_first_date_ground_may_have_failed() -> None:
    quiet = initial_distribution(date(2009, 5, 12), (), RATES)
    shaken = initial_distribution(date(2009, 5, 12), (date(2008, 5, 12),), RATES)
    assert quiet.sum() == pytest.approx(1)
    at = initial_distribution(date(2008, 5, 12), (), RATES)
    fails = 0.02 * at[VEGETATED] + 0.1 * (at[RECOVERING] + at[RECOVERED])
    assert shaken[FRESH] - quiet[FRESH] == pytest.approx(fails * math.exp(-1 / 3), abs=0.001)


def test_years_are_checked() -> None:
    with pytest.raises(InputError, match=r"recovering_years is over 0 .* got -2"):
        TransitionRates(recovering_years=-2)
