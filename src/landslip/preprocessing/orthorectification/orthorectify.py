"""Orthorectifies an image with a camera model onto a map."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rasterio.crs import CRS

from landslip import __version__
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.grid import Grid
from landslip.core.messages import sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster import bounded_cache
from landslip.io.raster.output import OutputBand, to_dtype
from landslip.io.raster.pyramid import WindowOutput, write_map
from landslip.io.raster.readers import SensorImage
from landslip.io.raster.validity import dtype_holds, output_nodata
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
    image_outline,
    map_datum_notes,
    own_resolution_m,
    plan_grid,
)
from landslip.preprocessing.orthorectification.views import CameraImage

_CACHE_MB = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthoRequest:
    """An image with RPCs in its tags or beside it, and the GeoTIFF that it becomes.

    The resolution defaults to the image's own, to two digits, and the projection to the UTM zone;
    ``nodata`` overrides what the file says, and a reference scene corrects the camera model.
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
    """How an image was orthorectified.

    ``interpolation_error_px`` is the largest error of the interpolated camera at probes, and
    ``valid_share`` the fraction of the map's pixels that hold data.
    """

    grid: Grid
    dem: DemReport
    refinement: Refinement | None
    interpolation_error_px: float
    valid_share: float
    warnings: tuple[str, ...] = ()

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
            "warnings": list(self.warnings),
        }


def orthorectify(request: OrthoRequest, *, progress: Progress = no_progress) -> OrthoReport:
    """Write an image as a Cloud-Optimized GeoTIFF on the map, its data type kept.

    Raises:
        InputError: the image has no RPCs, the elevation model does not fit, the reference cannot
            be matched, or no pixel of the map would have data.
        OutputExistsError: ``out`` exists and may not be replaced.
    """
    refuse_existing_file(request.out, overwrite=request.overwrite)
    with bounded_cache(_CACHE_MB), SensorImage(request.image, request.nodata) as image:
        if image.rpc is None:
            raise InputError(
                f"{image.path}: orthorectification needs RPCs in the file's tags or beside it "
                "(NAME.RPB, NAME_RPC.TXT); none were found"
            )
        elevation, dem = load_dem(request.dem, [(image.rpc, image.shape)])
        source, refinement = CameraImage(image, image.rpc), None
        ground = _plan_ground(request, source.rpc, image.shape, elevation)
        dem = replace(dem, warnings=(*dem.warnings, *map_datum_notes(ground.grid)))
        if request.reference is not None:
            refinement = refine_camera(source, ground, request.reference)
            source = source.corrected(refinement.correction)
            # the image's edge has moved with its camera
            ground = _plan_ground(request, source.rpc, image.shape, elevation)
        if request.nodata is not None and not dtype_holds(image.dtype, request.nodata):
            raise InputError(
                f"{image.path}: nodata is a number that {image.dtype} holds; got "
                f"{request.nodata:g}; state another one with {argument('nodata')}"
            )
        nodata = output_nodata(image.dtype, image.nodata)
        layers = tuple(
            OutputBand(
                description=name or f"band_{number}",
                dtype=image.dtype,
                nodata=nodata,
                scale=scale,
                offset=offset,
                units=units,
            )
            for number, (name, scale, offset, units) in enumerate(
                zip(image.descriptions, image.scales, image.offsets, image.units, strict=True),
                start=1,
            )
        )

        def make(window: Window) -> WindowOutput[tuple[float, int]]:
            below = ground.window(window)
            coordinates = below.project(source.rpc)
            values, valid = source.resample_cubic(coordinates)
            valid &= below.known
            stored = to_dtype(values, valid, image.dtype, nodata) if valid.any() else None
            return WindowOutput(stored, (coordinates.error_px, int(valid.sum())))

        with atomic_file(request.out, overwrite=request.overwrite) as path:
            errors, counts = zip(*write_map(path, ground.grid, layers, make, progress), strict=True)
            if not any(counts):
                raise InputError(
                    f"{image.path}: no pixel of the map has data, and nothing is written; check "
                    f"the image's nodata value ({argument('nodata')}) and that the elevation model "
                    "has heights there"
                )
    return OrthoReport(
        grid=ground.grid,
        dem=dem,
        refinement=refinement,
        interpolation_error_px=max(errors),
        valid_share=sum(counts) / math.prod(ground.grid.shape),
        warnings=(*dem.warnings, *sentences(image.validity.notes)),
    )


def _plan_ground(
    request: OrthoRequest, rpc: RPC, shape: tuple[int, int], elevation: Elevation
) -> GroundGrid:
    resolution_m = request.resolution_m
    if resolution_m is None:
        resolution_m = float(f"{own_resolution_m(rpc, shape, elevation):.2g}")
    grid_request = GridRequest(resolution_m=resolution_m, crs=request.crs, clip=request.dem.clip)
    outline = image_outline(rpc, shape, elevation)
    return GroundGrid(plan_grid(grid_request, outline, elevation), elevation)
