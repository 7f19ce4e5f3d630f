"""How much alike the tiles of a group are, and what that costs in independent tiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from landslip.metrics.pixels import PixelCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """Similarity within groups.

    Attributes:
        intraclass_correlation: fraction of the variance that is between groups; 0 where tiles of a
            group are no more alike than others, 1 where they are equal. By chance below 0.
        design_effect: factor by which the variance of a mean exceeds that of as many independent
            tiles; at least 1.
    """

    intraclass_correlation: float
    design_effect: float


def clustering(values: ArrayLike, groups: Sequence[str]) -> Clustering | None:
    """Return the intraclass correlation of values (tiles,), and the design effect of their mean.

    The correlation is the analysis-of-variance estimate (B - W) / (B + (m0 - 1) W), with the mean
    squares B between and W within groups, and m0 = (n - sum m² / n) / (k - 1) of n tiles in k
    groups of m tiles (Donner 1986, doi 10.2307/1403259). The design effect is
    1 + (sum m² / n - 1) times it (Kish 1965, Survey Sampling).

    Returns:
        None with fewer than two groups, if no group has two tiles, or if all values are equal.
    """
    numbers = np.asarray(values, dtype=np.float64)
    _, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    sizes = np.bincount(members)
    tiles, count = len(numbers), len(sizes)
    if not 2 <= count < tiles:
        return None
    means = np.bincount(members, weights=numbers) / sizes
    between = float(sizes @ (means - numbers.mean()) ** 2) / (count - 1)
    within = float(((numbers - means[members]) ** 2).sum()) / (tiles - count)
    mean_size = float((sizes**2).sum()) / tiles
    spread = between + ((tiles - mean_size) / (count - 1) - 1) * within
    if spread <= 0:
        return None
    correlation = (between - within) / spread
    return Clustering(
        intraclass_correlation=correlation,
        design_effect=max(1.0, 1 + (mean_size - 1) * correlation),
    )


def landslide_clustering(tiles: Sequence[PixelCounts], groups: Sequence[str]) -> Clustering | None:
    """Return the clustering of the landslide fractions of tiles; those without pixels do not count.

    Args:
        tiles: counts of each tile.
        groups: of each tile.

    Returns:
        None where `clustering` is so.
    """
    fractions, names = [], []
    for tile, group in zip(tiles, groups, strict=True):
        landslide = tile.tp + tile.fn
        if pixels := landslide + tile.fp + tile.tn:
            fractions.append(landslide / pixels)
            names.append(group)
    return clustering(fractions, names)
