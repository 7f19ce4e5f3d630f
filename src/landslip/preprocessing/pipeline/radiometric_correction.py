"""Radiometric correction of a product: sun, calibration and atmosphere."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import AtmosphericCorrection
from landslip.core.errors import InputError, argument
from landslip.core.rpc import RPC
from landslip.preprocessing.orthorectification.dem import TerrainHeights
from landslip.preprocessing.product.product import MSS_BANDS, PAN_BANDS, Product
from landslip.preprocessing.radiometry.atmosphere_tags import atmosphere_tags
from landslip.preprocessing.radiometry.calibration import (
    RadiometricCalibration,
    ReflectanceConversion,
    select_calibration,
    toa_conversion,
)
from landslip.preprocessing.radiometry.dark_object import (
    CountHistogram,
    DarkObjectSettings,
    HazeEstimate,
    estimate_haze,
)
from landslip.preprocessing.radiometry.six_s import (
    AtmosphericState,
    SixSSettings,
    SurfaceCorrection,
    select_standard_atmosphere,
    surface_correction,
)
from landslip.preprocessing.radiometry.sun import SunReading, SunTags, interpret_sun_tags

BANDS = (*PAN_BANDS, *MSS_BANDS)
SATURATED_DN = 1023
_NOTABLE_FRACTION, _NOTABLE_RELIEF_M = 0.01, 1000.0
_EARTH_RADIUS_M = 6_371_000.0
Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiometricCorrection:
    """Conversion of one product's counts to reflectance.

    ``toa`` gives that at the top of the atmosphere, ``conversion`` the same minus haze. The view is
    zenith and azimuth of the satellite; the fractions are those of negative and saturated counts,
    by band.
    """

    calibration: RadiometricCalibration
    sun: SunReading
    toa: ReflectanceConversion
    conversion: ReflectanceConversion
    surface: SurfaceCorrection | None = None
    haze: HazeEstimate | None = None
    terrain: TerrainHeights | None = None
    view_deg: tuple[float, float] = (0.0, 0.0)
    source_fractions: dict[str, dict[str, float]] = field(default_factory=dict)

    def reflectance(self, dn: Pixels, bands: tuple[str, ...]) -> Pixels:
        """Return reflectance (bands, height, width) of counts in an order of bands."""
        values = self.conversion.only(*bands).apply(dn)
        return values if self.surface is None else self.surface.apply(values, bands)

    @property
    def tags(self) -> dict[str, str]:
        """What the scene's file says of it."""
        if self.surface is not None:
            return atmosphere_tags(AtmosphericCorrection.SIX_S, self.surface)
        if self.haze is not None:
            haze = {band: (1.0, value, 0.0) for band, value in self.haze.reflectance.items()}
            return atmosphere_tags(AtmosphericCorrection.DOS, SurfaceCorrection(haze))
        return atmosphere_tags(AtmosphericCorrection.TOA, None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence each."""
        notes = [] if self.haze is None else list(self.haze.warnings)
        terrain = self.terrain
        if self.surface and terrain and terrain.p95 - terrain.p05 > _NOTABLE_RELIEF_M:
            notes.append(
                f"6S corrects for the air over the mean height of {terrain.mean:.0f} m, and 5 % to "
                f"95 % of the ground is at {terrain.p05:.0f} to {terrain.p95:.0f} m: reflectance, "
                "most in blue, is too low on the heights and too high in the valleys"
            )
        for band, fractions in self.source_fractions.items():
            if fractions["saturated"] > _NOTABLE_FRACTION:
                notes.append(
                    f"{fractions['saturated']:.1%} of {band} is saturated, at a count of "
                    f"{SATURATED_DN}: the ground is brighter there than in the scene"
                )
            if fractions["negative"] > _NOTABLE_FRACTION:
                notes.append(
                    f"{fractions['negative']:.1%} of {band} is negative reflectance by the "
                    "calibration's offset, and stored as the lowest number"
                )
        return tuple(notes)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            "calibration": {
                "source": self.calibration.source,
                "year": self.calibration.year,
                "gains": dict(self.calibration.gains),
                "offsets": dict(self.calibration.offsets),
                "esun": dict(self.calibration.esun),
            },
            "sun": {
                "utc": self.sun.utc.isoformat(),
                "zenith_deg": self.sun.zenith_deg,
                "azimuth_deg": self.sun.azimuth_deg,
                "distance_au": self.sun.distance_au,
                "time_tag_read_as": self.sun.time_standard.value,
                "angle_tag_read_as": self.sun.tag_angle.value,
                "computed_zenith_deg": self.sun.computed.zenith_deg,
                "computed_azimuth_deg": self.sun.computed.azimuth_deg,
            },
            "view": {"zenith_deg": self.view_deg[0], "azimuth_deg": self.view_deg[1]},
            "haze": None
            if self.haze is None
            else {
                "dark_dn": dict(self.haze.dark_dn),
                "reflectance": dict(self.haze.reflectance),
            },
            "six_s": None if self.surface is None else self.surface.as_dict(),
            "terrain_m": None if self.terrain is None else asdict(self.terrain),
            "source_shares": self.source_fractions,
        }


def derive_radiometric_correction(
    product: Product,
    histograms: dict[str, CountHistogram],
    terrain: TerrainHeights,
    *,
    atmosphere: AtmosphericCorrection = AtmosphericCorrection.TOA,
    optical_depth: float = 0.15,
    calibration: str | Path | None = None,
) -> RadiometricCorrection:
    """Interpret the sun tags, choose the calibration, and estimate the atmosphere's contribution.

    Histograms are of counts by band; 6S takes the mean height of the terrain, and the optical depth
    of the aerosol at 550 nm; calibration: see `select_calibration`.

    Raises:
        InputError: tags and sun disagree, or there is no calibration.
        MissingDependencyError: 6S is asked for and not installed.
    """
    metadata, rpc = product.mss.metadata, product.mss.rpc
    height, width = metadata.shape
    centre = rpc.locate(np.array([[width / 2, height / 2]]), np.array([rpc.height_off]))[0]
    tags = SunTags(
        center_time=metadata.centre_time,
        receive_time=metadata.receive_time,
        azimuth_deg=metadata.solar_azimuth_deg,
        zenith_deg=metadata.solar_zenith_deg,
        lon_deg=float(centre[0]),
        lat_deg=float(centre[1]),
        file=f"the XML of {product.name}",
    )
    sun = interpret_sun_tags(tags)
    chosen = select_calibration(
        product.camera.name,
        sun.utc.year,
        choice=calibration,
        gains=product.abs_gains,
        offsets=product.abs_offsets,
    )
    toa = toa_conversion(
        chosen, BANDS, sun_zenith_deg=sun.zenith_deg, sun_distance_au=sun.distance_au
    )
    view_zenith_deg, view_azimuth_deg = view_angles(product.pan.rpc)
    surface = haze = None
    if atmosphere is AtmosphericCorrection.SIX_S:
        if not product.camera.satellite.startswith("GF1"):
            raise InputError(
                f"{product.name}: 6S uses the spectral ranges of Gaofen-1, and this product is of "
                f"{product.camera.name}; use {argument('atmosphere')} toa or dos"
            )
        standard = select_standard_atmosphere(rpc.lat_off, sun.utc.month)
        settings = SixSSettings(
            sun_zenith_deg=sun.zenith_deg,
            sun_azimuth_deg=sun.azimuth_deg,
            month=sun.utc.month,
            day=sun.utc.day,
            altitude_m=terrain.mean,
            atmosphere=AtmosphericState.standard(standard, optical_depth_550=optical_depth),
            view_zenith_deg=view_zenith_deg,
            view_azimuth_deg=view_azimuth_deg,
        )
        surface = surface_correction(settings, BANDS)
    if atmosphere is AtmosphericCorrection.DOS:
        haze = estimate_haze(histograms, toa, DarkObjectSettings())
    fractions = {
        band: {
            "negative": histograms[band].fraction_below(-offset / scale),
            "saturated": histograms[band].fraction_from(SATURATED_DN),
        }
        for band, scale, offset in zip(toa.bands, toa.scale, toa.offset, strict=True)
    }
    return RadiometricCorrection(
        calibration=chosen,
        sun=sun,
        toa=toa,
        conversion=toa if haze is None else toa.less(haze.reflectance),
        surface=surface,
        haze=haze,
        terrain=terrain,
        view_deg=(view_zenith_deg, view_azimuth_deg),
        source_fractions=fractions,
    )


def view_angles(rpc: RPC) -> tuple[float, float]:
    """Return zenith and azimuth of the satellite in degrees, seen from the scene's centre.

    A ray is followed from the model's middle height 1000 m up.
    """
    rise_m = 1000.0
    centre = rpc.project(np.array([[rpc.lon_off, rpc.lat_off]]), np.array([rpc.height_off]))
    foot, high = (rpc.locate(centre, np.array([rpc.height_off + up])) for up in (0.0, rise_m))
    lon, lat = np.radians(high - foot)[0].tolist()
    north = lat * _EARTH_RADIUS_M
    east = lon * _EARTH_RADIUS_M * math.cos(math.radians(rpc.lat_off))
    zenith = math.degrees(math.atan2(math.hypot(east, north), rise_m))
    return zenith, math.degrees(math.atan2(east, north)) % 360
