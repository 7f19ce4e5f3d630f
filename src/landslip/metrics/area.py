"""Fraction of landslide adjusted for the map's errors.

Counts are a table (map classes, reference classes) of sampled pixels, and W_i the fraction of the
mapped area in class i (Olofsson et al. 2014, Remote Sensing of Environment 148: 42-57, doi
10.1016/j.rse.2014.02.015).

The published standard error holds for pixels drawn at random within each class. Pixels of tiles
come in clusters that are alike, and the same formula would give far too small an error for them:
with tiles, whole tiles are resampled instead (`adjusted_fraction_from_tiles`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslip.metrics.bootstrap import Resampling, bootstrap_weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdjustedFractions:
    """Fractions of the area by reference class, each (classes,) float64.

    Attributes:
        fractions: adjusted fraction of the area (equation 9).
        standard_errors: of the fractions (equation 10), for pixels drawn at random within map
            classes.
        users: user's accuracy p_ii / p_i. (equation 2), the precision of a class.
        users_errors: standard errors of the user's accuracies (equation 6).
        producers: producer's accuracy p_jj / p_.j (equation 3), its recall.
        producers_errors: standard errors of the producer's accuracies (equation 7).
        overall: overall accuracy, the sum of p_ii (equation 1).
        overall_error: standard error of the overall accuracy (equation 5).
    """

    fractions: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    users: NDArray[np.float64]
    users_errors: NDArray[np.float64]
    producers: NDArray[np.float64]
    producers_errors: NDArray[np.float64]
    overall: float
    overall_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedFraction:
    """Adjusted fraction of landslide and its standard error, by resampling tiles."""

    fraction: float
    standard_error: float


def adjusted_fractions(sample: ArrayLike, map_fractions: ArrayLike) -> AdjustedFractions:
    """Return fractions of the area by reference class, from sampled pixels.

    The estimated fraction of the area in map class i and reference class j is
    p_ij = W_i n_ij / n_i. (equation 4), and the adjusted one of class j the sum of p_ij over i.
    Where a class is mapped and not sampled, what depends on it is NaN; standard errors need two
    samples of each mapped class.

    Args:
        sample: (classes, classes) numbers of sampled pixels, rows by map, columns by reference.
        map_fractions: (classes,) W_i, which sum to 1.

    Raises:
        ValueError: the shapes do not fit, or the fractions do not sum to 1.
    """
    numbers, weights = np.asarray(sample, np.float64), np.asarray(map_fractions, np.float64)
    if weights.ndim != 1 or numbers.shape != (len(weights),) * 2:
        raise ValueError(
            f"samples are (classes, classes) and fractions (classes,); got {numbers.shape} and "
            f"{weights.shape}"
        )
    if not np.isclose(weights.sum(), 1):
        raise ValueError(f"the fractions of the mapped classes sum to 1; got {weights.sum():.6g}")
    mapped = weights > 0
    rows = numbers.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        within = numbers / rows[:, None]
        joint = np.where(mapped[:, None], weights[:, None] * within, 0)
        variance = weights[:, None] ** 2 * within * (1 - within) / (rows[:, None] - 1)
        variance = np.where(mapped[:, None], variance, 0)
        fractions = joint.sum(axis=0)
        users, producers = np.diag(within).copy(), np.diag(joint) / fractions
        right = np.diag(variance)
        others = variance.sum(axis=0) - right
        return AdjustedFractions(
            fractions=fractions,
            standard_errors=np.sqrt(variance.sum(axis=0)),
            users=users,
            users_errors=np.sqrt(users * (1 - users) / (rows - 1)),
            producers=producers,
            producers_errors=np.sqrt((1 - producers) ** 2 * right + producers**2 * others)
            / fractions,
            overall=float(np.trace(joint)),
            overall_error=float(np.sqrt(right.sum())),
        )


def adjusted_fraction_from_tiles(
    mapped_fraction: float, tiles: ArrayLike, mapped_tiles: int, how: Resampling
) -> AdjustedFraction | None:
    """Return the adjusted fraction of landslide in mapped tiles, from the errors on other tiles.

    It is W tp / (tp + fp) + (1 - W) fn / (fn + tn), with the counts summed over the tiles whose
    reference is known (equation 9). The standard error is that of the estimate as a prediction of
    the mapped tiles' own reference: from the tiles with a known reference, as many as there are and
    as many as were mapped are drawn with replacement, and the difference of their two fractions is
    taken. So it includes the chance in the known tiles and that in the mapped ones. It presumes
    that both are tiles of the same kind, each independent of the others, which random splits ensure
    and groups of similar tiles and held-out scenes do not.

    Args:
        mapped_fraction: W, the fraction of landslide in the map of the mapped tiles.
        tiles: (tiles, 4) tp, fp, fn, tn of the tiles whose reference is known.
        mapped_tiles: how many tiles were mapped.
        how: seed and number of draws.

    Returns:
        None where there are fewer than two tiles on either side, or where a class is mapped of
        which the known tiles hold no pixel.
    """
    table = np.asarray(tiles, dtype=np.float64).reshape(-1, 4)
    if min(len(table), mapped_tiles) < 2:
        return None
    generator = np.random.default_rng(how.seed)
    known = bootstrap_weights(len(table), how.draws, generator) @ table
    others = bootstrap_weights(len(table), how.draws, generator, size=mapped_tiles) @ table

    def adjusted(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        mapped, missed = reference_fractions(counts, mapped_fraction)
        return mapped + missed

    fraction = float(adjusted(table.sum(axis=0)))
    gaps = adjusted(known) - adjusted(others)
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
