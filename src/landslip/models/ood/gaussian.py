"""A cloud of training tiles in a space of descriptors, and how far others lie from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Points = NDArray[np.float64]
_DIRECTIONS = 32
_TILES_PER_DIRECTION = 4
_FOLDS = 5
_FLOOR = 1e-6  # of the usual variance, so that what never varied does not count for all
_LEAST_VARIANCE = 1e-12  # of what is of order 1, where nothing varied
_TINY = 1e-12
_ENOUGH_FOR_P99 = 200
_P99_DEVIATIONS = 2.326


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianModel:
    """Mean, principal directions and spread of points, and how far these lie themselves.

    Attributes:
        mean: (features,).
        directions: (k, features) orthonormal.
        variances: (k,) along the directions.
        residual_variance: along every other direction; 0 where there is none.
        distances: (101,) the percentiles 0, 1, ..., 100 of the points' own distances, each from
            clouds of points of other groups.
        p99: the distance that 1 % of such points lie beyond; of few points an estimate.
    """

    mean: Points
    directions: Points
    variances: Points
    residual_variance: float
    distances: Points
    p99: float

    @property
    def median(self) -> float:
        """The usual distance of a training tile."""
        return float(max(self.distances[50], _TINY))

    def distance(self, points: Points) -> Points:
        """Return how far points (n, features) lie, (n,).

        The root of the mean square deviation over all directions, in standard deviations: of a
        Gaussian whose directions beyond the first k have one variance (doi
        10.1111/1467-9868.00196).
        """
        return _Shape(self.mean, self.directions, self.variances, self.residual_variance).distance(
            points
        )


@dataclass(frozen=True, slots=True)
class _Shape:
    mean: Points
    directions: Points
    variances: Points
    residual_variance: float

    def distance(self, points: Points) -> Points:
        off = points - self.mean
        along = off @ self.directions.T
        squares = (along**2 / self.variances).sum(axis=1)
        if self.residual_variance > 0:
            beside = np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
            squares += beside / self.residual_variance
        result: Points = np.sqrt(squares / points.shape[1])
        return result


def fit_gaussian(points: Points, folds: NDArray[np.intp]) -> GaussianModel:
    """Fit a cloud to points (n, features).

    Args:
        points: one a tile.
        folds: (n,) the part of each; a point's own distance is from the cloud of other parts.
    """
    own = np.empty(len(points))
    for fold in np.unique(folds):
        inside = folds == fold
        own[inside] = _shape_of(points[~inside]).distance(points[inside])
    shape = _shape_of(points)
    return GaussianModel(
        mean=shape.mean,
        directions=shape.directions,
        variances=shape.variances,
        residual_variance=shape.residual_variance,
        distances=np.percentile(own, np.arange(101)),
        p99=_p99(own),
    )


def assign_ood_folds(groups: list[str], seed: int) -> NDArray[np.intp]:
    """Return the part, of 5, of each tile, (n,); a group is never divided where there are 5."""
    if len(set(groups)) < _FOLDS:
        groups = [str(at) for at in range(len(groups))]
    names, member = np.unique(groups, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(names)) % _FOLDS
    folds: NDArray[np.intp] = place[member]
    return folds


def _shape_of(points: Points) -> _Shape:
    number, features = points.shape
    mean = points.mean(axis=0)
    kept = min(_DIRECTIONS, features, max(1, number // _TILES_PER_DIRECTION))
    directions, variances, whole = _principal(points - mean, kept)
    floor = max(_FLOOR * whole / features, _LEAST_VARIANCE)
    rest = (whole - variances.sum()) / (features - kept) if kept < features else 0.0
    return _Shape(
        mean,
        directions,
        np.maximum(variances, floor),
        float(max(rest, floor)) if kept < features else 0.0,
    )


def _principal(centred: Points, kept: int) -> tuple[Points, Points, float]:
    """Return the first principal directions, the variances along them, and the whole variance.

    By the products of points with points or of features with features, whichever are fewer.
    """
    number, features = centred.shape
    wide = features > number
    products = (centred @ centred.T if wide else centred.T @ centred) / max(number - 1, 1)
    last = len(products) - 1
    variances, vectors = eigh(products, subset_by_index=(last + 1 - kept, last))
    variances, directions = np.maximum(variances[::-1], 0.0), vectors.T[::-1]
    if wide:
        directions = directions @ centred
        directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), _TINY)
    return np.ascontiguousarray(directions), variances, float(np.trace(products))


def _p99(own: Points) -> float:
    """Return the 99 % point; of few distances at least that of a log-normal distribution."""
    found = float(np.quantile(own, 0.99))
    if len(own) >= _ENOUGH_FOR_P99:
        return found
    logs = np.log(np.maximum(own, _TINY))
    return max(found, float(np.exp(logs.mean() + _P99_DEVIATIONS * logs.std(ddof=1))))
