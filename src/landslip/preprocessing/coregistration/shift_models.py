"""Models of shifts, fitted to tie points of which many may be wrong, and when to trust a fit.

`skimage.measure.ransac` needs the largest residual of an inlier beforehand, which differs from
scene to scene, and depends on its random draws; the least median of squares needs none.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from affine import Affine
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from landslip.core.choices import ShiftModel
from landslip.core.errors import InputError, RegistrationError
from landslip.core.grid import map_points
from landslip.preprocessing.coregistration.tie_points import TiePoints
from landslip.preprocessing.resampling import Flags, Points

_TO_SIGMA = 0.8493  # from a median distance, of errors alike along both axes
_OUTLIER_SIGMAS = 3.0
_LEAST_TOLERANCE_PX = 0.1
_MAX_ITERATIONS = 30
_DRAWS = 500
_MOST_STARTS = 1500

# thin plates through points scaled to about 1: from nearly through every point to nearly a plane
_SMOOTHINGS = (1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 8
_LEAST_GAIN = 0.05
_NEIGHBOURS = 9
_NEIGHBOUR_TOLERANCE_PX = 0.3
_NEIGHBOUR_FACTOR = 1.5
_LEAST_FIELD_TIES = 20

_ADVICE = (
    "the ground may have changed or hold too little to be matched (snow, sand, cloud, water), or "
    "the images may be further apart than was searched"
)
_REDUNDANT_TIES = 3  # tie points that agree beyond those that any model passes through


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Distances between matched places, over the ``kept`` of all tie points that are no outliers.

    Means are of the differences along each axis.
    """

    count: int
    kept: int
    median_px: float
    rms_px: float
    p95_px: float
    mean_dx_px: float
    mean_dy_px: float

    @classmethod
    def of(cls, vectors: Points, inliers: Flags) -> "Residuals":
        """Describe the inliers of vectors (n, 2) in pixels; NaN where there is none."""
        used = vectors[inliers] if inliers.any() else np.full((1, 2), np.nan)
        sizes = np.hypot(used[:, 0], used[:, 1])
        return cls(
            count=len(vectors),
            kept=int(np.count_nonzero(inliers)),
            median_px=float(np.median(sizes)),
            rms_px=float(np.sqrt(np.mean(sizes**2))),
            p95_px=float(np.percentile(sizes, 95)),
            mean_dx_px=float(used[:, 0].mean()),
            mean_dy_px=float(used[:, 1].mean()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFit:
    """A model of shifts and the tie points it was fitted to.

    What is at ``p`` in the reference is at ``p + displacement(p)`` in the moving image:
    ``dx = a col + b row + c``, ``dy = d col + e row + f``. Coefficients (a, b, c, d, e, f) are in
    pixels, 0 where the model lacks them. ``before`` and ``after`` are of the inliers' shifts as
    matched, and of what the model leaves of them.
    """

    model: ShiftModel
    coefficients: tuple[float, float, float, float, float, float]
    ties: TiePoints
    inliers: Flags
    before: Residuals
    after: Residuals

    @classmethod
    def of(cls, ties: TiePoints, model: ShiftModel, matrix: Points, inliers: Flags) -> "ShiftFit":
        """Describe a model given by its matrix (2, 3), rows (a, b, c) and (d, e, f)."""
        a, b, c, d, e, f = (float(value) for value in matrix.ravel())
        return cls(
            model=model,
            coefficients=(a, b, c, d, e, f),
            ties=ties,
            inliers=inliers,
            before=Residuals.of(ties.shifts, inliers),
            after=Residuals.of(
                ties.shifts - map_points(Affine(a, b, c, d, e, f), ties.points), inliers
            ),
        )

    def displacement(self, points: Points) -> Points:
        """Return the shifts (n, 2) at pixel coordinates (n, 2) of the reference."""
        return map_points(Affine(*self.coefficients), points)


def fit_shifts(
    ties: TiePoints,
    model: ShiftModel = ShiftModel.SHIFT,
    generator: np.random.Generator | None = None,
) -> ShiftFit:
    """Fit a model to tie points of which up to about half may be wrong.

    Starts from the least median of distances (Rousseeuw 1984,
    https://doi.org/10.1080/01621459.1984.10477105) over models through single points, pairs or
    triples; then least squares and the rejection of points off by more than 3 times 0.8493 times
    the median distance (but never of less than 0.1 px) alternate until nothing changes. Pairs and
    triples are drawn by ``generator``, by default one of seed 0.

    Raises:
        InputError: there are fewer tie points than the model needs.
    """
    if len(ties) < model.needed:
        raise InputError(
            f"a model of kind {model.value} needs at least {model.needed} tie points; "
            f"{len(ties)} were found"
        )
    # terms of the model (n, 1 to 3), 1, row and column, centred and scaled
    middle = ties.points.mean(axis=0)
    size = max(float(np.abs(ties.points - middle).max()), 1.0)
    scaled = (ties.points - middle) / size
    terms = np.column_stack([np.ones(len(scaled)), scaled[:, 1], scaled[:, 0]][: model.needed])
    solution = _least_median(terms, ties.shifts, generator or np.random.default_rng(0))
    inliers = np.ones(len(ties), dtype=np.bool_)
    for _ in range(_MAX_ITERATIONS):
        earlier = inliers
        errors = ties.shifts - terms @ solution
        distances = np.hypot(errors[:, 0], errors[:, 1])
        sigma = _TO_SIGMA * float(np.median(distances[earlier]))
        inliers = distances <= max(_OUTLIER_SIGMAS * sigma, _LEAST_TOLERANCE_PX)
        solution = np.asarray(np.linalg.lstsq(terms[inliers], ties.shifts[inliers])[0], np.float64)
        if np.array_equal(inliers, earlier):
            break
    full = np.zeros((3, 2))
    full[: model.needed] = solution
    at_middle, by_row, by_col = full
    slopes = np.column_stack([by_col, by_row]) / size
    matrix = np.column_stack([slopes, at_middle - slopes @ middle])
    return ShiftFit.of(ties, model, matrix, inliers)


def _least_median(terms: Points, shifts: Points, generator: np.random.Generator) -> Points:
    """Return the model through a few tie points with the least median distance to all."""
    count, needed = terms.shape
    if needed == 1:
        starts = np.arange(count)[:: -(-count // _MOST_STARTS), np.newaxis]
    else:
        starts = np.stack([generator.choice(count, needed, replace=False) for _ in range(_DRAWS)])
    systems = terms[starts]
    solvable = np.abs(np.linalg.det(systems)) > 1e-3
    if not solvable.any():
        return np.asarray(np.linalg.lstsq(terms, shifts)[0])
    models = np.linalg.solve(systems[solvable], shifts[starts[solvable]])
    errors = shifts - terms @ models
    medians = np.median(np.hypot(errors[..., 0], errors[..., 1]), axis=1)
    return np.asarray(models[int(medians.argmin())])


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplacementField:
    """Displacements that follow the tie points smoothly, around an affine model.

    Beyond the tie points the local part stays as it is at the nearest edge of their bounds, and it
    never exceeds that of any tie point. The inliers of ``base`` agree with their neighbours;
    ``predicted_px`` are the rms errors at tie points left out in turn, of this and of the affine
    model.
    """

    base: ShiftFit
    displacement: Callable[[Points], Points]
    predicted_px: tuple[float, float]


def fit_displacement_field(base: ShiftFit) -> DisplacementField | None:
    """Fit a thin plate to what an affine model leaves, without points unlike their neighbours.

    Its smoothing, out of four, is the one that best predicts tie points left out in turn.

    Returns:
        None where the best predicts them less than 5 % better than the affine model alone, or fewer
        than 20 tie points agree with their neighbours.
    """
    ties = base.ties
    errors = ties.shifts - base.displacement(ties.points)
    inliers = consistent_with_neighbours(ties.points, errors)
    if np.count_nonzero(inliers) < _LEAST_FIELD_TIES:
        return None
    points, local = ties.points[inliers], errors[inliers]
    middle, size = points.mean(axis=0), float(np.ptp(points, axis=0).max()) / 2
    scaled = (points - middle) / size
    scores = [_prediction_error(scaled, local, smoothing) for smoothing in _SMOOTHINGS]
    affine = float(np.sqrt(np.mean(np.sum(local**2, axis=1))))
    best = int(np.argmin(scores))
    if scores[best] > (1 - _LEAST_GAIN) * affine:
        return None
    plate = RBFInterpolator(scaled, local, smoothing=_SMOOTHINGS[best])

    def displacement(places: Points) -> Points:
        inside = np.clip(places, points.min(axis=0), points.max(axis=0))
        bent = np.clip(plate((inside - middle) / size), local.min(axis=0), local.max(axis=0))
        return np.asarray(base.displacement(places) + bent)

    return DisplacementField(
        base=ShiftFit.of(ties, base.model, np.reshape(base.coefficients, (2, 3)), inliers),
        displacement=displacement,
        predicted_px=(scores[best], affine),
    )


def consistent_with_neighbours(points: Points, errors: Points) -> Flags:
    """Return which vectors (n, 2) are near the median of their eight nearest neighbours' vectors.

    Near is within 1.5 times three robust standard deviations, and 0.3 px at least: terrain
    moves neighbours alike, a false match stands alone.
    """
    count = min(_NEIGHBOURS, len(points))
    _, nearest = cKDTree(points).query(points, k=count)
    around = np.median(errors[np.reshape(nearest, (len(points), count))[:, 1:]], axis=1)
    apart = np.abs(errors - around)
    tolerance = _NEIGHBOUR_FACTOR * 3 * 1.4826 * float(np.median(apart))
    return np.asarray(apart.max(axis=1) <= max(tolerance, _NEIGHBOUR_TOLERANCE_PX))


def _prediction_error(scaled: Points, vectors: Points, smoothing: float) -> float:
    """Return the root mean square error at points left out fold by fold."""
    fold = np.arange(len(scaled)) % _FOLDS
    errors = np.empty_like(vectors)
    for left_out in range(_FOLDS):
        used = fold != left_out
        plate = RBFInterpolator(scaled[used], vectors[used], smoothing=smoothing)
        errors[~used] = vectors[~used] - plate(scaled[~used])
    return float(np.sqrt(np.mean(np.sum(errors**2, axis=1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLimits:
    """When a fit is trusted: limits of the tie points, and of what the model leaves of them.

    ``least_kept`` is the fraction of tie points that fits the model, ``most_shift_px`` the largest
    displacement at an inlier along an axis (None for any), and ``least_spread`` the fraction of the
    image's width and height that the inliers span. ``advice`` is what messages say where tie
    points are too few.
    """

    least_ties: int = 8
    least_kept: float = 0.3
    most_rms_px: float = 1.0
    most_shift_px: float | None = None
    least_spread: float = 0.25
    advice: str = _ADVICE

    def __post_init__(self) -> None:
        if self.least_ties < 1 or not (0 <= self.least_kept <= 1 and 0 <= self.least_spread <= 1):
            raise InputError(
                "the least number of tie points is 1 or more, and fractions are from 0 to 1; got "
                f"{self.least_ties}, {self.least_kept}, {self.least_spread}"
            )
        if not self.most_rms_px > 0:
            raise InputError(f"the largest residual is over 0 px; got {self.most_rms_px}")


def fit_reliably(
    ties: TiePoints,
    model: ShiftModel,
    limits: RegistrationLimits,
    shape: tuple[int, int],
    subject: str,
) -> ShiftFit:
    """Fit a model to tie points found in an area (height, width), and refuse an unreliable fit.

    Messages name what was matched by ``subject``: ``"a.tif and b.tif"``.

    Raises:
        RegistrationError: see `require_reliable`.
    """
    require_tie_points(ties, limits, subject)
    fit = fit_shifts(ties, model)
    require_reliable(fit, limits, shape, subject)
    return fit


def require_tie_points(ties: TiePoints, limits: RegistrationLimits, subject: str) -> None:
    """Refuse too few tie points, before anything is fitted to them.

    Raises:
        RegistrationError: there are fewer than the limit.
    """
    if 0 < ties.places < limits.least_ties:
        raise RegistrationError(
            f"{subject}: at least {limits.least_ties} tie points are needed and the common ground "
            f"has room for {ties.places}; use images with more of it in common"
        )
    if len(ties) < limits.least_ties:
        compared = f", at {ties.places} places that were compared" if ties.places else ""
        raise RegistrationError(
            f"{subject}: at least {limits.least_ties} tie points are needed and {len(ties)} were "
            f"found{compared}; {limits.advice}"
        )


def require_reliable(
    fit: ShiftFit, limits: RegistrationLimits, shape: tuple[int, int], subject: str
) -> None:
    """Refuse a fit that cannot be trusted; arguments as for `fit_reliably`.

    Raises:
        RegistrationError: too few tie points, too few that agree, too large a residual or
            displacement, or tie points in one corner only.
    """
    require_tie_points(fit.ties, limits, subject)
    kept, count, model = fit.after.kept, fit.after.count, fit.model.value
    least = max(math.ceil(limits.least_kept * count), fit.model.needed + _REDUNDANT_TIES)
    if kept < least:
        raise RegistrationError(
            f"{subject}: at least {least} of the {count} tie points must agree on one {model}; "
            f"{kept} do. The images may not show the same ground, or differ by more than such a "
            "model: try another band or model"
        )
    if not fit.after.rms_px <= limits.most_rms_px:
        raise RegistrationError(
            f"{subject}: tie points may stray by {limits.most_rms_px:g} px (rms) from the fitted "
            f"{model}; they do by {fit.after.rms_px:.2f} px. Try a more flexible model, or another "
            "band"
        )
    inliers = fit.ties.points[fit.inliers]
    furthest = float(np.abs(fit.displacement(inliers)).max())
    if limits.most_shift_px is not None and furthest > limits.most_shift_px:
        raise RegistrationError(
            f"{subject}: the images may be at most {limits.most_shift_px:.1f} px apart along an "
            f"axis; the fitted {model} says {furthest:.1f} px. Allow larger shifts, or check the "
            "images' georeferencing"
        )
    if fit.model is ShiftModel.SHIFT:
        return  # one number for all places: tie points in a corner are enough
    span = np.ptp(inliers, axis=0) / np.array(shape[::-1])
    needed = span if fit.model is ShiftModel.AFFINE else span[1:]
    if needed.min() < limits.least_spread:
        raise RegistrationError(
            f"{subject}: to fit a {model}, tie points must span at least "
            f"{limits.least_spread:.0%} of the image; the good ones span {span[0]:.0%} of its "
            f"width and {span[1]:.0%} of its height. Use the model shift"
        )
