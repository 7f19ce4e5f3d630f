"""Dark-object subtraction: haze estimated from the darkest pixels of a scene.

Chavez (1988), doi 10.1016/0034-4257(88)90019-3. In a large scene some pixels are so dark (water,
deep shadow) that what is measured of them is light scattered by the atmosphere. They are taken to
reflect 1 %, as few surfaces are wholly black (Moran et al. 1992, doi 10.1016/0034-4257(92)90076-V).
Only the additive part of the atmosphere is removed: absorption and the loss on the way, which
matter most in nir, remain.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.calibration import ReflectanceConversion

_LEVELS = 65_536
_CENTRE_UM = {"blue": 0.485, "green": 0.555, "red": 0.66, "pan": 0.675, "nir": 0.83}
_THIN_HAZE = 0.08
_BY_SCATTERING = ("blue", "green", "red", "nir")


class CountHistogram:
    """How often each count of one band occurs; 0 is fill and is left out."""

    def __init__(self) -> None:
        """Start with no pixels."""
        self._counts = np.zeros(_LEVELS, dtype=np.int64)

    def add(self, dn: NDArray[np.uint16], valid: NDArray[np.bool_] | None = None) -> None:
        """Add the pixels of one window of one band, all or those of ``valid``."""
        chosen = dn if valid is None or valid.all() else dn[valid]
        self._counts += np.bincount(chosen.ravel(), minlength=_LEVELS)
        self._counts[0] = 0

    @property
    def total(self) -> int:
        """Number of pixels."""
        return int(self._counts.sum())

    def fraction_below(self, dn: float) -> float:
        """Return the fraction of pixels, 0 to 1, whose count is lower; 0 without pixels."""
        last = min(max(math.ceil(dn), 0), _LEVELS)
        return float(self._counts[:last].sum() / max(self.total, 1))

    def fraction_from(self, dn: int) -> float:
        """Return the fraction of pixels, 0 to 1, whose count is as high or higher."""
        return float(self._counts[dn:].sum() / max(self.total, 1))

    def darkest(self, pixels: int) -> int:
        """Return the highest count of the darkest pixels; InputError where there are fewer."""
        cumulative = np.cumsum(self._counts)
        if pixels < 1 or cumulative[-1] < pixels:
            raise InputError(
                f"dark objects are searched for among at least {max(pixels, 1)} px; "
                f"got {cumulative[-1]}"
            )
        return int(np.searchsorted(cumulative, pixels))


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkObjectSettings:
    """How dark objects are chosen.

    Attributes:
        fraction: of a band's pixels that are at or below the dark count.
        min_px: smallest number of such pixels, so that single defects do not decide.
        dark_reflectance: assumed reflectance of a dark object, 0 to 1.
        suspicious_haze: haze in any band above which the scene probably has no dark object.
    """

    fraction: float = 1e-4
    min_px: int = 100
    dark_reflectance: float = 0.01
    suspicious_haze: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1 or self.min_px < 1:
            raise InputError(
                f"dark pixels are a fraction between 0 and 1 and at least 1 px; "
                f"got {self.fraction}, {self.min_px}"
            )
        if not 0 <= self.dark_reflectance < 1:
            raise InputError(
                f"a dark object reflects 0 to less than 1; got {self.dark_reflectance}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class HazeEstimate:
    """Dark counts, reflectance to be subtracted (0 or more), both by band, and warnings."""

    dark_dn: Mapping[str, int]
    reflectance: Mapping[str, float]
    warnings: tuple[str, ...] = ()


def estimate_haze(
    histograms: Mapping[str, CountHistogram],
    conversion: ReflectanceConversion,
    settings: DarkObjectSettings,
) -> HazeEstimate:
    """Estimate the haze in each band that has a histogram, the panchromatic one too.

    Each band is estimated by itself; then its haze is limited to what blue's would be at its
    wavelength if it fell as the wavelength, or as its square where haze is thin: as in a moderate
    and a clear sky (the relative scattering models of Chavez 1988). A warning says where a band
    seemed to hold more, which means that nothing in it was dark.

    Raises:
        InputError: a band has too few pixels.
    """
    dark_dn, haze = {}, {}
    for band, histogram in histograms.items():
        pixels = max(settings.min_px, round(settings.fraction * histogram.total))
        try:
            dark_dn[band] = histogram.darkest(pixels)
        except InputError as error:
            raise InputError(f"band {band}: {error}") from error
        line = conversion.only(band)
        dark = line.scale[0] * dark_dn[band] + line.offset[0]
        haze[band] = max(dark - settings.dark_reflectance, 0.0)
    # no higher in any band than scattering allows for that of blue
    blue, blue_um = haze.get("blue", math.inf), _CENTRE_UM["blue"]
    power = 2 if blue <= _THIN_HAZE else 1
    limited = {
        band: min(value, blue * (blue_um / _CENTRE_UM.get(band, blue_um)) ** power)
        for band, value in haze.items()
    }
    bands = [band for band in _BY_SCATTERING if band in haze]
    warnings = [
        f"haze falls from blue to nir in a clear sky; here {second} has {haze[second]:.3f} and "
        f"{first} {haze[first]:.3f}: one of them has no dark object"
        for first, second in itertools.pairwise(bands)
        if haze[second] > haze[first]
    ]
    bright = [band for band, value in haze.items() if value > settings.suspicious_haze]
    if bright:
        warnings.append(
            f"haze is above {settings.suspicious_haze:g} in {', '.join(bright)}: the scene "
            "probably has no dark object, and too much is subtracted"
        )
    return HazeEstimate(dark_dn=dark_dn, reflectance=limited, warnings=tuple(warnings))
