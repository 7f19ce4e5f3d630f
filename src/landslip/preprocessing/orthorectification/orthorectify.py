"""Brings an image with a camera model onto the map."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip import __version__
from landslip.core.errors import InputError
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.grid import Grid
from landslip.core.progress import Progress, no_progress
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster.opening import bounded_cache
from landslip.io.raster.output import OutputBand, WindowOutput, to_dtype, write_map
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.orthorectification.camera_refinement import (
    Refinement,
    RefinementRequest,
    refine_camera,
)
from landslip.preprocessing.orthorectification.dem import DemReport, DemRequest, load_dem
from landslip.preprocessing.orthorectification.elevation import Elevation
from landslip.preprocessing.orthorectification.ground_projection import TOLERANCE_PX, GroundGrid
from landslip.preprocessing.orthorectification.map_grid import (
    GridRequest,
    Outline,
    image_outline,
    on_ground,
    plan_grid,
)
from landslip.preprocessing.orthorectification.views import CameraImage

_CACHE_MB = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthoRequest:
    """What is brought onto the map, and how.

    Attributes:
        image: raster with RPCs in its tags or beside it.
        dem: the elevation model.
        out: GeoTIFF to write.
        resolution_m: side of a pixel; None takes the image's own, to two digits.
        crs: of the map; None chooses the UTM zone.
        nodata: number that marks missing data in the image, over what the file says.
        reference: a scene that the camera model is corrected by; None leaves it as it is.
        overwrite: whether ``out`` may be replaced.
    """

    image: Path
    dem: DemRequest
    out: Path
    resolution_m: float | None = None
    crs: CRS | None = None
    nodata: float | None = None
    reference: RefinementRequest | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthoReport:
    """How an image was brought onto the map.

    Attributes:
        grid: of the map.
        dem: what was found in the elevation model.
        refinement: how the camera was corrected, or None.
        interpolation_error_px: largest error of the interpolated camera at probes.
        valid_share: share of the map's pixels that hold data.
    """

    grid: Grid
    dem: DemReport
    refinement: Refinement | None
    interpolation_error_px: float
    valid_share: float

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            "landslip": __version__,
            "crs": str(self.grid.crs),
            "resolution_m": self.grid.resolution_m,
            "shape": list(self.grid.shape),
            "dem": self.dem.as_dict(),
            "refinement": None if self.refinement is None else self.refinement.as_dict(),
            "interpolation_error_px": self.interpolation_error_px,
            "interpolation_tolerance_px": TOLERANCE_PX,
            "valid_share": self.valid_share,
        }


def orthorectify(request: OrthoRequest, *, progress: Progress = no_progress) -> OrthoReport:
    """Write an image as a Cloud-Optimized GeoTIFF on the map, its data type kept.

    Raises:
        InputError: the image has no RPCs, the elevation model does not fit, or the reference
            cannot be matched.
        OutputExistsError: ``out`` is there already.
    """
    refuse_existing_file(request.out, overwrite=request.overwrite)
    with bounded_cache(_CACHE_MB), SensorImage(request.image, request.nodata) as image:
        rpc = _camera(image)
        elevation, dem = load_dem(request.dem, [(rpc, image.shape)])
        grid = _grid(request, rpc, image.shape, elevation)
        ground, source, refinement = GroundGrid(grid, elevation), CameraImage(image, rpc), None
        if request.reference is not None:
            refinement = refine_camera(source, ground, request.reference)
            source = source.corrected(refinement.correction)
            # the image's edge has moved with its camera
            grid = _grid(request, source.rpc, image.shape, elevation)
            ground = GroundGrid(grid, elevation)
        with atomic_file(request.out, overwrite=request.overwrite) as path:
            error, valid = _write(source, ground, path, progress)
    return OrthoReport(
        grid=grid,
        dem=dem,
        refinement=refinement,
        interpolation_error_px=error,
        valid_share=valid / math.prod(grid.shape),
    )


def own_resolution_m(rpc: RPC, shape: tuple[int, int], elevation: Elevation) -> float:
    """Return the side of a pixel at the image's centre, as a square of its area on the ground."""
    height, width = shape
    step = 50.0
    centre = np.array([width / 2, height / 2])
    points = centre + np.array([[0, 0], [step, 0], [0, step]])
    outline = Outline(on_ground(rpc, points, elevation))
    east, north = _metres(outline).T
    area = (east[1] - east[0]) * (north[2] - north[0]) - (east[2] - east[0]) * (north[1] - north[0])
    return float(math.sqrt(abs(area)) / step)


def _camera(image: SensorImage) -> RPC:
    if image.rpc is None:
        raise InputError(
            f"{image.path}: orthorectification needs RPCs in the file's tags or beside it "
            "(NAME.RPB, NAME_RPC.TXT); none were found"
        )
    return image.rpc


def _grid(request: OrthoRequest, rpc: RPC, shape: tuple[int, int], elevation: Elevation) -> Grid:
    resolution_m = request.resolution_m
    if resolution_m is None:
        resolution_m = float(f"{own_resolution_m(rpc, shape, elevation):.2g}")
    asked = GridRequest(resolution_m=resolution_m, crs=request.crs, clip=request.dem.clip)
    return plan_grid(asked, image_outline(rpc, shape, elevation), elevation)


def _metres(outline: Outline) -> NDArray[np.float64]:
    """Return metres east and north (n, 2) of the first point, on a sphere."""
    lon, lat = np.radians(outline.lonlat_deg).T
    radius_m = 6_371_000.0
    east = (lon - lon[0]) * np.cos(lat[0]) * radius_m
    return np.column_stack([east, (lat - lat[0]) * radius_m])


def _write(
    source: CameraImage, ground: GroundGrid, path: Path, progress: Progress
) -> tuple[float, int]:
    """Write the map; return the camera's largest error in pixels and the number of valid pixels."""
    layers = _layers(source.image)
    dtype, nodata = layers[0].dtype, layers[0].nodata or 0.0

    def make(window: Window) -> WindowOutput[tuple[float, int]]:
        patch = ground.patch(window)
        seen = patch.seen_by(source.rpc)
        values, valid = source.sharp(seen)
        valid &= patch.known
        stored = to_dtype(values, valid, dtype, nodata) if valid.any() else None
        return WindowOutput(stored, (seen.error_px, int(valid.sum())))

    errors, counts = zip(*write_map(path, ground.grid, layers, make, progress), strict=True)
    return max(errors), sum(counts)


def _layers(image: SensorImage) -> tuple[OutputBand, ...]:
    nodata = image.nodata
    if nodata is None:
        nodata = 0.0 if np.issubdtype(np.dtype(image.dtype), np.integer) else math.nan
    elif not _holds(image.dtype, nodata):
        raise InputError(
            f"{image.path}: nodata is a number that {image.dtype} holds; got {nodata:g}; say "
            "another one with --nodata"
        )
    names = [name or f"band_{at}" for at, name in enumerate(image.descriptions, start=1)]
    blank = OutputBand(description="", dtype=image.dtype, nodata=nodata)
    return tuple(replace(blank, description=name) for name in names)


def _holds(dtype: str, value: float) -> bool:
    """Whether a data type has a number."""
    if not np.issubdtype(np.dtype(dtype), np.integer):
        return True
    limits = np.iinfo(dtype)
    return float(value).is_integer() and limits.min <= value <= limits.max
