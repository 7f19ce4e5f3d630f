"""A Gaussian model of the training tiles in a feature space, and the distances of other tiles."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Points = NDArray[np.float64]
_DIRECTIONS = 32
_TILES_PER_DIRECTION = 4
_FOLDS = 5
_MIN_RELATIVE_VARIANCE = 1e-6  # of the mean variance, so that constant features do not dominate
_MIN_VARIANCE = 1e-12  # of values of order 1, where nothing varied
_TINY = 1e-12
_ENOUGH_FOR_P99 = 200
_P99_DEVIATIONS = 2.326


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianModel:
    """Mean, principal directions and variances of points, and the points' own distances.

    Attributes:
        mean: (features,).
        directions: (k, features) orthonormal.
        variances: (k,) along the directions.
        residual_variance: along every other direction; 0 where there is none.
        distances: (101,) the percentiles 0, 1, ..., 100 of the points' own distances, each from a
            model of the other folds.
        p99: the 99 % quantile of those distances; an estimate where points are few.
    """

    mean: Points
    directions: Points
    variances: Points
    residual_variance: float
    distances: Points
    p99: float

    @property
    def median(self) -> float:
        """The median distance of a training tile."""
        return float(max(self.distances[50], _TINY))

    def distance(self, points: Points) -> Points:
        """Return the distances (n,) of points (n, features).

        The root of the mean square deviation over all directions, in standard deviations: of a
        Gaussian with equal variance in the directions beyond the first k (doi
        10.1111/1467-9868.00196).
        """
        off = points - self.mean
        along = off @ self.directions.T
        squares = (along**2 / self.variances).sum(axis=1)
        if self.residual_variance > 0:
            residual = np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
            squares += residual / self.residual_variance
        distances: Points = np.sqrt(squares / points.shape[1])
        return distances


def fit_gaussian(points: Points, folds: NDArray[np.intp]) -> GaussianModel:
    """Fit a model to tiles' points (n, features).

    A point's own distance is from the model of the other folds (n,). The 99 % quantile of few
    distances is at least that of a log-normal distribution.
    """
    own = np.empty(len(points))
    for fold in np.unique(folds):
        inside = folds == fold
        own[inside] = _fit(points[~inside]).distance(points[inside])
    p99 = float(np.quantile(own, 0.99))
    if len(own) < _ENOUGH_FOR_P99:
        logs = np.log(np.maximum(own, _TINY))
        p99 = max(p99, float(np.exp(logs.mean() + _P99_DEVIATIONS * logs.std(ddof=1))))
    return replace(_fit(points), distances=np.percentile(own, np.arange(101)), p99=p99)


def assign_ood_folds(groups: list[str], seed: int) -> NDArray[np.intp]:
    """Return the fold, of 5, of each tile, (n,); with 5 groups or more none is divided."""
    if len(set(groups)) < _FOLDS:
        groups = [str(at) for at in range(len(groups))]
    names, member = np.unique(groups, return_inverse=True)
    fold_of = np.random.default_rng(seed).permutation(len(names)) % _FOLDS
    folds: NDArray[np.intp] = fold_of[member]
    return folds


def _fit(points: Points) -> GaussianModel:
    """Fit everything but the points' own distances."""
    number, features = points.shape
    mean = points.mean(axis=0)
    count = min(_DIRECTIONS, features, max(1, number // _TILES_PER_DIRECTION))
    centred = points - mean
    wide = features > number  # products of points or of features, whichever are fewer
    products = (centred @ centred.T if wide else centred.T @ centred) / max(number - 1, 1)
    last, total = len(products) - 1, float(np.trace(products))
    variances, vectors = eigh(products, subset_by_index=(last + 1 - count, last))
    variances, directions = np.maximum(variances[::-1], 0.0), vectors.T[::-1]
    if wide:
        directions = directions @ centred
        directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), _TINY)
    floor = max(_MIN_RELATIVE_VARIANCE * total / features, _MIN_VARIANCE)
    residual = 0.0
    if count < features:
        residual = float(max((total - variances.sum()) / (features - count), floor))
    return GaussianModel(
        mean=mean,
        directions=np.ascontiguousarray(directions),
        variances=np.maximum(variances, floor),
        residual_variance=residual,
        distances=np.empty(0),
        p99=math.nan,
    )
