"""Fits a model of shifts to tie points, many of which may be wrong."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from landslip.core.choices import ShiftModel
from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.tie_points import Points, TiePoints

_TO_SIGMA = 0.8493  # from a median distance, of errors alike along both axes
_WIDTH_SIGMA = 3.0
_FLOOR_PX = 0.1
_ROUNDS = 30
_DRAWS = 500
_MOST_STARTS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """How far places are apart, in pixels; over the tie points that were kept.

    Attributes:
        count: tie points before any was rejected.
        kept: tie points that the figures are of.
        median_px, rms_px, p95_px: of the distances.
        mean_dx_px, mean_dy_px: of the differences along each axis.
    """

    count: int
    kept: int
    median_px: float
    rms_px: float
    p95_px: float
    mean_dx_px: float
    mean_dy_px: float

    @classmethod
    def of(cls, vectors: Points, kept: NDArray[np.bool_]) -> "Residuals":
        """Describe the kept ones of vectors (n, 2) in pixels; NaN where none is kept."""
        used = vectors[kept]
        if len(used) == 0:
            return cls(count=len(vectors), kept=0, **dict.fromkeys(_FIGURES, float("nan")))
        sizes = np.hypot(used[:, 0], used[:, 1])
        return cls(
            count=len(vectors),
            kept=len(used),
            median_px=float(np.median(sizes)),
            rms_px=float(np.sqrt(np.mean(sizes**2))),
            p95_px=float(np.percentile(sizes, 95)),
            mean_dx_px=float(used[:, 0].mean()),
            mean_dy_px=float(used[:, 1].mean()),
        )

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


_FIGURES = ("median_px", "rms_px", "p95_px", "mean_dx_px", "mean_dy_px")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFit:
    """A model of shifts and the tie points it was fitted to.

    What is at ``p`` in the reference lies at ``p + displacement(p)`` in the moving image:
    ``dx = a col + b row + c``, ``dy = d col + e row + f``.

    Attributes:
        coefficients: (a, b, c, d, e, f), in pixels; a, b, d, e are 0 where the model lacks them.
        kept: which of the tie points are not outliers.
        before: the shifts of the kept tie points as they were found.
        after: what the model leaves of them.
    """

    model: ShiftModel
    coefficients: tuple[float, float, float, float, float, float]
    ties: TiePoints
    kept: NDArray[np.bool_]
    before: Residuals
    after: Residuals

    def displacement(self, points: Points) -> Points:
        """Return the shifts (n, 2) at pixel coordinates (n, 2) of the reference."""
        return _displaced(np.reshape(self.coefficients, (2, 3)), points)

    def as_dict(self) -> dict[str, Any]:
        """Return model, coefficients and residuals by name."""
        return {
            "model": self.model.value,
            "coefficients": list(self.coefficients),
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
        }


def fit_shifts(
    ties: TiePoints,
    model: ShiftModel = ShiftModel.SHIFT,
    generator: np.random.Generator | None = None,
) -> ShiftFit:
    """Fit a model to tie points of which up to about half may be wrong.

    Starts from the least median of distances (Rousseeuw 1984,
    https://doi.org/10.1080/01621459.1984.10477105) over models through single points, pairs or
    triples; then least squares and the rejection of what is off by more than 3 times 0.8493 times
    the median distance (but never of less than 0.1 px) take turns until nothing changes.

    Args:
        ties: what was matched.
        model: how shifts may change over the image.
        generator: draws pairs and triples; by default one of seed 0.

    Raises:
        InputError: there are fewer tie points than the model needs.
    """
    if len(ties) < model.needed:
        raise InputError(
            f"a model of kind {model.value} needs at least {model.needed} tie points; "
            f"{len(ties)} were found"
        )
    middle = ties.points.mean(axis=0)
    size = max(float(np.abs(ties.points - middle).max()), 1.0)
    terms = _terms(model, (ties.points - middle) / size)
    solution = _least_median(terms, ties.shifts, generator or np.random.default_rng(0))
    kept = np.ones(len(ties), dtype=np.bool_)
    seen = kept
    for _ in range(_ROUNDS):
        errors = ties.shifts - terms @ solution
        distances = np.hypot(errors[:, 0], errors[:, 1])
        spread = _TO_SIGMA * float(np.median(distances[seen]))
        kept = distances <= max(_WIDTH_SIGMA * spread, _FLOOR_PX)
        solution = np.asarray(np.linalg.lstsq(terms[kept], ties.shifts[kept])[0], np.float64)
        if np.array_equal(kept, seen):
            break
        seen = kept
    matrix = _in_pixels(model, solution, middle, size)
    return describe_fit(ties, model, matrix, kept)


def describe_fit(
    ties: TiePoints, model: ShiftModel, matrix: Points, kept: NDArray[np.bool_]
) -> ShiftFit:
    """Describe a model given by its matrix (2, 3), rows (a, b, c) and (d, e, f)."""
    a, b, c, d, e, f = (float(value) for value in matrix.ravel())
    return ShiftFit(
        model=model,
        coefficients=(a, b, c, d, e, f),
        ties=ties,
        kept=kept,
        before=Residuals.of(ties.shifts, kept),
        after=Residuals.of(ties.shifts - _displaced(matrix, ties.points), kept),
    )


def _terms(model: ShiftModel, points: Points) -> Points:
    """Return the columns (n, 1 to 3) that a model is linear in: 1, row, column."""
    columns = [np.ones(len(points)), points[:, 1], points[:, 0]]
    return np.column_stack(columns[: model.needed])


def _displaced(matrix: Points, points: Points) -> Points:
    moved: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return moved


def _in_pixels(model: ShiftModel, solution: Points, middle: Points, size: float) -> Points:
    """Turn a solution (1 to 3, 2) for centred and scaled points into a matrix (2, 3)."""
    whole = np.zeros((3, 2))
    whole[: model.needed] = solution
    at_middle, by_row, by_col = whole
    slopes = np.column_stack([by_col, by_row]) / size
    return np.column_stack([slopes, at_middle - slopes @ middle])


def _least_median(terms: Points, shifts: Points, generator: np.random.Generator) -> Points:
    """Return the model through a few tie points with the least median distance to all."""
    count, needed = terms.shape
    if needed == 1:
        starts = np.arange(count)[:: -(-count // _MOST_STARTS), np.newaxis]
    else:
        starts = np.stack([generator.choice(count, needed, replace=False) for _ in range(_DRAWS)])
    systems = terms[starts]
    firm = np.abs(np.linalg.det(systems)) > 1e-3
    if not firm.any():
        return np.asarray(np.linalg.lstsq(terms, shifts)[0])
    models = np.linalg.solve(systems[firm], shifts[starts[firm]])
    errors = shifts - terms @ models
    medians = np.median(np.hypot(errors[..., 0], errors[..., 1]), axis=1)
    return np.asarray(models[int(medians.argmin())])


# thin plates through points scaled to about 1: from nearly through every point to nearly a plane
_SMOOTHINGS = (1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 8
_LEAST_GAIN = 0.05
_NEIGHBOURS = 9
_LEAST_TOLERANCE_PX = 0.3
_BEYOND = 1.5
LEAST_TIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplacementField:
    """Displacements that follow the tie points smoothly, around an affine model.

    Attributes:
        base: the affine fit.
        kept: the tie points that agree with their neighbours.
        smoothing: of the thin plate; chosen by predicting left-out tie points.
        predicted_px: root mean square error of these predictions, and of the affine model's.
    """

    base: ShiftFit
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


def fit_displacement_field(base: ShiftFit) -> DisplacementField | None:
    """Fit a thin plate to what an affine model leaves, with outliers told by their neighbours.

    Its smoothing, out of four, is the one that best predicts tie points left out in turn.

    Returns:
        None where the best predicts them less than 5 % better than the affine model alone, or fewer
        than 20 tie points agree with their neighbours.
    """
    ties = base.ties
    errors = ties.shifts - base.displacement(ties.points)
    kept = consistent_with_neighbours(ties.points, errors)
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
    return DisplacementField(
        base=describe_fit(ties, base.model, np.reshape(base.coefficients, (2, 3)), kept),
        kept=kept,
        smoothing=_SMOOTHINGS[best],
        predicted_px=(scores[best], flat),
        _plate=RBFInterpolator(scaled, left, smoothing=_SMOOTHINGS[best]),
        _frame=frame,
        _low=left.min(axis=0),
        _high=left.max(axis=0),
    )


def consistent_with_neighbours(points: Points, errors: Points) -> NDArray[np.bool_]:
    """Return which vectors (n, 2) are near the median of their eight nearest neighbours' vectors.

    Near is within 1.5 times what three robust standard deviations are, and 0.3 px at least: terrain
    moves neighbours alike, a false match stands alone.
    """
    count = min(_NEIGHBOURS, len(points))
    _, nearest = cKDTree(points).query(points, k=count)
    around = np.median(errors[np.reshape(nearest, (len(points), count))[:, 1:]], axis=1)
    apart = np.abs(errors - around)
    spread = _BEYOND * 3 * 1.4826 * float(np.median(apart))
    agree: NDArray[np.bool_] = apart.max(axis=1) <= max(spread, _LEAST_TOLERANCE_PX)
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


_SPARE = 3  # tie points that agree beyond those that any model passes through


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLimits:
    """What a fit must keep to.

    Attributes:
        least_ties: tie points found, at least.
        least_kept: share of them that fits the model, at least.
        most_rms_px: root mean square of what the model leaves, at most.
        most_shift_px: largest displacement at a kept tie point along an axis; None for any.
        least_spread: share of the image's width and height that the kept tie points span.
    """

    least_ties: int = 8
    least_kept: float = 0.3
    most_rms_px: float = 1.0
    most_shift_px: float | None = None
    least_spread: float = 0.25

    def __post_init__(self) -> None:
        if self.least_ties < 1 or not (0 <= self.least_kept <= 1 and 0 <= self.least_spread <= 1):
            raise InputError(
                "at least one tie point is asked for, and shares are from 0 to 1; got "
                f"{self.least_ties}, {self.least_kept}, {self.least_spread}"
            )
        if not self.most_rms_px > 0:
            raise InputError(f"the largest residual is over 0 px; got {self.most_rms_px}")


def require_reliable(
    fit: ShiftFit, limits: RegistrationLimits, shape: tuple[int, int], subject: str
) -> None:
    """Refuse a fit that cannot be trusted.

    Args:
        fit: what was fitted.
        limits: what it must keep to.
        shape: (height, width) in pixels of the area that was matched.
        subject: what was matched, as a message should name it: ``"a.tif and b.tif"``.

    Raises:
        InputError: too few tie points, too few that agree, too large a residual or displacement,
            or tie points in one corner only.
    """
    require_tie_points(len(fit.ties), limits, subject)
    kept, found = fit.after.kept, fit.after.count
    least = max(math.ceil(limits.least_kept * found), fit.model.needed + _SPARE)
    if kept < least:
        raise InputError(
            f"{subject}: at least {least} of the {found} tie points must agree on one "
            f"{fit.model.value}; {kept} do. The images may not show the same ground, or "
            "differ by more than such a model: try another band or model"
        )
    if not fit.after.rms_px <= limits.most_rms_px:
        raise InputError(
            f"{subject}: tie points may stray by {limits.most_rms_px:g} px (rms) from the fitted "
            f"{fit.model.value}; they do by {fit.after.rms_px:.2f} px. Try a more flexible model, "
            "or another band"
        )
    _require_reach(fit, limits, subject)
    _require_spread(fit, limits, shape, subject)


def require_tie_points(found: int, limits: RegistrationLimits, subject: str) -> None:
    """Refuse too few tie points, before anything is fitted to them.

    Raises:
        InputError: there are fewer than the limit.
    """
    if found < limits.least_ties:
        raise InputError(
            f"{subject}: at least {limits.least_ties} tie points are needed and {found} were "
            "found; the images may lie further apart than was searched, be covered by cloud, or "
            "show other ground: search wider, or match another band"
        )


def _require_reach(fit: ShiftFit, limits: RegistrationLimits, subject: str) -> None:
    if limits.most_shift_px is None:
        return
    furthest = float(np.abs(fit.displacement(fit.ties.points[fit.kept])).max())
    if furthest > limits.most_shift_px:
        raise InputError(
            f"{subject}: the images may lie at most {limits.most_shift_px:.1f} px apart along an "
            f"axis; the fitted {fit.model.value} says {furthest:.1f} px. Allow larger shifts, or "
            "check the images' georeferencing"
        )


def _require_spread(
    fit: ShiftFit, limits: RegistrationLimits, shape: tuple[int, int], subject: str
) -> None:
    if fit.model is ShiftModel.SHIFT:
        return  # one number for all places: a corner tells it as well
    span = np.ptp(fit.ties.points[fit.kept], axis=0) / np.array(shape[::-1])
    least = span if fit.model is ShiftModel.AFFINE else span[1:]
    if least.min() < limits.least_spread:
        raise InputError(
            f"{subject}: to fit a {fit.model.value}, tie points must span at least "
            f"{limits.least_spread:.0%} of the image; the good ones span {span[0]:.0%} of its "
            f"width and {span[1]:.0%} of its height. Use the model shift"
        )
