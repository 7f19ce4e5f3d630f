"""From one product and an elevation model to a reflectance scene."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from landslip.core.choices import CloudHandling
from landslip.core.errors import OutputExistsError
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.core.rpc import ImageCorrection
from landslip.io.raster.opening import bounded_cache
from landslip.preprocessing.orthorectification.camera_refinement import Refinement, refine_camera
from landslip.preprocessing.orthorectification.dem import DemReport, load_dem
from landslip.preprocessing.orthorectification.elevation import Elevation
from landslip.preprocessing.orthorectification.ground_projection import TOLERANCE_PX, GroundGrid
from landslip.preprocessing.orthorectification.map_grid import GridRequest, image_outline, plan_grid
from landslip.preprocessing.orthorectification.orthorectify import own_resolution_m
from landslip.preprocessing.orthorectification.views import CameraImage
from landslip.preprocessing.pipeline.coregister import coregister
from landslip.preprocessing.pipeline.detail import Detail, fit_detail
from landslip.preprocessing.pipeline.light import find_light
from landslip.preprocessing.pipeline.overview import find_cloud_map, write_clouds
from landslip.preprocessing.pipeline.quicklook import write_quicklook
from landslip.preprocessing.pipeline.request import SceneRequest
from landslip.preprocessing.pipeline.scene import Making, SceneCounts, write_scene_of
from landslip.preprocessing.pipeline.sources import Sources, count_values, open_sources
from landslip.preprocessing.pipeline.steps import Steps
from landslip.preprocessing.product.open import Product, open_product

QUALITY, QUICKLOOK, CLOUDS = "quality.json", "quicklook.png", "clouds.tif"
_CACHE_MB = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who is told of the work.

    Attributes:
        tell: called with a line for each step.
        progress: called while the scene is written.
    """

    tell: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished scene.

    Attributes:
        folder: with the scene, `QUALITY` and `QUICKLOOK`.
        quality: what `QUALITY` says.
        is_new: False where an earlier run had made it.
    """

    folder: Path
    quality: dict[str, Any]
    is_new: bool

    @property
    def scene(self) -> Path:
        """The scene's file."""
        return self.folder / f"{self.folder.name}.tif"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """All that is found out before the scene is written."""

    product: Product
    dem: DemReport
    making: Making
    detail: Detail
    reference: Refinement | None
    registration: Refinement | None
    warnings: tuple[str, ...]


def preprocess(
    source: Path, out: Path, request: SceneRequest, watch: Watch | None = None
) -> Outcome:
    """Make a scene of a product, in a folder of the product's name in ``out``.

    Nothing stands there before all is done. A product that an earlier run has finished with the
    same request is not done again.

    Raises:
        InputError: product, elevation model or reference do not fit.
        OutputExistsError: the folder is there from another request, or on another map, or not ours.
        MissingDependencyError: 6S or OmniCloudMask is asked for and not installed.
    """
    watch = watch or Watch()
    facts = {"source": _identity(source), "request": request.as_dict()}
    done = None if request.overwrite else _finished(out, facts)
    if done is not None:
        _require_common_crs(done, request)
        return done
    steps = Steps(watch.tell)
    with bounded_cache(_CACHE_MB), steps.timed("product"), open_product(source) as product:
        folder = out / product.name
        with atomic_directory(folder, overwrite=request.overwrite) as stage:
            with open_sources(product) as sources:
                ready = _prepare(product, sources, request, steps)
                with steps.timed("scene"):
                    scene = stage / f"{product.name}.tif"
                    counts = write_scene_of(ready.making, scene, watch.progress)
            if ready.making.clouds is not None and ready.making.cloud_fate is CloudHandling.MASK:
                write_clouds(ready.making.clouds, ready.making.ground.grid, stage / CLOUDS)
            with steps.timed("quick-look"):
                write_quicklook(scene, stage / QUICKLOOK)
            quality = facts | _quality(ready, counts) | {"seconds": steps.seconds}
            if not (stage / CLOUDS).exists():
                (folder / CLOUDS).unlink(missing_ok=True)  # of an earlier run, of other clouds
            (stage / QUALITY).write_text(json.dumps(quality, indent=2, allow_nan=False) + "\n")
    return Outcome(folder=folder, quality=quality, is_new=True)


