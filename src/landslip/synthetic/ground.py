"""The known ground: what it reflects in the day's light, and how high it is."""

from dataclasses import dataclass

import cv2
import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points

Field = NDArray[np.float32]
Points = NDArray[np.float64]
GROUND_BANDS = ("blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A reflectance map over a height map.

    Attributes:
        reflectance: (4: blue, green, red, nir, height, width) float32, lit by the sun of the day.
        height_m: (height, width) float32 over the ellipsoid, bilinear between pixel centres.
        grid: of the reflectance, in a projected coordinate system.
        height_grid: of the heights, in the same one; None where it is ``grid``.
        mirrored: whether the ground goes on as its mirror image; else there is none beyond.
    """

    reflectance: Field
    height_m: Field
    grid: Grid
    height_grid: Grid | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.reflectance.shape != (len(GROUND_BANDS), *self.grid.shape):
            raise InputError(
                f"a ground has {len(GROUND_BANDS)} bands on its grid of {self.grid.shape}; "
                f"got {self.reflectance.shape}"
            )
        if self.height_m.shape != self._heights.shape or self._heights.crs != self.grid.crs:
            raise InputError(
                "a ground's heights lie on a grid of its own coordinate system; got "
                f"{self.height_m.shape} on {self._heights.shape}, {self._heights.crs}"
            )
        if self.grid.crs is None or not self.grid.crs.is_projected:
            raise InputError(f"a ground lies in projected coordinates; got {self.grid.crs}")

    @property
    def _heights(self) -> Grid:
        return self.height_grid or self.grid

    @property
    def pixel_m(self) -> float:
        """Side of a pixel of the reflectance."""
        return float(np.sqrt(abs(self.grid.transform.determinant)))

    @property
    def height_pixel_m(self) -> float:
        """Side of a pixel of the heights."""
        return float(np.sqrt(abs(self._heights.transform.determinant)))

    @property
    def height_range_m(self) -> tuple[float, float]:
        """Lowest and highest ground."""
        return float(self.height_m.min()), float(self.height_m.max())

    @property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        rows, cols = self.grid.shape
        lon, lat = self.lonlat(np.array([[cols / 2, rows / 2]]))[0].tolist()
        return lon, lat

    def lonlat(self, points: Points) -> Points:
        """Return longitude and latitude (n, 2) of pixel coordinates (n, 2: col, row)."""
        transformer = pyproj.Transformer.from_crs(self.crs, 4326, always_xy=True)
        return np.column_stack(transformer.transform(*map_points(self.grid.transform, points).T))

    def pixels(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2: col, row) of longitudes and latitudes (n, 2)."""
        transformer = pyproj.Transformer.from_crs(4326, self.crs, always_xy=True)
        return map_points(
            ~self.grid.transform, np.column_stack(transformer.transform(*lonlat_deg.T))
        )

    def heights_at(self, col: Field, row: Field) -> Field:
        """Return heights in metres at pixel coordinates of the reflectance, all (height, width)."""
        to_heights: Affine = ~self._heights.transform @ self.grid.transform
        a, b, c, d, e, f = (np.float32(value) for value in to_heights[:6])
        half = np.float32(0.5)
        x, y = a * col + (c - half), e * row + (f - half)
        if b or d:
            x, y = x + b * row, y + d * col
        border = cv2.BORDER_REFLECT if self.mirrored else cv2.BORDER_REPLICATE
        heights = cv2.remap(self.height_m, x, y, cv2.INTER_LINEAR, borderMode=border)
        return heights.astype(np.float32, copy=False)

    def has(self, col: Field, row: Field) -> NDArray[np.bool_]:
        """Return whether there is ground at pixel coordinates (height, width)."""
        if self.mirrored:
            return np.ones(col.shape, dtype=np.bool_)
        rows, cols = self.grid.shape
        inside: NDArray[np.bool_] = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
        return inside

    @property
    def crs(self) -> pyproj.CRS:
        """The coordinate system that the ground lies in."""
        if self.grid.crs is None:
            raise InputError("a ground lies in projected coordinates; got none")
        return pyproj.CRS.from_user_input(self.grid.crs.to_wkt())
