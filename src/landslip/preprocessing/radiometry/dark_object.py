"""Dark-object subtraction: haze estimated from the darkest pixels of a scene.

Chavez (1988), doi 10.1016/0034-4257(88)90019-3. In a large scene some pixels are so dark (water,
deep shadow) that what is seen of them is light scattered by the air. A reflectance of 1 % is left
to them, as few things on the ground are wholly black (Moran et al. 1992, doi
10.1016/0034-4257(92)90076-V). Only the additive part of the atmosphere is removed: absorption and
the loss on the way, which matter most in nir, are left in.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.reflectance import ReflectanceConversion

_LEVELS = 65_536
_CENTRE_UM = {"blue": 0.485, "green": 0.555, "red": 0.66, "pan": 0.675, "nir": 0.83}
_THIN_HAZE = 0.08
_BY_SCATTERING = ("blue", "green", "red", "nir")


class CountHistogram:
    """How often each count of one band occurs; 0 is fill and is left out."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._counts = np.zeros(_LEVELS, dtype=np.int64)

    def add(self, dn: NDArray[np.uint16], valid: NDArray[np.bool_] | None = None) -> None:
        """Count the pixels of one window of one band, all or those of ``valid``."""
        chosen = dn if valid is None else dn[valid]
        self._counts += np.bincount(chosen.ravel(), minlength=_LEVELS)
        self._counts[0] = 0

    @property
    def total(self) -> int:
        """The number of pixels counted."""
        return int(self._counts.sum())

    def share_below(self, dn: float) -> float:
        """Return the share of pixels, 0 to 1, whose count is less; 0 where none was counted."""
        last = min(max(math.ceil(dn), 0), _LEVELS)
        return float(self._counts[:last].sum() / max(self.total, 1))

    def share_from(self, dn: int) -> float:
        """Return the share of pixels, 0 to 1, whose count is as high or higher."""
        return float(self._counts[dn:].sum() / max(self.total, 1))

    def smallest_reached(self, pixels: int) -> int:
        """Return the smallest count that at least so many pixels reach from below or lie at.

        Raises:
            InputError: fewer pixels were counted.
        """
        reached = np.cumsum(self._counts)
        if pixels < 1 or reached[-1] < pixels:
            raise InputError(
                f"a dark object is sought among at least {max(pixels, 1)} px; got {reached[-1]}"
            )
        return int(np.searchsorted(reached, pixels))


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkObjectSettings:
    """How the darkest pixels are chosen, and what is left to them.

    Attributes:
        share: share of a band's pixels that lie at or below the dark count.
        min_px: the least number of such pixels, so that single defects do not decide.
        dark_reflectance: what a dark object is taken to reflect, 0 to 1.
        suspicious_haze: haze in any band above which no dark object is likely to be in the scene.
    """

    share: float = 1e-4
    min_px: int = 100
    dark_reflectance: float = 0.01
    suspicious_haze: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.min_px < 1:
            raise InputError(
                f"dark pixels are a share between 0 and 1 and at least 1 px; "
                f"got {self.share}, {self.min_px}"
            )
        if not 0 <= self.dark_reflectance < 1:
            raise InputError(
                f"a dark object reflects 0 to less than 1; got {self.dark_reflectance}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class HazeEstimate:
    """What dark-object subtraction found.

    Attributes:
        dark_dn: the dark count by band name.
        reflectance: what is to be subtracted by band name, 0 or more; see `Conversion.less`.
        warnings: what is implausible about it, one sentence each.
    """

    dark_dn: Mapping[str, int]
    reflectance: Mapping[str, float]
    warnings: tuple[str, ...] = ()


def estimate_haze(
    histograms: Mapping[str, CountHistogram],
    conversion: ReflectanceConversion,
    rule: DarkObjectSettings,
) -> HazeEstimate:
    """Estimate the haze in each band that has a histogram, the panchromatic one too.

    Each band is judged by itself; then haze is held under what the shortest wavelength's would be
    further on if it fell as the wavelength, or as its square where haze is thin: as in a moderate
    and a clear sky (the relative scattering models of Chavez 1988). A warning says where a band
    seemed to hold more, which means that nothing in it was dark.

    Raises:
        InputError: a band has too few pixels.
    """
    dark_dn = {band: _dark_dn(band, histogram, rule) for band, histogram in histograms.items()}
    reflectance = {}
    for band, dn in dark_dn.items():
        line = conversion.only(band)
        seen = line.scale[0] * dn + line.offset[0]
        reflectance[band] = max(seen - rule.dark_reflectance, 0.0)
    return HazeEstimate(
        dark_dn=dark_dn,
        reflectance=_limit_by_scattering(reflectance),
        warnings=tuple(_plausibility_warnings(reflectance, rule.suspicious_haze)),
    )


def _limit_by_scattering(haze: Mapping[str, float]) -> dict[str, float]:
    """Return haze no higher in any band than scattering lets it be beside that of blue."""
    if "blue" not in haze:
        return dict(haze)
    power = 2 if haze["blue"] <= _THIN_HAZE else 1
    most = {
        band: haze["blue"]
        * (_CENTRE_UM["blue"] / _CENTRE_UM.get(band, _CENTRE_UM["blue"])) ** power
        for band in haze
    }
    return {band: min(value, most[band]) for band, value in haze.items()}


def _dark_dn(band: str, histogram: CountHistogram, rule: DarkObjectSettings) -> int:
    try:
        return histogram.smallest_reached(max(rule.min_px, round(rule.share * histogram.total)))
    except InputError as error:
        raise InputError(f"band {band}: {error}") from error


def _plausibility_warnings(haze: Mapping[str, float], suspicious: float) -> list[str]:
    ordered = [band for band in _BY_SCATTERING if band in haze]
    doubts = [
        f"haze falls from blue to nir in a clear sky; here {second} has {haze[second]:.3f} and "
        f"{first} {haze[first]:.3f}: one of them found no dark object"
        for first, second in itertools.pairwise(ordered)
        if haze[second] > haze[first]
    ]
    bright = [band for band, value in haze.items() if value > suspicious]
    if bright:
        doubts.append(
            f"haze is above {suspicious:g} in {', '.join(bright)}: the scene seems to hold no dark "
            "object, and too much is subtracted"
        )
    return doubts
