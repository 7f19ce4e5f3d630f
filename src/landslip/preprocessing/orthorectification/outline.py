"""Where the edge of a sensor image lies on the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.rpc import RPC
from landslip.preprocessing.orthorectification.elevation import Elevation

Points = NDArray[np.float64]
_EDGE_POINTS = 41
_ROUNDS = 40
_CLOSE_ENOUGH_M = 0.01


@dataclass(frozen=True, slots=True)
class Ring:
    """Points (n, 2) along an image's edge, in pixel coordinates."""

    points: Points

    def on_level(self, rpc: RPC, height_m: float) -> Points:
        """Return the longitudes and latitudes (n, 2) of the ring on ground of one height.

        Raises:
            InputError: the camera model cannot be inverted there.
        """
        lonlat = rpc.locate(self.points, np.full(len(self.points), height_m))
        if not np.all(np.isfinite(lonlat)):
            raise InputError(
                f"the RPC cannot be inverted at the image's edge at a height of {height_m:.0f} m; "
                "it does not belong to an image of this size"
            )
        return lonlat


@dataclass(frozen=True, slots=True)
class Outline:
    """Longitudes and latitudes (n, 2) along an image's edge, on the ground."""

    lonlat_deg: Points

    @staticmethod
    def ring(shape: tuple[int, int]) -> Ring:
        """Return points along the edge of an image of a shape (height, width)."""
        height, width = shape
        along = np.linspace(0, 1, _EDGE_POINTS)[:-1]
        zero, one = np.zeros_like(along), np.ones_like(along)
        cols = np.concatenate([along, one, 1 - along, zero]) * width
        rows = np.concatenate([zero, along, one, 1 - along]) * height
        return Ring(np.column_stack([cols, rows]))


def image_outline(rpc: RPC, shape: tuple[int, int], elevation: Elevation) -> Outline:
    """Return where an image's edge meets the ground.

    Beyond the elevation model its edge's heights hold. Where the ground is so steep that rays meet
    it twice, one of the two places is returned.
    """
    return Outline(on_ground(rpc, Outline.ring(shape).points, elevation))


def on_ground(rpc: RPC, points: Points, elevation: Elevation) -> Points:
    """Return the longitudes and latitudes (n, 2) where the rays of image points meet the ground."""
    height_m = np.full(len(points), float(np.median(elevation.height_m)))
    lonlat = Ring(points).on_level(rpc, float(height_m[0]))
    for turn in range(_ROUNDS):
        found = elevation.at(lonlat)
        if np.abs(found - height_m).max() < _CLOSE_ENOUGH_M:
            break
        # damped after a few turns: on steep ground the plain iteration swings
        height_m = found if turn < 8 else (height_m + found) / 2
        lonlat = rpc.locate(points, height_m)
    return lonlat
