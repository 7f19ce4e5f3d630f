"""Places found in two images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TiePoints:
    """Where patches of a reference image were found in a moving image.

    What is at pixel coordinates ``p`` in the reference lies at ``p + shift`` in the moving image.

    Attributes:
        points: (n, 2) float64 column and row of patch centres in the reference, in pixels from the
            outer corner of the first pixel.
        shifts: (n, 2) float64 (dx, dy) in pixels; dx is positive where the moving image shows the
            place further right, dy where it shows it further down.
        scores: (n,) float64, how much better edges agree there than at other shifts, in standard
            deviations; other ground reaches 4 or 5 by chance.
    """

    points: Points
    shifts: Points
    scores: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.scores)
        if not self.points.shape == self.shifts.shape == (count, 2):
            raise InputError(
                f"tie points have one place, shift and score each; got {self.points.shape}, "
                f"{self.shifts.shape}, {self.scores.shape}"
            )

    @classmethod
    def of(cls, found: Sequence[tuple[tuple[float, float], "Match"]]) -> "TiePoints":
        """Collect what was found, each with the (column, row) of its patch's centre."""
        return cls(
            points=np.array([centre for centre, _ in found], dtype=np.float64).reshape(-1, 2),
            shifts=np.array([(one.dx, one.dy) for _, one in found], np.float64).reshape(-1, 2),
            scores=np.array([one.score for _, one in found], dtype=np.float64),
        )

    def with_shifts(self, shifts: Points) -> "TiePoints":
        """Return the same places with other shifts."""
        return replace(self, shifts=shifts)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Match:
    """One patch found: what is at ``p`` in the reference is at ``p + (dx, dy)`` in the other."""

    dx: float
    dy: float
    score: float
