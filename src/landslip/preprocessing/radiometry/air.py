"""What is known or supposed of the air over a scene."""

import math
from dataclasses import dataclass
from enum import StrEnum

from landslip.core.errors import InputError

_TROPICS_DEG = 23.5
_SUBARCTIC_DEG = 55.0


class Aerosol(StrEnum):
    """The aerosol mixtures that 6S knows by name."""

    NONE = "none"
    CONTINENTAL = "continental"
    MARITIME = "maritime"
    URBAN = "urban"
    DESERT = "desert"
    BIOMASS = "biomass"


class StandardAir(StrEnum):
    """The standard atmospheres of McClatchey et al. (1972)."""

    TROPICAL = "tropical"
    MIDLATITUDE_SUMMER = "midlatitude-summer"
    MIDLATITUDE_WINTER = "midlatitude-winter"
    SUBARCTIC_SUMMER = "subarctic-summer"
    SUBARCTIC_WINTER = "subarctic-winter"


# Columns of water vapour (g cm-2) and ozone (cm-atm), as 6S prints them.
_COLUMNS = {
    StandardAir.TROPICAL: (4.12, 0.247),
    StandardAir.MIDLATITUDE_SUMMER: (2.93, 0.319),
    StandardAir.MIDLATITUDE_WINTER: (0.853, 0.395),
    StandardAir.SUBARCTIC_SUMMER: (2.10, 0.480),
    StandardAir.SUBARCTIC_WINTER: (0.419, 0.480),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """Aerosol and gases between ground and sensor.

    Attributes:
        water_g_cm2: water vapour over sea level; 6S takes off what lies under the ground's height.
        ozone_cm_atm: ozone.
        optical_depth_550: of the aerosol at 550 nm, over the ground. It decides most; the default
            is that of clear mountain air.
        aerosol: the mixture.
    """

    water_g_cm2: float
    ozone_cm_atm: float
    optical_depth_550: float = 0.15
    aerosol: Aerosol = Aerosol.CONTINENTAL

    def __post_init__(self) -> None:
        limits = {
            "water vapour in g/cm2": (self.water_g_cm2, 10.0),
            "ozone in cm-atm": (self.ozone_cm_atm, 1.0),
            "aerosol optical depth at 550 nm": (self.optical_depth_550, 3.0),
        }
        for name, (value, most) in limits.items():
            if not (math.isfinite(value) and 0 <= value <= most):
                raise InputError(f"{name} is 0 to {most:g}; got {value}")

    @classmethod
    def standard(
        cls,
        kind: StandardAir,
        *,
        optical_depth_550: float = 0.15,
        aerosol: Aerosol = Aerosol.CONTINENTAL,
    ) -> "Air":
        """Return the gases of a standard atmosphere."""
        water, ozone = _COLUMNS[kind]
        return cls(
            water_g_cm2=water,
            ozone_cm_atm=ozone,
            optical_depth_550=optical_depth_550,
            aerosol=aerosol,
        )


def standard_air(lat_deg: float, month: int) -> StandardAir:
    """Choose a standard atmosphere by latitude and season.

    Tropical within 23.5 degrees of the equator, subarctic from 55 degrees; summer is April to
    September in the north and the other half of the year in the south.

    Raises:
        InputError: the latitude or month is none.
    """
    if not (-90 <= lat_deg <= 90 and 1 <= month <= 12):
        raise InputError(f"latitude is -90 to 90 and month 1 to 12; got {lat_deg}, {month}")
    if abs(lat_deg) <= _TROPICS_DEG:
        return StandardAir.TROPICAL
    summer = (4 <= month <= 9) == (lat_deg > 0)
    if abs(lat_deg) < _SUBARCTIC_DEG:
        return StandardAir.MIDLATITUDE_SUMMER if summer else StandardAir.MIDLATITUDE_WINTER
    return StandardAir.SUBARCTIC_SUMMER if summer else StandardAir.SUBARCTIC_WINTER
