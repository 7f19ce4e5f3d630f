"""Fits a model of shifts to tie points, many of which may be wrong."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.models import ShiftModel
from landslip.preprocessing.coregistration.ties import Points, TiePoints

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
class Fit:
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


def reject_outliers(
    ties: TiePoints,
    model: ShiftModel = ShiftModel.SHIFT,
    generator: np.random.Generator | None = None,
) -> Fit:
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
    return fit_of(ties, model, matrix, kept)


def fit_of(ties: TiePoints, model: ShiftModel, matrix: Points, kept: NDArray[np.bool_]) -> Fit:
    """Describe a model given by its matrix (2, 3), rows (a, b, c) and (d, e, f)."""
    a, b, c, d, e, f = (float(value) for value in matrix.ravel())
    return Fit(
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
