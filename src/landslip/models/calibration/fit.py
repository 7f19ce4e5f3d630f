"""Fits a calibration curve to pixels counted by logit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from landslip.core.choices import CalibrationMethod
from landslip.core.errors import InputError
from landslip.models.calibration.curve import CalibrationCurve, sigmoid
from landslip.models.calibration.metrics import (
    BIN_CENTRES,
    CalibrationMetrics,
    LogitCounts,
    calibration_metrics,
    sum_counts,
)

FITTED_METHODS = (
    CalibrationMethod.TEMPERATURE,
    CalibrationMethod.PLATT,
    CalibrationMethod.ISOTONIC,
)
"""By rising number of free parameters."""
SLOPES = 0.02, 50.0
"""Least and largest slope of a line; a network that says nothing gives the least."""
KNOTS = 16
LEAST_RISE = 0.01
"""Slope where isotonic regression finds none, so that the order of probabilities stays."""
PATCH_PX = 256
"""Pixels added to each group in isotonic regression, half of them landslide: neighbours are alike,
so that a group without any landslide says little more than that one more patch may have been it."""
_PATCH_SHARE = 1e-4  # of all pixels, at most
_WIDTH = 25  # bins, 0.25: knots nearer to each other would follow the sample


def fit(counts: LogitCounts, method: CalibrationMethod) -> CalibrationCurve:
    """Fit a curve.

    Args:
        counts: pixels by the network's logit.
        method: any but ``auto``.

    Raises:
        InputError: there is no landslide pixel, or no other.
    """
    for name, number in (("landslide", counts.landslides), ("other", counts.others)):
        if number == 0:
            raise InputError(
                f"calibration compares landslide pixels with others and there is no {name} pixel "
                "among the tiles' valid and labelled ones; take tiles that show both"
            )
    if method is CalibrationMethod.ISOTONIC:
        return _isotonic(counts)
    if method is CalibrationMethod.AUTO:
        raise ValueError("auto is a choice among methods and none that is fitted")
    return _line(counts, is_shifted=method is CalibrationMethod.PLATT)


def _line(counts: LogitCounts, *, is_shifted: bool) -> CalibrationCurve:
    """Fit a line by maximum likelihood.

    Through 0 it is temperature scaling (Guo et al. 2017, arXiv 1706.04599, section 4.2), whose
    temperature is 1 / slope; with an intercept Platt's method (Platt 1999), without his change of
    the targets, which is nothing for as many pixels as these.
    """
    held = np.flatnonzero(counts.landslide + counts.other)
    logits, landslide, other = BIN_CENTRES[held], counts.landslide[held], counts.other[held]

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = line[0] * logits + line[1]
        value = landslide @ np.logaddexp(0, -found) + other @ np.logaddexp(0, found)
        rise = (landslide + other) * sigmoid(found) - landslide
        return value / counts.pixels, np.array([rise @ logits, rise.sum()]) / counts.pixels

    shift = (-50.0, 50.0) if is_shifted else (0.0, 0.0)
    found = minimize(
        loss,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[SLOPES, shift],
        options={"ftol": 1e-14, "gtol": 1e-10},
    )
    return CalibrationCurve.line(float(found.x[0]), float(found.x[1]))


def _isotonic(counts: LogitCounts) -> CalibrationCurve:
    """Fit rising shares of landslide to groups of pixels, joined by straight lines of logits.

    Isotonic regression as of Zadrozny and Elkan 2002 (doi 10.1145/775047.775151), on at most
    `KNOTS` groups that hold as much of the landslide pixels and of the others as each
    other; their shares are drawn a little towards one half.
    """
    logits, landslide, other = _grouped(counts)
    pixels = landslide + other
    patch = min(PATCH_PX, counts.pixels * _PATCH_SHARE)
    shares = (landslide + patch / 2) / (pixels + patch)
    found = isotonic_regression(shares, weights=pixels)
    starts = found.blocks[:-1]
    x = np.add.reduceat(logits * pixels, starts) / np.add.reduceat(pixels, starts)
    share = found.x[starts]
    y = np.log(share) - np.log1p(-share)
    y = LEAST_RISE * x + np.maximum.accumulate(y - LEAST_RISE * x)
    # beyond the ends nothing is known: there it grows no surer than the network does
    slope = min((y[-1] - y[0]) / (x[-1] - x[0]), 1.0) if len(x) > 1 else 1.0
    return CalibrationCurve(
        knots=tuple(zip(x.tolist(), y.tolist(), strict=True)),
        slope_below=float(slope),
        slope_above=float(slope),
    )


def _grouped(
    counts: LogitCounts,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean logit, landslide and other pixels of each group, by rising logit."""
    places = np.arange(len(BIN_CENTRES)) // _WIDTH
    mass = counts.landslide / counts.landslides + counts.other / counts.others
    by_place = np.bincount(places, weights=mass)
    middle = (np.cumsum(by_place) - by_place / 2) / by_place.sum()
    group = np.minimum((middle * KNOTS).astype(np.intp), KNOTS - 1)[places]
    columns = (BIN_CENTRES * (counts.landslide + counts.other), counts.landslide, counts.other)
    sums, landslide, other = (
        np.bincount(group, weights=column).astype(np.float64) for column in columns
    )
    held = landslide + other > 0
    landslide, other = landslide[held], other[held]
    return sums[held] / (landslide + other), landslide, other


FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodSelection:
    """A curve, and what probabilities are worth without and with it.

    Attributes:
        method: the curve was fitted by.
        curve: fitted to all tiles.
        folds: of tiles; 0 where there are too few to set some aside.
        before: the network's own probabilities.
        after: by method, each tile under a curve fitted to the other folds; empty without folds.
    """

    method: CalibrationMethod
    curve: CalibrationCurve
    folds: int
    before: CalibrationMetrics
    after: dict[CalibrationMethod, CalibrationMetrics]


def calibration_folds(groups: Sequence[str], *, seed: int, folds: int = FOLDS) -> list[int]:
    """Deal tiles out to folds at random, whole groups of them where there is more than one.

    Args:
        groups: of each tile: what is near it on the ground.
        seed: of the order among groups of one size; the largest are dealt first, each to the fold
            with the fewest tiles.
        folds: as many, or fewer where there are fewer groups (of tiles, where all are one group).

    Returns:
        the fold of each tile, from 0.
    """
    units = list(groups) if len(set(groups)) > 1 else [str(at) for at in range(len(groups))]
    tiles = Counter(units)
    names = sorted(tiles)
    sizes = [0] * min(folds, len(names))
    fold_of = {}
    shuffled = [names[at] for at in np.random.default_rng(seed).permutation(len(names))]
    for name in sorted(shuffled, key=lambda name: -tiles[name]):
        fold = sizes.index(min(sizes))
        fold_of[name] = fold
        sizes[fold] += tiles[name]
    return [fold_of[unit] for unit in units]


def select_method(folds: Sequence[LogitCounts], method: CalibrationMethod) -> MethodSelection:
    """Fit a curve to all folds and score it on each fold, fitted to the others.

    Without folds to set aside, ``auto`` is temperature, which has the fewest parameters.

    Args:
        folds: pixels of the tiles of each fold.
        method: ``auto`` takes the one with the lowest log loss on tiles not fitted on.

    Raises:
        InputError: there is no landslide pixel, or no other.
    """
    every = sum_counts(list(folds))
    wanted = FITTED_METHODS if method is CalibrationMethod.AUTO else (method,)
    rest = [sum_counts([other for other in folds if other is not fold]) for fold in folds]
    can_validate = all(part.landslides and part.others for part in rest)
    after = {way: _held_out(folds, rest, way) for way in wanted} if can_validate else {}
    chosen = min(after, key=lambda way: after[way].log_loss) if after else wanted[0]
    return MethodSelection(
        method=chosen,
        curve=fit(every, chosen),
        folds=len(folds) if after else 0,
        before=calibration_metrics(every, None),
        after=after,
    )


def _held_out(
    folds: Sequence[LogitCounts], rest: Sequence[LogitCounts], way: CalibrationMethod
) -> CalibrationMetrics:
    first, *others = (
        calibration_metrics(fold, fit(part, way)) for fold, part in zip(folds, rest, strict=True)
    )
    return sum(others, first)
