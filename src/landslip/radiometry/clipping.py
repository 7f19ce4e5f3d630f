"""How many pixels left the range in which counts mean light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.errors import InputError

SATURATION_DN = 1023


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """Pixels counted, those of negative reflectance, and saturated ones; sums are taken with +.

    Attributes:
        counted: valid pixels.
        negative: by band name, valid pixels of reflectance below 0.
        saturated: by band name, valid pixels at or above the highest count.
    """

    counted: int
    negative: dict[str, int]
    saturated: dict[str, int]

    def __add__(self, other: "Clipping") -> "Clipping":
        if set(self.negative) != set(other.negative):
            raise InputError(
                f"clipping is summed over the same bands; got {','.join(self.negative)} and "
                f"{','.join(other.negative)}"
            )
        return Clipping(
            counted=self.counted + other.counted,
            negative={band: n + other.negative[band] for band, n in self.negative.items()},
            saturated={band: n + other.saturated[band] for band, n in self.saturated.items()},
        )

    @property
    def negative_share(self) -> dict[str, float | None]:
        """Negative / counted by band, 0 to 1; None where nothing was counted."""
        return {band: self._share(number) for band, number in self.negative.items()}

    @property
    def saturated_share(self) -> dict[str, float | None]:
        """Saturated / counted by band, 0 to 1; None where nothing was counted."""
        return {band: self._share(number) for band, number in self.saturated.items()}

    def _share(self, number: int) -> float | None:
        return number / self.counted if self.counted else None


def count_clipping(
    dn: NDArray[np.integer],
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
    bands: tuple[str, ...],
    *,
    saturation_dn: int = SATURATION_DN,
) -> Clipping:
    """Count the pixels of one window.

    Args:
        dn: counts (bands, height, width).
        reflectance: the same pixels converted.
        valid: (height, width), which pixels are counted.
        bands: the bands' names in the arrays' order.
        saturation_dn: a count from which a pixel is saturated; 1023 for 10 bits.
    """
    negative = np.count_nonzero((reflectance < 0) & valid, axis=(1, 2)).tolist()
    saturated = np.count_nonzero((dn >= saturation_dn) & valid, axis=(1, 2)).tolist()
    return Clipping(
        counted=int(np.count_nonzero(valid)),
        negative=dict(zip(bands, negative, strict=True)),
        saturated=dict(zip(bands, saturated, strict=True)),
    )
