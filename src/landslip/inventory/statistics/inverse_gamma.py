"""Fit of the three-parameter inverse gamma distribution to landslide areas, by maximum likelihood.

1 / (A - s) is gamma distributed with shape rho and rate a (`metrics.inverse_gamma`). An inventory
with a minimum mapping unit is fitted by the density given A at least that (at least 0, as s can be
under it), which leaves rho, a and s those of all landslides, mapped or not.

For a given s the likelihood is concave in rho and a and its maximum is found by Newton's method;
over s, the profile is evaluated on a grid, so that no start decides the result. Many sets of counts
(the bootstrap's) are fitted at once. No binning: sums over the areas suffice. `scipy.stats` fits
one set at a time, from a start, and no distribution that is cut off; importing it is slow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import digamma, gammainc, gammaln, polygamma

from landslip.metrics.inverse_gamma import InverseGamma

Array = NDArray[np.float64]
MAX_DISTINCT = 5_000
_UNMERGED = 1_000
_CLASS_WIDTH = 0.002


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedAreas:
    """Distinct areas (n,), rising and over 0, and how often each occurs (n,)."""

    areas_m2: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def landslides(self) -> int:
        """How many landslides there are."""
        return int(self.counts.sum())

    def resampled(self, draws: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the counts (draws, n) of bootstrap samples of the landslides."""
        fractions = self.counts / self.counts.sum()
        return generator.multinomial(self.landslides, fractions, size=draws).astype(np.float64)


def usable_areas(areas_m2: ArrayLike) -> NDArray[np.float64]:
    """Return the areas that are known and over 0, rising."""
    areas = np.asarray(areas_m2, dtype=np.float64).ravel()
    return np.sort(areas[np.isfinite(areas) & (areas > 0)])


def count_areas(areas_m2: NDArray[np.float64]) -> CountedAreas:
    """Count equal areas together; over 5,000 distinct ones also nearly equal ones.

    The classes are 0.2 % wide and represented by their mean, so sums over the areas change by less
    than a millionth; the 1,000 smallest areas, on which the fit depends most, are not merged.
    """
    areas, counts = np.unique(areas_m2, return_counts=True)
    if len(areas) > MAX_DISTINCT:
        classes = np.floor(np.log(areas) / _CLASS_WIDTH).astype(np.int64)
        classes[:_UNMERGED] = np.arange(_UNMERGED) - 10**9
        _, at = np.unique(classes, return_inverse=True)
        sums = np.bincount(at, weights=areas * counts)
        counts = np.bincount(at, weights=counts)
        areas = sums / counts
    return CountedAreas(areas_m2=areas, counts=counts.astype(np.float64))


_RHO = (0.02, 60.0)
_STEEP_RHO = 10.0
_LEAST_RATIO = 1e-3
_MOST_RATIO = 1e6
_STEPS = 60
_GRID = 64
_TOLERANCE = 1e-9
_GOLDEN, _SECTIONS = (5**0.5 - 1) / 2, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedInverseGamma:
    """A distribution and its log-likelihood.

    ``at_edge`` names what the data do not bound: ``shape`` where rho is over 10, which no power law
    has, or s is at the far end of the search; ``rollover`` where they show a tail alone, so that a
    is at its lower bound.
    """

    distribution: InverseGamma
    log_likelihood: float
    at_edge: frozenset[str]


def fit_inverse_gamma(areas: CountedAreas, least_m2: float = 0.0) -> FittedInverseGamma:
    """Fit the distribution of areas that are at least ``least_m2`` (0: of all areas).

    At least 3 different areas are needed.
    """
    problem = _Problem.of(areas, least_m2)
    counts = areas.counts[None]
    profile = problem.profile(counts)[0][0]
    best = int(np.argmax(profile))
    step = problem.offsets[1] - problem.offsets[0]
    middle = problem.offsets[best]
    limits = (max(middle - step, problem.offsets[0]), min(middle + step, problem.offsets[-1]))
    found = minimize_scalar(
        lambda offset: -problem.at(np.array([offset]), counts)[0][0, 0],
        bounds=limits,
        method="bounded",
        options={"xatol": 1e-6},
    )
    value, rho, rate = (one[0, 0] for one in problem.at(np.array([found.x]), counts))
    fitted = InverseGamma(
        rho=float(rho), a_m2=float(rate), s_m2=float(problem.shifts(np.array(found.x)))
    )
    return FittedInverseGamma(
        distribution=fitted,
        log_likelihood=float(value) * areas.landslides,
        at_edge=problem.edges(fitted, float(found.x)),
    )


