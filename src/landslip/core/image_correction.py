"""Small corrections of a camera model in image space."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCorrection:
    """An affine map from where a camera model says a point is to where it is seen.

    ``col' = a col + b row + c``, ``row' = d col + e row + f``, in pixel coordinates.

    Attributes:
        coefficients: (a, b, c, d, e, f); (1, 0, 0, 0, 1, 0) changes nothing.
    """

    coefficients: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.coefficients)) or abs(self._determinant) < 1e-6:
            raise InputError(
                f"a correction in image space is finite and reversible; got {self.coefficients}"
            )

    @classmethod
    def shift(cls, col: float, row: float) -> "ImageCorrection":
        """Return a correction that moves every point by the same number of pixels."""
        return cls(coefficients=(1.0, 0.0, col, 0.0, 1.0, row))

    @property
    def _determinant(self) -> float:
        a, b, _, d, e, _ = self.coefficients
        return a * e - b * d

    @property
    def is_identity(self) -> bool:
        """Whether nothing is changed."""
        return self.coefficients == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (n, 2: col, row)."""
        matrix = np.reshape(self.coefficients, (2, 3))
        moved: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
        return moved

    def undo(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (n, 2: col, row) back."""
        matrix = np.reshape(self.coefficients, (2, 3))
        back: NDArray[np.float64] = np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T
        return back

    def then(self, later: "ImageCorrection") -> "ImageCorrection":
        """Return this correction followed by another one."""
        first, second = (
            np.vstack([np.reshape(one.coefficients, (2, 3)), [0, 0, 1]]) for one in (self, later)
        )
        a, b, c, d, e, f = (second @ first)[:2].ravel().tolist()
        return ImageCorrection(coefficients=(a, b, c, d, e, f))
