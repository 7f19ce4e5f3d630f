"""The satellite's way: a circular orbit over a turning earth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError

Vectors = NDArray[np.float64]
_EARTH_RADIUS_M = 6_371_000.0
_GRAVITY_M3_S2 = 3.986004418e14
EARTH_TURN_RAD_S = 7.2921150e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """A circular, descending orbit, by default the sun-synchronous one of Gaofen-1.

    Attributes:
        lon_deg, lat_deg: geocentric direction in which the satellite stands at time 0.
        altitude_m: over a sphere of 6371 km.
        inclination_deg: of the orbit's plane against the equator.
    """

    lon_deg: float
    lat_deg: float
    altitude_m: float = 645_000.0
    inclination_deg: float = 98.06

    def __post_init__(self) -> None:
        highest = min(self.inclination_deg, 180 - self.inclination_deg)
        if abs(self.lat_deg) >= highest:
            raise InputError(
                f"an orbit inclined by {self.inclination_deg} degrees comes to latitudes under "
                f"{highest} degrees; got {self.lat_deg}"
            )

    @property
    def radius_m(self) -> float:
        """Distance from the earth's centre."""
        return _EARTH_RADIUS_M + self.altitude_m

    @property
    def turn_rad_s(self) -> float:
        """How fast the satellite goes round, by Kepler's third law."""
        return float(np.sqrt(_GRAVITY_M3_S2 / self.radius_m**3))

    @property
    def ground_speed_m_s(self) -> float:
        """How fast the point below runs over the turning earth, taken as a sphere."""
        up, ahead = self._start()
        turn = np.cross([0, 0, EARTH_TURN_RAD_S], up)
        return float(np.linalg.norm(self.turn_rad_s * ahead - turn)) * _EARTH_RADIUS_M

    def frames(self, time_s: NDArray[np.float64]) -> tuple[Vectors, Vectors]:
        """Return where the satellite is (n, 3) and its axes (n, 3, 3), turning with the earth.

        The axes are the rows: ahead, to the right of the flight, down to the earth's centre.

        Args:
            time_s: (n,) seconds from time 0.
        """
        up, ahead = self._start()
        angle = self.turn_rad_s * np.asarray(time_s, dtype=np.float64)[:, np.newaxis]
        outwards = up * np.cos(angle) + ahead * np.sin(angle)
        forward = ahead * np.cos(angle) - up * np.sin(angle)
        right = np.cross(-outwards, forward)
        turned = _turned_with_earth(np.stack([forward, right, -outwards], axis=1), time_s)
        return -turned[:, 2] * self.radius_m, turned

    def _start(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the unit vectors outwards and ahead at time 0."""
        lon, lat = np.radians([self.lon_deg, self.lat_deg])
        east_part = np.cos(np.radians(self.inclination_deg)) / np.cos(lat)
        north_part = -np.sqrt(1 - east_part**2)
        east = np.array([-np.sin(lon), np.cos(lon), 0])
        north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
        up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        return up, east_part * east + north_part * north


def _turned_with_earth(vectors: Vectors, time_s: NDArray[np.float64]) -> Vectors:
    """Return vectors (n, k, 3) of space at each time (n,) as the turning earth has them."""
    angle = -EARTH_TURN_RAD_S * np.asarray(time_s, dtype=np.float64)[:, np.newaxis]
    x, y, z = np.moveaxis(vectors, -1, 0)
    turned: Vectors = np.stack(
        [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z], axis=-1
    )
    return turned