def fit_inverse_gamma_many(areas: CountedAreas, counts: Array, least_m2: float = 0.0) -> Array:
    """Fit many sets of counts (draws, n) of the same areas.

    Returns:
        (draws, 3) rho, a_m2 and s_m2, between the grid's steps of s by a parabola; by a search
        where a is at its lower bound, since the profile bends there.
    """
    problem = _Problem.of(areas, least_m2)
    profile, logs, inverses, floor = problem.profile(counts)
    draws, best = np.arange(len(counts)), np.clip(np.argmax(profile, axis=1), 1, _GRID - 2)
    low, middle, high = (profile[draws, best + by] for by in (-1, 0, 1))
    curvature = low - 2 * middle + high
    shift = np.where(curvature < 0, (low - high) / (2 * np.minimum(curvature, -1e-300)), 0.0)
    shift = np.clip(shift, -1, 1)
    step = problem.offsets[1] - problem.offsets[0]
    offsets = problem.offsets[best] + shift * step
    logs = _between(logs, draws, best, shift)
    inverses = np.exp(_between(np.log(inverses), draws, best, shift))
    shifts = problem.shifts(offsets)
    _, rho, rate = _inner(logs, inverses, problem.room(shifts))
    found = np.stack([rho, rate, shifts], axis=1)
    bent = floor[draws, best - 1] | floor[draws, best] | floor[draws, best + 1]
    if bent.any():  # golden sections of one grid step to either side
        some, middle = counts[bent], problem.offsets[best[bent]]
        low, high = middle - step, middle + step
        for _ in range(_SECTIONS):
            left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
            below = problem.each(left, some)[0] < problem.each(right, some)[0]
            low, high = np.where(below, left, low), np.where(below, high, right)
        offsets = (low + high) / 2
        _, rho, rate = problem.each(offsets, some)
        found[bent] = np.stack([rho, rate, problem.shifts(offsets)], axis=1)
    return found


def _between(sums: Array, draws: NDArray[np.intp], best: NDArray[np.intp], by: Array) -> Array:
    """Return the parabola through three columns, ``by`` steps from the middle one."""
    low, middle, high = (sums[draws, best + step] for step in (-1, 0, 1))
    found: Array = middle + by * (high - low) / 2 + by**2 * (low - 2 * middle + high) / 2
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    """Areas, and the grid of offsets ln(smallest - s) for the search of s."""

    areas_m2: Array
    least_m2: float
    offsets: Array

    @classmethod
    def of(cls, areas: CountedAreas, least_m2: float) -> "_Problem":
        smallest = areas.areas_m2[0]
        middle = np.average(areas.areas_m2**0.5, weights=areas.counts) ** 2
        nearest = max(min(smallest, middle - smallest) * 1e-2, smallest * 1e-9)
        return cls(
            areas_m2=areas.areas_m2,
            least_m2=min(least_m2, smallest),
            offsets=np.linspace(np.log(nearest), np.log(30 * middle), _GRID),
        )

    def shifts(self, offsets: Array) -> Array:
        """Return s for each offset."""
        shifts: Array = self.areas_m2[0] - np.exp(offsets)
        return shifts

    def room(self, shifts: Array) -> Array:
        """Return least - s, the smallest A - s that can be mapped; 0 where nothing is cut off."""
        return np.maximum(self.least_m2 - shifts, 0.0)

    def profile(self, counts: Array) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
        """Return (draws, grid): greatest mean log-likelihood, and what it comes from.

        That is the mean of ln(A - s), that of 1 / (A - s), and whether a is at its lower bound.
        """
        logs, inverses = self._means(self.offsets, counts)
        room = self.room(self.shifts(self.offsets))
        value, _, rate = _inner(logs, inverses, room)
        return value, logs, inverses, _at_floor(rate, room)

    def at(self, offsets: Array, counts: Array) -> tuple[Array, Array, Array]:
        """Return (draws, offsets): greatest mean log-likelihood, and its rho and a."""
        logs, inverses = self._means(offsets, counts)
        return _inner(logs, inverses, self.room(self.shifts(offsets)))

    def each(self, offsets: Array, counts: Array) -> tuple[Array, Array, Array]:
        """Return the same (draws,), each draw at its own offset (draws,)."""
        above = self.areas_m2 - self.shifts(offsets)[:, None]
        total = counts.sum(axis=1)
        logs = np.einsum("ij,ij->i", counts, np.log(above)) / total
        inverses = np.einsum("ij,ij->i", counts, 1 / above) / total
        return _inner(logs, inverses, self.room(self.shifts(offsets)))

    def _means(self, offsets: Array, counts: Array) -> tuple[Array, Array]:
        above = self.areas_m2[:, None] - self.shifts(offsets)
        total = counts.sum(axis=1, keepdims=True)
        return counts @ np.log(above) / total, counts @ (1 / above) / total

    def edges(self, fitted: InverseGamma, offset: float) -> frozenset[str]:
        """Name what is not bounded by the data."""
        names = set()
        span = self.offsets[-1] - self.offsets[0]
        if fitted.rho > _STEEP_RHO or offset > self.offsets[-1] - 0.02 * span:
            names.add("shape")
        if _at_floor(np.array(fitted.a_m2), self.room(np.array(fitted.s_m2))):
            names.add("rollover")
        return frozenset(names)


