"""Fraction of landslide in a mapped area, from the map's errors that were counted on tiles.

They can be carried to the map in two ways. `fraction_by_map_classes` takes user's accuracies (how
often what is mapped is right; Olofsson et al. 2014, Remote Sensing of Environment 148: 42-57, doi
10.1016/j.rse.2014.02.015). They change with how common landslides are, so the tiles must have as
many as the mapped area. `fraction_by_error_rates` takes sensitivity and specificity (how often what
is there is mapped). These do not change with how common landslides are, as long as landslides and
other ground are of the same kinds; the price is a wider interval. Where both differ by more than
their intervals, the tiles are not like the mapped area.

Pixels of a tile are alike, and formulas for pixels drawn at random would give far too small an
error: whole tiles, or groups of them, are resampled (`adjusted_fraction_from_tiles`). For a sample
of single pixels that was drawn by the map itself see `landslip.metrics.stratified`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslip.metrics.bootstrap import Resampling, bootstrap_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedFraction:
    """Adjusted fraction of landslide and its standard error, by resampling."""

    fraction: float
    standard_error: float


TileEstimator = Callable[[NDArray[np.float64], float], NDArray[np.float64]]
"""From counts (..., 4) tp, fp, fn, tn and the mapped fraction W to fractions of landslide (...)."""


def fraction_by_map_classes(
    counts: NDArray[np.float64], mapped_fraction: float
) -> NDArray[np.float64]:
    """Return W tp / (tp + fp) + (1 - W) fn / (fn + tn) (Olofsson et al. 2014, equation 9).

    Right where landslides are as common in the counted tiles as in the mapped area. NaN where a
    mapped class has no pixel.
    """
    mapped, missed = reference_fractions(counts, mapped_fraction)
    return mapped + missed


def fraction_by_error_rates(
    counts: NDArray[np.float64], mapped_fraction: float
) -> NDArray[np.float64]:
    """Return (W + specificity - 1) / (sensitivity + specificity - 1), clipped to 0 and 1.

    Rogan and Gladen 1978 (American Journal of Epidemiology 107: 71-76, doi
    10.1093/oxfordjournals.aje.a112510), with sensitivity tp / (tp + fn) and specificity
    tn / (tn + fp). Right for any frequency of landslides, where the same part of them is found, and
    the same part of the other ground mistaken for one, as in the counted tiles. NaN where these
    have only one class, or the sum of the two rates is at most 1.
    """
    tp, fp, fn, tn = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        false_positives = fp / (fp + tn)
        informedness = tp / (tp + fn) - false_positives
        fraction = (mapped_fraction - false_positives) / informedness
    return np.where(informedness > 0, np.clip(fraction, 0, 1), np.nan)


def adjusted_fraction_from_tiles(
    mapped_fraction: float,
    units: ArrayLike,
    mapped_units: int,
    how: Resampling,
    estimator: TileEstimator = fraction_by_map_classes,
) -> AdjustedFraction | None:
    """Return the adjusted fraction of landslide in mapped tiles, from the errors on other tiles.

    The counts are summed over the tiles whose reference is known. The standard error is that of the
    estimate as a prediction of the mapped tiles' own reference: from the units with a known
    reference, as many as there are and as many as were mapped are drawn with replacement, and the
    difference of their two fractions is taken. So it includes the chance in the known tiles and
    that in the mapped ones. It presumes that units are independent, so that tiles which depend on
    each other are one unit, and that the errors on both are of the same kind, in the sense of the
    estimator, which those on a held-out scene or event need not be.

    Args:
        mapped_fraction: W, the fraction of landslide in the map of the mapped tiles.
        units: (units, 4) tp, fp, fn, tn of the tiles, or groups of tiles, whose reference is known.
        mapped_units: how many tiles, or groups as large, were mapped.
        how: seed and number of draws.
        estimator: `fraction_by_map_classes` or `fraction_by_error_rates`.

    Returns:
        None where there are fewer than two units on either side, or where the estimate is
        undefined.
    """
    table = np.asarray(units, dtype=np.float64).reshape(-1, 4)
    if min(len(table), mapped_units) < 2:
        return None
    generator = np.random.default_rng(how.seed)
    known = bootstrap_weights(len(table), how.draws, generator) @ table
    others = bootstrap_weights(len(table), how.draws, generator, size=mapped_units) @ table
    fraction = float(estimator(table.sum(axis=0), mapped_fraction))
    gaps = estimator(known, mapped_fraction) - estimator(others, mapped_fraction)
    gaps = gaps[~np.isnan(gaps)]
    if np.isnan(fraction) or len(gaps) < 2:
        return None
    return AdjustedFraction(fraction=fraction, standard_error=float(np.sqrt(np.mean(gaps**2))))


def reference_fractions(
    counts: NDArray[np.float64], mapped_fraction: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the fractions of the area that are landslide mapped, and landslide missed.

    The p_ij of equation 4 for the reference class landslide; NaN where a mapped class has no pixel.

    ``counts`` are (..., 4) tp, fp, fn, tn; W is the fraction that is mapped as landslide.
    """
    tp, fp, fn, tn = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mapped = mapped_fraction * tp / (tp + fp) if mapped_fraction > 0 else np.zeros_like(tp)
        missed = (
            (1 - mapped_fraction) * fn / (fn + tn) if mapped_fraction < 1 else np.zeros_like(tp)
        )
    return np.asarray(mapped), np.asarray(missed)
