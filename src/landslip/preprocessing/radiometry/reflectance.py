"""Conversion of counts to reflectance at the top of the atmosphere: one straight line a band."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.calibration import RadiometricCalibration


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectanceConversion:
    """``reflectance = scale * DN + offset`` for each band, in the order of ``bands``."""

    bands: tuple[str, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.bands) == len(self.scale) == len(self.offset) > 0:
            raise InputError(
                f"a conversion has one scale and offset for each band; got {len(self.scale)} and "
                f"{len(self.offset)} for {','.join(self.bands)}"
            )
        for band, scale, offset in zip(self.bands, self.scale, self.offset, strict=True):
            if not (math.isfinite(scale) and scale > 0 and math.isfinite(offset)):
                raise InputError(
                    f"a conversion's scale is finite and above 0 and its offset finite; "
                    f"got {scale}, {offset} for band {band}"
                )

    def apply(self, dn: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return reflectance (bands, height, width) of counts of any type; fill is converted too.

        Values are not clipped: noise and offsets make some reflectances negative.
        """
        values = dn.astype(np.float32)
        values *= _column(self.scale)
        values += _column(self.offset)
        return values

    def only(self, *bands: str) -> "ReflectanceConversion":
        """Return the conversion of some of the bands, in the order asked for."""
        missing = [band for band in bands if band not in self.bands]
        if missing:
            raise InputError(f"the conversion is of {','.join(self.bands)}; got {missing[0]}")
        at = [self.bands.index(band) for band in bands]
        return ReflectanceConversion(
            bands=bands,
            scale=tuple(self.scale[index] for index in at),
            offset=tuple(self.offset[index] for index in at),
        )

    def less(self, reflectance: Mapping[str, float]) -> "ReflectanceConversion":
        """Return the conversion with reflectance subtracted, by band name."""
        offsets = zip(self.bands, self.offset, strict=True)
        offset = tuple(value - reflectance.get(band, 0.0) for band, value in offsets)
        return replace(self, offset=offset)


def toa_conversion(
    calibration: RadiometricCalibration,
    bands: tuple[str, ...],
    *,
    sun_zenith_deg: float,
    sun_distance_au: float,
) -> ReflectanceConversion:
    """Return the conversion of counts of bands to reflectance at the top of the atmosphere.

    ``rho = pi L d^2 / (ESUN cos z)`` with ``L = gain DN + offset``; Chander et al. (2009), doi
    10.1016/j.rse.2009.01.007.

    Raises:
        InputError: a band has no calibration, or the sun is not above the horizon.
    """
    missing = [band for band in bands if band not in calibration.bands]
    if missing:
        raise InputError(
            f"the calibration ({calibration.source}) has {','.join(calibration.bands)}; "
            f"band {missing[0]} is needed"
        )
    if not 0 <= sun_zenith_deg < 90 or not 0.97 < sun_distance_au < 1.03:
        raise InputError(
            f"the sun's zenith angle is 0 to below 90 degrees and its distance about 1 AU; "
            f"got {sun_zenith_deg} and {sun_distance_au}"
        )
    cosine = math.cos(math.radians(sun_zenith_deg))
    factors = {
        band: math.pi * sun_distance_au**2 / (calibration.esun[band] * cosine) for band in bands
    }
    return ReflectanceConversion(
        bands=bands,
        scale=tuple(calibration.gains[band] * factors[band] for band in bands),
        offset=tuple(calibration.offsets[band] * factors[band] for band in bands),
    )


def _column(values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)[:, np.newaxis, np.newaxis]
