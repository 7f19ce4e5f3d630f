"""What the heights of an elevation model are counted from, and how they become ellipsoidal."""

import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.transformer import TransformerGroup
from rasterio.features import rasterize
from scipy import ndimage

from landslip.core.choices import DemGapHandling
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster.readers import HIGHEST_M, LOWEST_M, ElevationRaster, fill_gaps
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.orthorectification.map_grid import Outline, image_outline
from landslip.preprocessing.resampling import NodeLattice

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


_REACH_PX = 100
_ROUNDING = 1e-6
_MARGIN_PX = 4
_GEOID_STEP_PX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DemRequest:
    """An elevation model and how it is read.

    Attributes:
        path: raster of heights, in any coordinate system.
        heights: what they are counted from; None leaves it to the file.
        gaps: what becomes of missing heights.
        clip: whether ground that the model does not cover may be left out.
    """

    path: Path
    heights: HeightReference | None = None
    gaps: DemGapHandling = DemGapHandling.FILL
    clip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DemReport:
    """What was found in an elevation model, over the scene.

    Attributes:
        file: its name.
        heights: what its heights are counted from.
        undulation_m: mean height of that zero over the ellipsoid.
        lowest_m, highest_m: heights over the ellipsoid.
        missing_share: share of heights that were missing.
        filled_share: share of heights that were filled from their surroundings.
        covered_share: share of the images' ground that the model covers.
        warnings: what the user should know.
    """

    file: str
    heights: str
    undulation_m: float
    lowest_m: float
    highest_m: float
    missing_share: float
    filled_share: float
    covered_share: float
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return asdict(self)


def load_dem(
    request: DemRequest, cameras: list[tuple[RPC, tuple[int, int]]]
) -> tuple[Elevation, DemReport]:
    """Read the part of an elevation model that images (camera model and shape) need.

    Raises:
        InputError: it does not cover them, has gaps where none are allowed, or counts its heights
            from a geoid whose grid is not there.
    """
    with ElevationRaster(request.path) as file:
        reference = request.heights or HeightReference.of_file(file)
        window = _needed(file, cameras)
        raw = file.read(window)
        grid = file.grid.at(window)
    known = np.isfinite(raw)
    if not known.any():
        raise InputError(f"{request.path}: the elevation model has no height under the scene")
    filled = fill_gaps(raw, _REACH_PX)
    undulation = _undulation(reference, grid)
    elevation = Elevation(
        height_m=_without_nan(filled) + undulation,
        known=_usable(request.gaps, known, np.isfinite(filled)),
        grid=grid,
    )
    outlines = [image_outline(rpc, shape, elevation) for rpc, shape in cameras]
    covered = _covered(elevation, outlines, np.isfinite(filled))
    if not request.clip:
        _require_cover(request.path, covered, elevation, outlines)
    if request.gaps is DemGapHandling.ERROR and not known.all():
        raise InputError(
            f"{request.path}: {(~known).mean():.2%} of its heights under the scene are missing; "
            "fill them, or let them be filled (--dem-gaps fill) or left out (--dem-gaps nodata)"
        )
    report = DemReport(
        file=request.path.name,
        heights=str(reference),
        undulation_m=float(np.mean(undulation)),
        lowest_m=elevation.range_m[0],
        highest_m=elevation.range_m[1],
        missing_share=float((~known).mean()),
        filled_share=float((~known).mean()) if request.gaps is DemGapHandling.FILL else 0.0,
        covered_share=covered,
    )
    return elevation, replace(report, warnings=_warnings(request, reference, report))


def _needed(file: ElevationRaster, cameras: list[tuple[RPC, tuple[int, int]]]) -> Window:
    """Return the window of the heights that the images may see, whatever the ground's height."""
    frame = GridProjection(file.grid)
    pixels = []
    for rpc, shape in cameras:
        low, high = rpc.height_range_m
        for height_m in (max(low, LOWEST_M), min(high, HIGHEST_M)):
            lonlat = Outline.ring(shape).on_level(rpc, height_m)
            pixels.append(frame.pixels_of(lonlat))
    seen = np.concatenate(pixels)
    low_px = np.floor(seen.min(axis=0)).astype(int) - _MARGIN_PX
    high_px = np.ceil(seen.max(axis=0)).astype(int) + _MARGIN_PX
    asked = Window(int(low_px[0]), int(low_px[1]), *(high_px - low_px).tolist())
    inside = asked.clipped(file.grid.shape)
    if inside is None:
        rpc = cameras[0][0]
        raise InputError(
            f"{file.path}: the elevation model does not reach the scene, which lies around "
            f"longitude {rpc.lon_off:.3f}, latitude {rpc.lat_off:.3f}; choose one that covers it"
        )
    return inside


