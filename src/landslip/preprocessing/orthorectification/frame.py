"""Between a grid's pixels and longitude and latitude."""

from dataclasses import dataclass, field

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.enums import TransformDirection

from landslip.core.crs import horizontal_crs
from landslip.core.grid import Grid, map_points

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """A grid in a coordinate system, tied to longitude and latitude on WGS 84."""

    grid: Grid
    _from_lonlat: pyproj.Transformer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.grid.crs is None:
            raise ValueError("a grid without a coordinate system lies nowhere")
        flat = horizontal_crs(self.grid.crs)
        transformer = pyproj.Transformer.from_crs(4326, flat, always_xy=True)
        object.__setattr__(self, "_from_lonlat", transformer)

    def lonlat_of(self, points: Points) -> Points:
        """Return longitudes and latitudes (n, 2) of pixel coordinates (n, 2)."""
        x, y = map_points(self.grid.transform, points).T
        return np.column_stack(
            self._from_lonlat.transform(x, y, direction=TransformDirection.INVERSE)
        )

    def pixels_of(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2) of longitudes and latitudes (n, 2)."""
        x, y = self._from_lonlat.transform(lonlat_deg[:, 0], lonlat_deg[:, 1])
        return map_points(~self.grid.transform, np.column_stack([x, y]))

    def map_of(self, lonlat_deg: Points) -> Points:
        """Return map coordinates (n, 2) of longitudes and latitudes (n, 2)."""
        return np.column_stack(self._from_lonlat.transform(lonlat_deg[:, 0], lonlat_deg[:, 1]))
