"""The landslides that a calibration needs, and the interval of a curve that was fitted to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import CalibrationMethod
from landslip.core.errors import InputError
from landslip.metrics.bootstrap import bootstrap_weights, effective_units, interval_estimate
from landslip.models.calibration.curve import logit
from landslip.models.calibration.fit import fit
from landslip.models.calibration.metrics import LOGIT_BINS, LogitCounts

DRAWS = 200
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideSupport:
    """Tiles with landslide pixels, groups of such tiles, and those pixels."""

    tiles: int
    groups: int
    pixels: int

    def __str__(self) -> str:
        return (
            f"landslide tiles: {self.tiles}, their groups: {self.groups}, pixels: {self.pixels:,}"
        )

    def meets(self, minimum: "LandslideSupport") -> bool:
        """Whether there is enough of everything."""
        return (
            self.tiles >= minimum.tiles
            and self.groups >= minimum.groups
            and self.pixels >= minimum.pixels
        )


MINIMUM = {
    CalibrationMethod.TEMPERATURE: LandslideSupport(tiles=3, groups=1, pixels=500),
    CalibrationMethod.PLATT: LandslideSupport(tiles=5, groups=5, pixels=2000),
    CalibrationMethod.ISOTONIC: LandslideSupport(tiles=10, groups=5, pixels=5000),
}
"""What a method needs at least: one parameter, two, and a curve of up to 16 knots."""


def supported_methods(support: LandslideSupport) -> tuple[CalibrationMethod, ...]:
    """Return the methods that landslides are enough for, by rising number of parameters."""
    return tuple(method for method, minimum in MINIMUM.items() if support.meets(minimum))


class ResampledCounts:
    """Pixels by logit of bootstrap samples of units: groups of tiles, or tiles."""

    def __init__(self, units: int, seed: int) -> None:
        """Draw `DRAWS` samples of so many units."""
        self._weights = bootstrap_weights(units, DRAWS, np.random.default_rng(seed))
        self._landslide_of_unit = np.zeros(units, dtype=np.int64)
        self._landslide, self._other = np.zeros((2, DRAWS, LOGIT_BINS), dtype=np.int64)

    def add(self, counts: LogitCounts, unit: int) -> None:
        """Add the pixels of one unit."""
        weights = self._weights[:, unit, np.newaxis].astype(np.int64)
        self._landslide_of_unit[unit] += counts.landslides
        for sums, pixels in ((self._landslide, counts.landslide), (self._other, counts.other)):
            filled = np.flatnonzero(pixels)
            sums[:, filled] += weights * pixels[filled]

    def intervals(
        self, method: CalibrationMethod, probabilities: Sequence[float]
    ) -> list[tuple[float, float] | None]:
        """Return the interval of the calibrated probability for each of the network's.

        It allows for few units, by the effective number of those with landslides. Samples of one
        class are left out; None where hardly any are left.
        """
        drawn: NDArray[np.float64] = np.full((DRAWS, len(probabilities)), np.nan)
        at = logit(np.array(probabilities))
        for row, landslide, other in zip(drawn, self._landslide, self._other, strict=True):
            try:
                curve = fit(LogitCounts(landslide=landslide, other=other), method)
            except InputError:
                continue
            row[:] = curve.calibrated(at)
        units = effective_units(self._landslide_of_unit)
        return [interval_estimate(0.0, column, LEVEL, units).ends for column in drawn.T]