def _prepare(product: Product, sources: Sources, request: SceneRequest, steps: Steps) -> _Prepared:
    with steps.timed("radiometry"):
        histograms = count_values(sources)
    with steps.timed("elevation"):
        cameras = [(one.rpc, one.image.shape) for one in (sources.ms, sources.pan)]
        elevation, dem = load_dem(request.dem, cameras)
    with steps.timed("light"):
        altitude_m = math.fsum(elevation.range_m) / 2
        light = find_light(product, request, histograms, altitude_m)
    sources, reference = _refined(sources, elevation, request, steps)
    ground = _ground(sources.pan, elevation, request)
    ratio = _ratio(sources.ms, elevation, request)
    coarse = GroundGrid(ground.grid.coarser(ratio), elevation)
    registration = None
    if request.registers:
        with steps.timed("registration"):
            registration = coregister(sources, coarse, ratio, product.name)
            sources = replace(sources, ms=sources.ms.corrected(registration.correction))
    with steps.timed("fusion"):
        detail = fit_detail(sources, light, coarse, ratio, request.fusion)
    clouds = None
    if request.clouds is not None:
        with steps.timed("clouds"):
            clouds = find_cloud_map(sources, light, ground, ratio, request.clouds)
    making = Making(
        ground=ground,
        sources=sources,
        light=light,
        fusion=detail.fusion,
        clouds=clouds,
        cloud_fate=CloudHandling.NODATA if request.clouds is None else request.clouds.fate,
    )
    return _Prepared(
        product=product,
        dem=dem,
        making=making,
        detail=detail,
        reference=reference,
        registration=registration,
        warnings=dem.warnings + light.warnings,
    )


def _refined(
    sources: Sources, elevation: Elevation, request: SceneRequest, steps: Steps
) -> tuple[Sources, Refinement | None]:
    """Correct both cameras by a reference scene; it is matched with the panchromatic image."""
    if request.reference is None:
        return sources, None
    with steps.timed("reference"):
        ground = _ground(sources.pan, elevation, request)
        found = refine_camera(sources.pan, ground, request.reference)
    times = sources.pan.image.shape[0] / sources.ms.image.shape[0]
    a, b, c, d, e, f = found.correction.coefficients
    smaller = ImageCorrection(coefficients=(a, b, c / times, d, e, f / times))
    corrected = Sources(
        ms=sources.ms.corrected(smaller), pan=sources.pan.corrected(found.correction)
    )
    return corrected, found


def _ground(pan: CameraImage, elevation: Elevation, request: SceneRequest) -> GroundGrid:
    asked = GridRequest(
        resolution_m=request.resolution_m, crs=request.map_crs, clip=request.dem.clip
    )
    outline = image_outline(pan.rpc, pan.image.shape, elevation)
    return GroundGrid(plan_grid(asked, outline, elevation), elevation)


def _ratio(ms: CameraImage, elevation: Elevation, request: SceneRequest) -> int:
    """Return how many of the scene's pixels go into a multispectral one, along an axis."""
    own_m = own_resolution_m(ms.rpc, ms.image.shape, elevation)
    return max(1, round(own_m / request.resolution_m))


def _quality(ready: _Prepared, counts: SceneCounts) -> dict[str, Any]:
    grid = ready.making.ground.grid
    return {
        "product": {
            "name": ready.product.name,
            "camera": ready.product.camera.name,
            "level": ready.product.mss.metadata.level,
        },
        "grid": {
            "crs": str(grid.crs),
            "transform": list(grid.transform)[:6],
            "shape": list(grid.shape),
        },
        "scene": counts.as_dict() | {"interpolation_tolerance_px": TOLERANCE_PX},
        "radiometry": ready.making.light.as_dict(),
        "dem": ready.dem.as_dict(),
        "reference": None if ready.reference is None else ready.reference.as_dict(),
        "registration": None if ready.registration is None else ready.registration.as_dict(),
        "fusion": ready.detail.as_dict(),
        "warnings": list(ready.warnings),
    }


def _identity(source: Path) -> dict[str, Any]:
    """Return what tells a product from another of the same name."""
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*"))
    return {
        "name": source.resolve().name,
        "bytes": sum(path.stat().st_size for path in files if path.is_file()),
    }


def _finished(out: Path, facts: dict[str, Any]) -> Outcome | None:
    """Return the scene that an earlier run made from the same product with the same request."""
    for path in sorted(out.glob(f"*/{QUALITY}")):
        try:
            quality = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if not isinstance(quality, dict) or quality.get("source") != facts["source"]:
            continue
        if quality.get("request") != facts["request"]:
            raise OutputExistsError(
                f"{path.parent}: this product was processed before with other options, and "
                "nothing is overwritten unasked; choose another --out or add --overwrite"
            )
        found = Outcome(folder=path.parent, quality=quality, is_new=False)
        if found.scene.is_file():
            return found
    return None


def _require_common_crs(done: Outcome, request: SceneRequest) -> None:
    """Refuse a finished scene that cannot lie upon those of the products before it."""
    found = done.quality["grid"]["crs"]
    if request.map_crs is not None and found != str(request.map_crs):
        raise OutputExistsError(
            f"{done.folder}: this scene was made in {found} and the scenes before it lie in "
            f"{request.map_crs}; choose one for all with --crs, and another --out or --overwrite"
        )