def _at_floor(rate: Array, room: Array) -> NDArray[np.bool_]:
    """Whether a is at its lower bound, where the distribution is cut off."""
    floor: NDArray[np.bool_] = (room > 0) & (rate < 1.05 * _LEAST_RATIO * room)
    return floor


def _inner(logs: Array, inverses: Array, room: Array) -> tuple[Array, Array, Array]:
    """Return the greatest mean log-likelihood and its rho and a, for each pair of means.

    These are of ln(A - s) and of 1 / (A - s); room is least - s, or 0, and broadcasts against them.
    """
    room = np.broadcast_to(room, logs.shape)
    rho, rate = _untruncated(logs, inverses)
    cut = room > 0
    if cut.any():
        rho[cut], rate[cut] = _truncated(logs[cut], inverses[cut], room[cut], rho[cut])
    value = rho * np.log(rate) - gammaln(rho) - (rho + 1) * logs - rate * inverses
    value[cut] -= np.log(gammainc(rho[cut], np.minimum(rate[cut] / room[cut], _MOST_RATIO)))
    return value, rho, rate


def _untruncated(logs: Array, inverses: Array) -> tuple[Array, Array]:
    """Return rho and a where nothing is cut off: the gamma fit of 1 / (A - s)."""
    gap = np.maximum(np.log(inverses) + logs, 1e-12)
    rho = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(6):
        slope = 1 / rho - polygamma(1, rho)
        rho = np.clip(rho - (np.log(rho) - digamma(rho) - gap) / slope, rho / 3, rho * 3)
    rho = np.clip(rho, *_RHO)
    return rho, rho / inverses


def _truncated(logs: Array, inverses: Array, room: Array, rho: Array) -> tuple[Array, Array]:
    """Return rho and a where the distribution is cut off, by Newton's method.

    With y = room / (A - s), of which none is over 1, and z = a / room, the mean log-likelihood is
    rho mean(ln y) - z mean(y) - partition(rho, z): an exponential family, concave in (rho, z).
    """
    mean_log, mean = np.log(room) - logs, room * inverses
    rho, ratio = rho.copy(), np.clip(rho / mean, _LEAST_RATIO, 50.0)
    moving = np.arange(len(rho))
    for _ in range(_STEPS):
        old_rho, old_ratio = rho[moving], ratio[moving]
        new_rho, new_ratio = _newton(old_rho, old_ratio, mean_log[moving], mean[moving])
        rho[moving], ratio[moving] = new_rho, new_ratio
        still = np.abs(new_rho / old_rho - 1) + np.abs(new_ratio / old_ratio - 1) > _TOLERANCE
        moving = moving[still]
        if len(moving) == 0:
            break
    return rho, ratio * room


def _newton(rho: Array, ratio: Array, mean_log: Array, mean: Array) -> tuple[Array, Array]:
    """Return one Newton step within bounds; along rho alone where z is at its bound."""
    step = 1e-4 * rho
    low, middle, high = (_partition(rho + by, ratio) for by in (-step, 0 * step, step))
    by_rho = mean_log - (high[0] - low[0]) / (2 * step)
    by_ratio = middle[1] - mean
    rho_rho = (high[0] - 2 * middle[0] + low[0]) / step**2
    rho_ratio = -(high[1] - low[1]) / (2 * step)
    ratio_ratio = middle[2] - middle[1] ** 2
    held = (ratio <= _LEAST_RATIO) & (by_ratio < 0)
    determinant = np.maximum(rho_rho * ratio_ratio - rho_ratio**2, 1e-14)
    along_rho = (ratio_ratio * by_rho - rho_ratio * by_ratio) / determinant
    along_ratio = (rho_rho * by_ratio - rho_ratio * by_rho) / determinant
    along_rho = np.where(held, by_rho / np.maximum(rho_rho, 1e-14), along_rho)
    new_rho = np.clip(np.clip(rho + along_rho, rho / 2, rho * 2), *_RHO)
    moved = np.clip(np.clip(ratio + along_ratio, ratio / 3, ratio * 3), _LEAST_RATIO, _MOST_RATIO)
    return new_rho, np.where(held, ratio, moved)


def _partition(rho: Array, ratio: Array) -> tuple[Array, Array, Array]:
    """Return ln of the integral of y^(rho - 1) exp(-z y) up to 1, and the means of y and y²."""
    below = gammainc(rho, ratio)
    power = np.exp(rho * np.log(ratio) - ratio - gammaln(rho + 1))
    once = below - power
    twice = once - power * ratio / (rho + 1)
    log = gammaln(rho) - rho * np.log(ratio) + np.log(below)
    return log, rho / ratio * once / below, rho * (rho + 1) / ratio**2 * twice / below
