"""The recovery of each landslide, by the pixels of all its dates."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.multitemporal.recovery.curve import ReturnCurve, return_curve
from landslip.multitemporal.recovery.landslides import FailedSlopes
from landslip.multitemporal.recovery.rates import (
    RecoveryClass,
    classes_of,
    latest,
    recovery_rates,
    relative_vegetation,
)
from landslip.multitemporal.recovery.survival import recovery_time
from landslip.multitemporal.recovery.trajectories import (
    Trajectories,
    neighbouring,
    read_trajectories,
)
from landslip.multitemporal.series.folder import Series

LEAST_SEEN = 0.5
"""Share of a landslide's pixels that a date must have seen to count."""
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideRecovery:
    """A landslide on the dates of a series; what is not known is NaN or None.

    Attributes:
        pixels: of the landslide, all.
        neighbours: (dates,) median NDVI of the undisturbed ring.
        failed: day since when its years count; ``is_stated`` where the input said so, else the date
            on which it was barest.
        before: (dates,) on which the ground had not failed.
        after: number of the first date that saw it since it failed; None: none did.
        ndvi: (dates,) mean of the seen pixels.
        seen: (dates,) share of its pixels that was seen.
        vegetation: (dates,) mean vegetation relative to the neighbours.
        rates: (dates,) recovery rates.
        level: vegetation before it failed, the neighbours' where no date shows it.
        has_before: whether a date shows it.
        rate: last known one, of the date ``last``.
        recovery_class: by that.
        curve: of the return; None: fewer than two dates.
        years: until it had recovered, or until it was last seen.
        recovered: whether it had.
    """

    pixels: int
    neighbours: NDArray[np.float64]
    failed: date | None
    is_stated: bool
    before: NDArray[np.bool_]
    after: int | None
    ndvi: NDArray[np.float64]
    seen: NDArray[np.float64]
    vegetation: NDArray[np.float64]
    rates: NDArray[np.float64]
    level: float
    has_before: bool
    rate: float
    last: int | None
    recovery_class: RecoveryClass
    curve: ReturnCurve | None
    years: float
    recovered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDates:
    """Which dates of a series are before a landslide (dates,), and the first one since it."""

    before: NDArray[np.bool_]
    start: int
    failed: date | None
    is_stated: bool


def measure(
    series: Series,
    landslides: FailedSlopes,
    *,
    draws: int = 200,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[LandslideRecovery]:
    """Measure each landslide, by the pixels of some neighbouring ones at a time."""
    measured: dict[int, LandslideRecovery] = {}
    portions = neighbouring(landslides.in_pixels)
    for number, rows in enumerate(portions):
        shown = sub_progress(progress, number, number + 1, len(portions))
        some = landslides.take(rows)
        found = read_trajectories(series, some, shown)
        limits = np.searchsorted(found.landslide, np.arange(len(rows) + 1))
        for at, row in enumerate(rows.tolist()):
            pixels = slice(*limits[at : at + 2])
            measured[row] = _measure_one(
                found,
                (at, pixels),
                (some.failed[at], some.seen_without[at]),
                series.days,
                (draws, seed),
            )
    return [measured[row] for row in range(len(landslides.ids))]


def failure_dates(
    days: tuple[date, ...],
    vegetation: NDArray[np.float64],
    failed: date | None,
    seen_without: date | None,
) -> FailureDates:
    """Divide dates by when a landslide failed, or else by the date on which it is barest."""
    if failed is not None:
        start = sum(day < failed for day in days)
        before = np.array([day < failed for day in days])
        if seen_without is not None:
            before &= np.array([day <= seen_without for day in days])
        return FailureDates(before=before, start=start, failed=failed, is_stated=True)
    known = np.isfinite(vegetation)
    if not known.any():
        nothing = np.zeros(len(days), dtype=np.bool_)
        return FailureDates(before=nothing, start=len(days), failed=None, is_stated=False)
    start = int(np.nanargmin(vegetation))
    before = np.arange(len(days)) < start
    return FailureDates(before=before, start=start, failed=days[start], is_stated=False)


def _measure_one(
    found: Trajectories,
    which: tuple[int, slice],
    when: tuple[date | None, date | None],
    days: tuple[date, ...],
    resampling: tuple[int, int],
) -> LandslideRecovery:
    at, own = which
    ndvi, block = found.ndvi[own].astype(np.float64), found.block[own]
    neighbours = found.neighbours[at]
    relative = relative_vegetation(ndvi, neighbours)
    seen = np.isfinite(ndvi).sum(axis=0) / max(len(ndvi), 1)
    counts = seen >= LEAST_SEEN
    mean_ndvi, vegetation = np.full((2, len(days)), np.nan)
    mean_ndvi[counts] = np.nanmean(ndvi[:, counts], axis=0)
    usable = counts & np.isfinite(relative).any(axis=0)
    vegetation[usable] = np.nanmean(relative[:, usable], axis=0)
    dates = failure_dates(days, vegetation, *when)
    start = np.array([dates.start])
    rates = recovery_rates(vegetation[np.newaxis], dates.before, start)
    (rate,), (last,) = latest(rates)
    earlier = vegetation[dates.before & np.isfinite(vegetation)]
    level = float(earlier.mean()) if len(earlier) else 1.0
    since = np.flatnonzero(np.isfinite(vegetation) & (np.arange(len(days)) >= dates.start))
    curve = None
    if np.isfinite(rates).sum() > 1:
        after = days[int(since[0])]
        years = np.array([(days[on] - after).days / _DAYS_PER_YEAR for on in since])
        _, numbers = np.unique(block, return_inverse=True)
        curve = return_curve(years, level - relative[:, since], numbers, *resampling)
    origin = dates.failed or days[0]
    elapsed = np.array([(day - origin).days / _DAYS_PER_YEAR for day in days])
    years_observed, recovered = recovery_time(elapsed, rates[0])
    return LandslideRecovery(
        pixels=int(found.pixels[at]),
        neighbours=neighbours,
        failed=dates.failed,
        is_stated=dates.is_stated,
        before=dates.before,
        after=int(since[0]) if len(since) else None,
        ndvi=mean_ndvi,
        seen=seen,
        vegetation=vegetation,
        rates=rates[0],
        level=level,
        has_before=len(earlier) > 0,
        rate=float(rate),
        last=None if last < 0 else int(last),
        recovery_class=RecoveryClass(int(classes_of(np.array(rate)))),
        curve=curve,
        years=years_observed,
        recovered=recovered,
    )
