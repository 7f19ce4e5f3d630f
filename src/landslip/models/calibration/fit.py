"""Fits a calibration curve to pixels counted by logit."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from landslip.core.errors import InputError
from landslip.models.calibration.counts import MIDDLES, LogitCounts
from landslip.models.calibration.curve import Calibration, sigmoid
from landslip.models.calibration.method import Method

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


def fit(counts: LogitCounts, method: Method) -> Calibration:
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
    if method is Method.ISOTONIC:
        return _isotonic(counts)
    if method is Method.AUTO:
        raise ValueError("auto is a choice among methods and none that is fitted")
    return _line(counts, is_shifted=method is Method.PLATT)


def _line(counts: LogitCounts, *, is_shifted: bool) -> Calibration:
    """Fit a line by maximum likelihood.

    Through 0 it is temperature scaling (Guo et al. 2017, arXiv 1706.04599, section 4.2), whose
    temperature is 1 / slope; with an intercept Platt's method (Platt 1999), without his change of
    the targets, which is nothing for as many pixels as these.
    """
    held = np.flatnonzero(counts.landslide + counts.other)
    logits, landslide, other = MIDDLES[held], counts.landslide[held], counts.other[held]

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
    return Calibration.line(float(found.x[0]), float(found.x[1]))


def _isotonic(counts: LogitCounts) -> Calibration:
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
    return Calibration(
        knots=tuple(zip(x.tolist(), y.tolist(), strict=True)),
        slope_below=float(slope),
        slope_above=float(slope),
    )


def _grouped(
    counts: LogitCounts,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean logit, landslide and other pixels of each group, by rising logit."""
    places = np.arange(len(MIDDLES)) // _WIDTH
    mass = counts.landslide / counts.landslides + counts.other / counts.others
    by_place = np.bincount(places, weights=mass)
    middle = (np.cumsum(by_place) - by_place / 2) / by_place.sum()
    group = np.minimum((middle * KNOTS).astype(np.intp), KNOTS - 1)[places]
    columns = (MIDDLES * (counts.landslide + counts.other), counts.landslide, counts.other)
    sums, landslide, other = (
        np.bincount(group, weights=column).astype(np.float64) for column in columns
    )
    held = landslide + other > 0
    landslide, other = landslide[held], other[held]
    return sums[held] / (landslide + other), landslide, other
