"""A smooth field of small displacements over an affine one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from landslip.preprocessing.coregistration.fit import Fit, fit_of
from landslip.preprocessing.coregistration.ties import Points

# thin plates through points scaled to about 1: from nearly through every point to nearly a plane
_SMOOTHINGS = (1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 8
_LEAST_GAIN = 0.05
_NEIGHBOURS = 9
_FLOOR_PX = 0.3
_BEYOND = 1.5
LEAST_TIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalField:
    """Displacements that follow the tie points smoothly, around an affine model.

    Attributes:
        base: the affine fit.
        kept: the tie points that agree with their neighbours.
        smoothing: of the thin plate; chosen by predicting left-out tie points.
        predicted_px: root mean square error of these predictions, and of the affine model's.
    """

    base: Fit
    kept: NDArray[np.bool_]
    smoothing: float
    predicted_px: tuple[float, float]
    _plate: RBFInterpolator
    _frame: tuple[Points, float]
    _low: Points
    _high: Points

    def displacement(self, points: Points) -> Points:
        """Return the shifts (n, 2) at pixel coordinates (n, 2) of the reference.

        Beyond the tie points the local part stays as it is at the nearest edge of their frame, and
        it never exceeds what the tie points show.
        """
        used = self.base.ties.points[self.kept]
        inside = np.clip(points, used.min(axis=0), used.max(axis=0))
        local = np.clip(self._plate(_scaled(inside, self._frame)), self._low, self._high)
        shifts: Points = self.base.displacement(points) + local
        return shifts


def local_field(base: Fit) -> LocalField | None:
    """Fit a thin plate to what an affine model leaves, with outliers told by their neighbours.

    Its smoothing, out of four, is the one that best predicts tie points left out in turn.

    Returns:
        None where the best predicts them less than 5 % better than the affine model alone, or fewer
        than 20 tie points agree with their neighbours.
    """
    ties = base.ties
    errors = ties.shifts - base.displacement(ties.points)
    kept = agreeing(ties.points, errors)
    if np.count_nonzero(kept) < LEAST_TIES:
        return None
    points, left = ties.points[kept], errors[kept]
    frame = (points.mean(axis=0), float(np.ptp(points, axis=0).max()) / 2)
    scaled = _scaled(points, frame)
    scores = [_predicted(scaled, left, smoothing) for smoothing in _SMOOTHINGS]
    flat = float(np.sqrt(np.mean(np.sum(left**2, axis=1))))
    best = int(np.argmin(scores))
    if scores[best] > (1 - _LEAST_GAIN) * flat:
        return None
    return LocalField(
        base=fit_of(ties, base.model, np.reshape(base.coefficients, (2, 3)), kept),
        kept=kept,
        smoothing=_SMOOTHINGS[best],
        predicted_px=(scores[best], flat),
        _plate=RBFInterpolator(scaled, left, smoothing=_SMOOTHINGS[best]),
        _frame=frame,
        _low=left.min(axis=0),
        _high=left.max(axis=0),
    )


def agreeing(points: Points, errors: Points) -> NDArray[np.bool_]:
    """Return which vectors (n, 2) are near the median of their eight nearest neighbours' vectors.

    Near is within 1.5 times what three robust standard deviations are, and 0.3 px at least: terrain
    moves neighbours alike, a false match stands alone.
    """
    count = min(_NEIGHBOURS, len(points))
    _, nearest = cKDTree(points).query(points, k=count)
    around = np.median(errors[np.reshape(nearest, (len(points), count))[:, 1:]], axis=1)
    apart = np.abs(errors - around)
    spread = _BEYOND * 3 * 1.4826 * float(np.median(apart))
    agree: NDArray[np.bool_] = apart.max(axis=1) <= max(spread, _FLOOR_PX)
    return agree


def _scaled(points: Points, frame: tuple[Points, float]) -> Points:
    return np.asarray((points - frame[0]) / frame[1])


def _predicted(scaled: Points, vectors: Points, smoothing: float) -> float:
    """Return the root mean square error at points left out fold by fold."""
    fold = np.arange(len(scaled)) % _FOLDS
    errors = np.empty_like(vectors)
    for out in range(_FOLDS):
        used = fold != out
        plate = RBFInterpolator(scaled[used], vectors[used], smoothing=smoothing)
        errors[~used] = vectors[~used] - plate(scaled[~used])
    return float(np.sqrt(np.mean(np.sum(errors**2, axis=1))))
