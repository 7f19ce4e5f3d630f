"""What the heights of an elevation model are counted from, and how they become ellipsoidal."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.transformer import TransformerGroup

from landslip.core.errors import InputError
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.orthorectification.elevation import Elevation

_GEOIDS = {"egm96": 5773, "egm2008": 3855}
_FARTHEST_M = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightReference:
    """What heights are counted from.

    Attributes:
        geoid: ``egm96`` or ``egm2008``, where its grid is installed for PROJ.
        file: raster of geoid heights over the ellipsoid in metres.
        offset_m: geoid height over the ellipsoid, one number for the scene.
        is_assumed: whether nobody said that heights are ellipsoidal.
    """

    geoid: str | None = None
    file: Path | None = None
    offset_m: float = 0.0
    is_assumed: bool = False

    @classmethod
    def parse(cls, text: str | None) -> "HeightReference | None":
        """Read ``ellipsoid``, ``egm96``, ``egm2008``, a number of metres, or a file's name.

        Raises:
            InputError: it is none of these.
        """
        if text is None:
            return None
        word = text.strip().lower()
        if word == "ellipsoid":
            return cls()
        if word in _GEOIDS:
            return cls(geoid=word)
        if Path(text).exists():
            return cls(file=Path(text))
        try:
            offset_m = float(word)
        except ValueError:
            raise InputError(
                "--dem-heights is ellipsoid, egm96, egm2008, metres of the geoid over the "
                f"ellipsoid, or a raster of them; got {text!r}, and no such file is there"
            ) from None
        if not abs(offset_m) <= _FARTHEST_M:
            raise InputError(
                f"a geoid lies within {_FARTHEST_M:.0f} m of the ellipsoid; --dem-heights says "
                f"{offset_m} m"
            )
        return cls(offset_m=offset_m)

    @classmethod
    def of_file(cls, heights: ElevationRaster) -> "HeightReference":
        """Read it from the file's vertical coordinate system, else assume ellipsoidal heights."""
        by_epsg = {code: name for name, code in _GEOIDS.items()}
        code = heights.vertical_epsg
        if code is None:
            return cls(is_assumed=True)
        if code not in by_epsg:
            raise InputError(
                f"{heights.path}: its heights are in the vertical system EPSG:{code}, which is not "
                "known here; say with --dem-heights what they are counted from"
            )
        return cls(geoid=by_epsg[code])

    def undulation_m(self, lonlat_deg: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how high the zero of the heights lies over the ellipsoid, (n,) metres.

        Raises:
            InputError: the geoid's grid is not installed, or a file does not cover the points.
        """
        if self.geoid is not None:
            return _by_proj(self.geoid, lonlat_deg)
        if self.file is not None:
            return _by_file(self.file, lonlat_deg)
        return np.full(len(lonlat_deg), self.offset_m)

    def __str__(self) -> str:
        if self.geoid is not None:
            return self.geoid
        if self.file is not None:
            return f"geoid of {self.file.name}"
        if self.offset_m:
            return f"{self.offset_m:+g} m over the ellipsoid"
        return "ellipsoid (assumed)" if self.is_assumed else "ellipsoid"


def _by_proj(geoid: str, lonlat_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    source = pyproj.CRS.from_user_input(f"EPSG:4326+{_GEOIDS[geoid]}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the missing grid: it is told below
        group = TransformerGroup(source, "EPSG:4979", always_xy=True)
    if group.transformers and group.best_available:
        zero = np.zeros(len(lonlat_deg))
        heights = group.transformers[0].transform(lonlat_deg[:, 0], lonlat_deg[:, 1], zero)[2]
        found: NDArray[np.float64] = np.asarray(heights, dtype=np.float64)
        if np.all(np.isfinite(found)) and np.any(found != 0):
            return found
    raise InputError(
        f"--dem-heights {geoid} needs the grid of that geoid, which PROJ does not have here; give "
        "a raster of geoid heights (--dem-heights FILE), or the geoid's height over the ellipsoid "
        "at the scene in metres (e.g. --dem-heights -41.5)"
    )


def _by_file(path: Path, lonlat_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    with ElevationRaster(path) as file:
        values = file.read(file.grid.window)
        geoid = Elevation(height_m=values, known=np.isfinite(values), grid=file.grid)
    if not np.all(geoid.covers(lonlat_deg)):
        raise InputError(
            f"{path}: a geoid covers the whole scene and this one does not; its heights are needed "
            f"at longitude {lonlat_deg[:, 0].min():.3f} to {lonlat_deg[:, 0].max():.3f}, latitude "
            f"{lonlat_deg[:, 1].min():.3f} to {lonlat_deg[:, 1].max():.3f}"
        )
    found = geoid.at(lonlat_deg)
    if not np.all(np.abs(found) <= _FARTHEST_M):
        raise InputError(
            f"{path}: a geoid lies within {_FARTHEST_M:.0f} m of the ellipsoid; this file says "
            f"{found.min():.1f} to {found.max():.1f} m at the scene"
        )
    return found
