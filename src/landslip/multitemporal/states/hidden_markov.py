"""A hidden Markov model in continuous time: how states follow each other, and their posterior.

Between two dates the state changes by ``expm(Q t)`` of a rate matrix Q and the years t (Norris
1997, Markov Chains, theorem 2.1.1; with hidden states Jackson 2011, doi 10.18637/jss.v038.i08), so
that dates need not be at equal distances. On the day of a trigger, states jump besides.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from landslip.core.choices import LandslideState
from landslip.core.errors import InputError, argument

DAYS_PER_YEAR = 365.25
_YEARS_BEFORE = 30

Matrix = NDArray[np.float64]
Likelihood = NDArray[np.float32]


STATES = tuple(LandslideState)
VEGETATED, FRESH, RECOVERING, RECOVERED = range(len(STATES))


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRates:
    """How fast states follow each other.

    The mean years give 61 % recovered after ten years and 90 % after twenty, as was measured on
    30,000 landslides of the Wenchuan earthquake (60 % near the level before it after ten, expected
    to recover within twenty: doi 10.3390/s21155243), slow in the first three years (doi
    10.19743/j.cnki.0891-4176.202001007). The other numbers are not measured. They say how much
    evidence a failure needs.

    Attributes:
        fresh_years: mean time until plants return.
        recovering_years: mean time from then until it looks as its surroundings.
        failures_per_year: rate at which vegetated and recovered ground fails without a trigger.
        reactivations_per_year: rate at which recovering ground fails again without a trigger.
        trigger_failure: probability that vegetated ground fails on the day of a trigger.
        trigger_reactivation: the same of recovering and recovered ground.
    """

    fresh_years: float = 3.0
    recovering_years: float = 7.0
    failures_per_year: float = 0.002
    reactivations_per_year: float = 0.02
    trigger_failure: float = 0.02
    trigger_reactivation: float = 0.10

    def __post_init__(self) -> None:
        for name in ("fresh_years", "recovering_years"):
            if not 0 < (value := getattr(self, name)) <= 1000:
                raise InputError(
                    f"{argument(name)} is over 0 and at most 1000 years; got {value:g}"
                )

    @property
    def matrix(self) -> Matrix:
        """The rate matrix Q (from, to), per year; its rows add up to 0."""
        rates = np.zeros((4, 4))
        rates[VEGETATED, FRESH] = self.failures_per_year
        rates[FRESH, RECOVERING] = 1 / self.fresh_years
        rates[RECOVERING, RECOVERED] = 1 / self.recovering_years
        rates[RECOVERING, FRESH] = self.reactivations_per_year
        rates[RECOVERED, FRESH] = self.failures_per_year
        return rates - np.diag(rates.sum(axis=1))

    @property
    def trigger_matrix(self) -> Matrix:
        """Probabilities (from, to) of the jump on the day of a trigger."""
        jump = np.eye(4)
        for state, probability in (
            (VEGETATED, self.trigger_failure),
            (RECOVERING, self.trigger_reactivation),
            (RECOVERED, self.trigger_reactivation),
        ):
            jump[state, state] -= probability
            jump[state, FRESH] += probability
        return jump


def transition_between(
    first: date, second: date, triggers: Sequence[date], rates: TransitionRates
) -> Matrix:
    """Return the probabilities (from, to) of states on the second date given those on the first.

    A trigger acts on dates of its own day and later.
    """
    at, result = first, np.eye(4)
    for day in sorted({day for day in triggers if first < day <= second}):
        result = result @ _advance(at, day, rates) @ rates.trigger_matrix
        at = day
    return result @ _advance(at, second, rates)


def _advance(start: date, end: date, rates: TransitionRates) -> Matrix:
    years = (end - start).days / DAYS_PER_YEAR
    return np.asarray(expm(rates.matrix * years), dtype=np.float64)


def initial_distribution(
    first: date, triggers: Sequence[date], rates: TransitionRates
) -> NDArray[np.float64]:
    """Return the probabilities (4,) of states on the first date, before anything was seen.

    All was vegetated 30 years before it, or before the first trigger if that is earlier.
    """
    start = min([first, *triggers]) - timedelta(days=_YEARS_BEFORE * DAYS_PER_YEAR)
    distribution: NDArray[np.float64] = transition_between(start, first, triggers, rates)[0]
    return distribution


def posterior_states(
    days: Sequence[date],
    likelihoods: Likelihood,
    rates: TransitionRates,
    triggers: Sequence[date] = (),
) -> Likelihood:
    """Return the probability of each state on each date given all dates: forward-backward.

    Both passes are scaled to a sum of 1 at every step (Rabiner 1989, doi 10.1109/5.18626, section
    V.A), which float32 bears for any number of dates.

    Args:
        days: in any order.
        likelihoods: (dates, 4, n), what was seen on a date given the state, up to a factor; all
            equal where a date did not see.
        rates: of the transitions.
        triggers: days on which ground may have failed.

    Returns:
        (dates, 4, n) float32 in the order of ``days``.
    """
    order = sorted(range(len(days)), key=lambda at: days[at])
    ordered = [days[at] for at in order]
    steps = [
        transition_between(*pair, triggers, rates).astype(np.float32)
        for pair in itertools.pairwise(ordered)
    ]
    start = initial_distribution(ordered[0], triggers, rates).astype(np.float32)
    posterior = np.empty_like(likelihoods)
    state = np.broadcast_to(start[:, np.newaxis], likelihoods.shape[1:])
    for number, at in enumerate(order):
        state = state if number == 0 else steps[number - 1].T @ state
        state = np.multiply(state, likelihoods[at], out=posterior[at])
        state /= state.sum(axis=0)
    later = np.ones(likelihoods.shape[1:], dtype=np.float32)
    for number in range(len(order) - 2, -1, -1):
        seen = order[number + 1]
        later = steps[number] @ (later * likelihoods[seen])
        later /= later.sum(axis=0)
        at = order[number]
        posterior[at] *= later
        posterior[at] /= posterior[at].sum(axis=0)
    return posterior