def _undulation(reference: HeightReference, grid: Grid) -> NDArray[np.float32]:
    """Return the geoid's height (height, width) over the ellipsoid, interpolated from nodes."""
    lattice = NodeLattice.over(grid.shape, _GEOID_STEP_PX)
    return lattice.spread(reference.undulation_m(GridProjection(grid).lonlat_of(lattice.points)))


def _without_nan(heights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return heights with NaN replaced by the nearest height."""
    missing = ~np.isfinite(heights)
    if not missing.any():
        return heights
    nearest = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    whole: NDArray[np.float32] = heights[tuple(nearest)]
    return whole


def _usable(
    gaps: DemGapHandling, known: NDArray[np.bool_], filled: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    return filled if gaps is DemGapHandling.FILL else known


def _covered(elevation: Elevation, outlines: list[Outline], filled: NDArray[np.bool_]) -> float:
    """Return the share of the images' ground over which there is a height or a small gap."""
    height, width = filled.shape
    shares = []
    for outline in outlines:
        scene = shapely.Polygon(elevation.pixels_of(outline.lonlat_deg)).buffer(0)
        inside = scene.intersection(shapely.box(0, 0, width, height))
        held = 1.0
        if not filled.all() and not inside.is_empty:
            under = rasterize([inside], out_shape=filled.shape, dtype="uint8") != 0
            held = float(filled[under].mean()) if under.any() else 1.0
        shares.append(inside.area / scene.area * held if scene.area else 0.0)
    return min(*shares, 1.0)


def _require_cover(
    path: Path, covered: float, elevation: Elevation, outlines: list[Outline]
) -> None:
    if covered > 1 - _ROUNDING:
        return
    lonlat = np.concatenate([outline.lonlat_deg for outline in outlines])
    beyond_m = _distance_outside_m(elevation, lonlat)
    raise InputError(
        f"{path}: the elevation model must cover the whole scene and covers {covered:.1%} of it; "
        f"the scene reaches up to {beyond_m:.0f} m beyond its edge or has gaps wider than "
        f"{_REACH_PX} of its cells. Choose one that covers "
        f"longitude {lonlat[:, 0].min():.4f} to {lonlat[:, 0].max():.4f} and "
        f"latitude {lonlat[:, 1].min():.4f} to {lonlat[:, 1].max():.4f}, or add --clip-to-dem to "
        "leave out what it does not cover"
    )


def _distance_outside_m(elevation: Elevation, lonlat_deg: NDArray[np.float64]) -> float:
    """Return how far the farthest point lies outside the grid, roughly."""
    pixels = elevation.pixels_of(lonlat_deg)
    height, width = elevation.grid.shape
    beyond = np.maximum(np.maximum(-pixels, pixels - [width, height]), 0)
    return float(np.hypot(*beyond.T).max() * (elevation.grid.resolution_m or 0))


def _warnings(
    request: DemRequest, reference: HeightReference, report: DemReport
) -> tuple[str, ...]:
    notes = []
    if reference.is_assumed:
        notes.append(
            f"{request.path}: nothing says what its heights are counted from, and they are taken "
            "as heights over the ellipsoid; Copernicus models count from EGM2008 and SRTM from "
            "EGM96, tens of metres off: say which with --dem-heights"
        )
    if report.filled_share:
        notes.append(
            f"{request.path}: {report.filled_share:.2%} of its heights under the scene are missing "
            "and were filled from their surroundings"
        )
    if report.covered_share < 1 - _ROUNDING:
        notes.append(
            f"{request.path}: {1 - report.covered_share:.0%} of the scene has no height "
            "and is left out"
        )
    return tuple(notes)
