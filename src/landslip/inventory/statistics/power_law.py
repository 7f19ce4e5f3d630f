"""Power law of the tail of landslide areas, by maximum likelihood.

p(A) = (exponent - 1) / from (A / from)^-exponent for A from ``from`` on; ``from`` is where the
Kolmogorov-Smirnov distance between the tail and its fit is least (Clauset et al. 2009, doi
10.1137/070710111, equations 3.1 and 3.9).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 30
_CANDIDATES, _CHECKED = 80, 1_000

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """A tail: its exponent, where it begins, how many landslides it holds, and how well it fits."""

    exponent: float
    from_m2: float
    landslides: int
    ks_distance: float


def fit_power_law(areas_m2: Array) -> PowerLaw | None:
    """Fit the tail of rising areas over 0.

    A tail begins at one of up to 80 of the areas, evenly spread by rank, and holds at least 30
    landslides; distances are taken at up to 1,000 areas, evenly spread by rank.

    Returns:
        None where there are fewer than 30 landslides or all of a tail are of one area.
    """
    if len(areas_m2) < FEWEST:
        return None
    logs = np.log(areas_m2)
    change = areas_m2[1:] != areas_m2[:-1]
    firsts = np.flatnonzero(np.concatenate(([True], change)))
    starts = _spread(firsts[firsts <= len(logs) - FEWEST], _CANDIDATES)
    held = len(logs) - starts
    sums = np.cumsum(logs[::-1])[::-1][starts] - held * logs[starts]
    slopes = np.divide(held, sums, out=np.zeros(len(sums)), where=sums > 1e-9 * held)
    ends = _spread(np.flatnonzero(np.concatenate((change, [True]))) + 1, _CHECKED)
    distances = _distances(logs, starts, slopes, ends)
    best = int(np.argmin(distances))
    if not np.isfinite(distances[best]):
        return None
    return PowerLaw(
        exponent=float(1 + slopes[best]),
        from_m2=float(areas_m2[starts[best]]),
        landslides=int(held[best]),
        ks_distance=float(distances[best]),
    )


def likelihood_of_worse(
    areas_m2: Array, fitted: PowerLaw, draws: int, generator: np.random.Generator
) -> float:
    """Return how often areas with such a tail lie farther from their fit than these do (p).

    Sets of as many areas are made: from the fitted tail with the tail's share, else from the areas
    under it (Clauset et al. 2009, section 4.1); a p under 0.1 speaks against a power law.
    """
    body = areas_m2[areas_m2 < fitted.from_m2]
    share, worse = fitted.landslides / len(areas_m2), 0
    for _ in range(draws):
        in_tail = int(generator.binomial(len(areas_m2), share))
        tail = fitted.from_m2 * generator.uniform(size=in_tail) ** (-1 / (fitted.exponent - 1))
        rest = _redrawn(body, len(areas_m2) - in_tail, generator)
        again = fit_power_law(np.concatenate((rest, np.sort(tail))))
        worse += again is not None and again.ks_distance >= fitted.ks_distance
    return worse / draws


def refitted(areas_m2: Array, draws: int, generator: np.random.Generator) -> Array:
    """Return exponent and start (draws, 2) of landslides drawn anew; NaN without a fit."""
    found = np.full((draws, 2), np.nan)
    for draw in range(draws):
        again = fit_power_law(_redrawn(areas_m2, len(areas_m2), generator))
        if again is not None:
            found[draw] = again.exponent, again.from_m2
    return found


def _redrawn(areas_m2: Array, landslides: int, generator: np.random.Generator) -> Array:
    """Return rising areas drawn with replacement from rising ones; none from none."""
    if landslides == 0:
        return areas_m2[:0]
    drawn = generator.integers(len(areas_m2), size=landslides)
    return np.repeat(areas_m2, np.bincount(drawn, minlength=len(areas_m2)))


def _spread(places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Return up to ``most`` of the places, the first and the last among them."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.intp)]


def _distances(
    logs: Array, starts: NDArray[np.intp], slopes: Array, ends: NDArray[np.intp]
) -> Array:
    """Return the greatest distance of each tail to its fit; infinite where there is no fit.

    At each different area the fit is compared with the share of smaller ones and of smaller or
    equal ones.
    """
    firsts = np.searchsorted(logs, logs[ends - 1])
    held = (len(logs) - starts)[:, None]
    inside = firsts[None] >= starts[:, None]
    fitted = np.exp(-slopes[:, None] * np.maximum(logs[ends - 1] - logs[starts][:, None], 0))
    over = np.maximum((len(logs) - ends) / held - fitted, fitted - (len(logs) - ends) / held)
    under = np.abs(fitted - (len(logs) - firsts) / held)
    distances = np.where(inside, np.maximum(over, under), 0).max(axis=1)
    return np.where(slopes > 0, distances, np.inf)
