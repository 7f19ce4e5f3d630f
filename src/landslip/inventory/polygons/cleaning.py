"""How polygons are made of probabilities."""

import math
from dataclasses import dataclass

from landslip.core.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """How polygons are made of probabilities.

    Attributes:
        low: pixels from this probability on belong to a landslide ...
        high: ... that has at least one pixel from this probability on (hysteresis).
        min_area_m2: smaller landslides are left out, and none is split into smaller ones. Holes
            that are smaller are filled if no point in them is farther from the hole's outline
            than ``max_shift_m``.
        max_shift_m: no outline is moved farther; None: one pixel's longer side.
        smooth: whether the staircase of pixels becomes a smooth line.
        split: whether landslides that touch are taken apart.
    """

    low: float
    high: float
    min_area_m2: float = 100.0
    max_shift_m: float | None = None
    smooth: bool = True
    split: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.low <= 1:
            raise InputError(f"--low is above 0 and at most 1; got {self.low}")
        if not self.low <= self.high <= 1:
            raise InputError(f"--high is at least --low and at most 1; got {self.high}, {self.low}")
        if not 0 <= self.min_area_m2 < math.inf:
            raise InputError(f"--min-area is 0 or more square metres; got {self.min_area_m2}")
        if self.max_shift_m is not None and not 0 <= self.max_shift_m < math.inf:
            raise InputError(f"--max-shift is 0 or more metres; got {self.max_shift_m}")
