"""Elevation models as users have them, made ready for a scene: ellipsoidal and without gaps."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from landslip.core.choices import DemGapHandling
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster.readers import HIGHEST_M, LOWEST_M, ElevationRaster, fill_gaps
from landslip.preprocessing.orthorectification.elevation import Elevation
from landslip.preprocessing.orthorectification.frame import Frame
from landslip.preprocessing.orthorectification.height_reference import HeightReference
from landslip.preprocessing.orthorectification.lattice import Lattice
from landslip.preprocessing.orthorectification.outline import Outline, image_outline

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
    frame = Frame(file.grid)
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
    lattice = Lattice.over(grid.shape, _GEOID_STEP_PX)
    return lattice.spread(reference.undulation_m(Frame(grid).lonlat_of(lattice.points)))


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
