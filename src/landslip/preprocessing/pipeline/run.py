"""What is asked of preprocessing."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from rasterio.crs import CRS

from landslip import __version__
from landslip.core.bands import Bands
from landslip.core.choices import AtmosphericCorrection, CloudHandling, PansharpeningMethod
from landslip.core.errors import InputError, LandslipError, OutputExistsError
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.core.rpc import ImageCorrection
from landslip.io.raster.opening import bounded_cache
from landslip.io.raster.readers import SensorImage
from landslip.io.visualization import rgb_composite
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
    own_resolution_m,
    parse_crs,
    plan_grid,
)
from landslip.preprocessing.orthorectification.views import CameraImage
from landslip.preprocessing.pipeline.image_pair import (
    FittedPansharpening,
    OpenImages,
    coregister,
    count_histograms,
    fit_pansharpening,
    open_images,
)
from landslip.preprocessing.pipeline.radiometric_correction import derive_radiometric_correction
from landslip.preprocessing.pipeline.scene import (
    SceneCounts,
    SceneInputs,
    detect_clouds,
    write_cloud_mask,
    write_reflectance_scene,
)
from landslip.preprocessing.product.files import find_products
from landslip.preprocessing.product.product import MSS_BANDS, Product, open_product


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRequest:
    """How clouds are found and what becomes of them.

    Attributes:
        weights: folder of OmniCloudMask's weights; None takes the bright-and-white test.
        fate: whether they become nodata, or a mask beside the scene.
    """

    weights: Path | None = None
    fate: CloudHandling = CloudHandling.NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessRequest:
    """How products become scenes.

    Attributes:
        dem: the elevation model.
        atmosphere: what is done about the air.
        optical_depth: of the aerosol at 550 nm; 6S asks for it.
        calibration: ``nearest``, ``table``, a YAML file, or None.
        fusion: how the detail of the panchromatic band comes in.
        registers: whether the multispectral image is matched with the panchromatic one.
        reference: a scene that the cameras are corrected by.
        clouds: how clouds are found; None does not look for them.
        resolution_m: side of a pixel.
        crs: of the map; None takes ``common_crs``.
        common_crs: that of the first product, which the others follow; None takes the UTM zone.
        overwrite: whether what an earlier run wrote may be replaced.
    """

    dem: DemRequest
    atmosphere: AtmosphericCorrection = AtmosphericCorrection.TOA
    optical_depth: float = 0.15
    calibration: str | Path | None = None
    fusion: PansharpeningMethod = PansharpeningMethod.BROVEY
    registers: bool = True
    reference: RefinementRequest | None = None
    clouds: CloudRequest | None = None
    resolution_m: float = 2.0
    crs: CRS | None = None
    common_crs: CRS | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0.5 <= self.resolution_m <= 30:
            raise InputError(
                f"a scene has pixels of 0.5 to 30 m; got --resolution {self.resolution_m}"
            )

    @property
    def map_crs(self) -> CRS | None:
        """The map's coordinate system, as far as it is known before the product is opened."""
        return self.crs or self.common_crs

    def as_dict(self) -> dict[str, Any]:
        """Return what is asked for a JSON file, without what other products add to it."""
        return {
            "landslip": __version__,
            "dem": _file_identity(self.dem.path),
            "dem_heights": None if self.dem.heights is None else str(self.dem.heights),
            "dem_gaps": self.dem.gaps.value,
            "clip_to_dem": self.dem.clip,
            "atmosphere": self.atmosphere.value,
            "optical_depth": self.optical_depth,
            "calibration": None if self.calibration is None else str(self.calibration),
            "fusion": self.fusion.value,
            "registers": self.registers,
            "reference": None if self.reference is None else _file_identity(self.reference.path),
            "reference_model": None if self.reference is None else self.reference.model.value,
            "clouds": None if self.clouds is None else str(self.clouds.weights or "bright"),
            "cloud_fate": None if self.clouds is None else self.clouds.fate.value,
            "resolution_m": self.resolution_m,
            "crs": None if self.crs is None else str(self.crs),
        }


def _file_identity(path: Path) -> dict[str, Any]:
    """Return what tells a file from another of the same name."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return {"name": path.name, "bytes": path.stat().st_size}


class StepTimer:
    """Tells of each step as it begins, and keeps how long it took."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Start with no step."""
        self._tell = tell
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a step; steps inside others count in both."""
        started = time.monotonic()
        self._tell(f"{name} ...")
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)


_QUICKLOOK_PX = 1400


def write_quicklook(scene: Path, path: Path) -> None:
    """Write a PNG of a scene in natural colours, from its overviews."""
    with SensorImage(scene) as image:
        stored = image.read_small(_QUICKLOOK_PX)
        valid = image.holds(stored)
    Image.fromarray(rgb_composite(stored, valid, Bands(MSS_BANDS))).save(path)


QUALITY, QUICKLOOK, CLOUDS = "quality.json", "quicklook.png", "clouds.tif"
_CACHE_MB = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressCallbacks:
    """Who is told of the work.

    Attributes:
        tell: called with a line for each step.
        progress: called while the scene is written.
    """

    tell: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessResult:
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
class _Preparation:
    """All that is found out before the scene is written."""

    product: Product
    dem: DemReport
    making: SceneInputs
    detail: FittedPansharpening
    reference: Refinement | None
    registration: Refinement | None
    warnings: tuple[str, ...]


def preprocess(
    source: Path, out: Path, request: PreprocessRequest, watch: ProgressCallbacks | None = None
) -> PreprocessResult:
    """Make a scene of a product, in a folder of the product's name in ``out``.

    Nothing stands there before all is done. A product that an earlier run has finished with the
    same request is not done again.

    Raises:
        InputError: product, elevation model or reference do not fit.
        OutputExistsError: the folder is there from another request, or on another map, or not ours.
        MissingDependencyError: 6S or OmniCloudMask is asked for and not installed.
    """
    watch = watch or ProgressCallbacks()
    facts = {"source": _identity(source), "request": request.as_dict()}
    done = None if request.overwrite else _finished(out, facts)
    if done is not None:
        _require_common_crs(done, request)
        return done
    steps = StepTimer(watch.tell)
    with bounded_cache(_CACHE_MB), steps.timed("product"), open_product(source) as product:
        folder = out / product.name
        with atomic_directory(folder, overwrite=request.overwrite) as stage:
            with open_images(product) as sources:
                ready = _prepare(product, sources, request, steps)
                with steps.timed("scene"):
                    scene = stage / f"{product.name}.tif"
                    counts = write_reflectance_scene(ready.making, scene, watch.progress)
            if ready.making.clouds is not None and ready.making.cloud_fate is CloudHandling.MASK:
                write_cloud_mask(ready.making.clouds, ready.making.ground.grid, stage / CLOUDS)
            with steps.timed("quick-look"):
                write_quicklook(scene, stage / QUICKLOOK)
            quality = facts | _quality(ready, counts) | {"seconds": steps.seconds}
            if not (stage / CLOUDS).exists():
                (folder / CLOUDS).unlink(missing_ok=True)  # of an earlier run, of other clouds
            (stage / QUALITY).write_text(json.dumps(quality, indent=2, allow_nan=False) + "\n")
    return PreprocessResult(folder=folder, quality=quality, is_new=True)


def _prepare(
    product: Product, sources: OpenImages, request: PreprocessRequest, steps: StepTimer
) -> _Preparation:
    with steps.timed("radiometry"):
        histograms = count_histograms(sources)
    with steps.timed("elevation"):
        cameras = [(one.rpc, one.image.shape) for one in (sources.ms, sources.pan)]
        elevation, dem = load_dem(request.dem, cameras)
    with steps.timed("light"):
        altitude_m = math.fsum(elevation.range_m) / 2
        light = derive_radiometric_correction(
            product,
            histograms,
            altitude_m,
            atmosphere=request.atmosphere,
            optical_depth=request.optical_depth,
            calibration=request.calibration,
        )
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
        detail = fit_pansharpening(sources, light, coarse, ratio, request.fusion)
    clouds = None
    if request.clouds is not None:
        with steps.timed("clouds"):
            clouds = detect_clouds(sources, light, ground, ratio, request.clouds.weights)
    making = SceneInputs(
        ground=ground,
        sources=sources,
        light=light,
        fusion=detail.fusion,
        clouds=clouds,
        cloud_fate=CloudHandling.NODATA if request.clouds is None else request.clouds.fate,
    )
    return _Preparation(
        product=product,
        dem=dem,
        making=making,
        detail=detail,
        reference=reference,
        registration=registration,
        warnings=dem.warnings + light.warnings,
    )


def _refined(
    sources: OpenImages, elevation: Elevation, request: PreprocessRequest, steps: StepTimer
) -> tuple[OpenImages, Refinement | None]:
    """Correct both cameras by a reference scene; it is matched with the panchromatic image."""
    if request.reference is None:
        return sources, None
    with steps.timed("reference"):
        ground = _ground(sources.pan, elevation, request)
        found = refine_camera(sources.pan, ground, request.reference)
    times = sources.pan.image.shape[0] / sources.ms.image.shape[0]
    a, b, c, d, e, f = found.correction.coefficients
    smaller = ImageCorrection(coefficients=(a, b, c / times, d, e, f / times))
    corrected = OpenImages(
        ms=sources.ms.corrected(smaller), pan=sources.pan.corrected(found.correction)
    )
    return corrected, found


def _ground(pan: CameraImage, elevation: Elevation, request: PreprocessRequest) -> GroundGrid:
    asked = GridRequest(
        resolution_m=request.resolution_m, crs=request.map_crs, clip=request.dem.clip
    )
    outline = image_outline(pan.rpc, pan.image.shape, elevation)
    return GroundGrid(plan_grid(asked, outline, elevation), elevation)


def _ratio(ms: CameraImage, elevation: Elevation, request: PreprocessRequest) -> int:
    """Return how many of the scene's pixels go into a multispectral one, along an axis."""
    own_m = own_resolution_m(ms.rpc, ms.image.shape, elevation)
    return max(1, round(own_m / request.resolution_m))


def _quality(ready: _Preparation, counts: SceneCounts) -> dict[str, Any]:
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


def _finished(out: Path, facts: dict[str, Any]) -> PreprocessResult | None:
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
        found = PreprocessResult(folder=path.parent, quality=quality, is_new=False)
        if found.scene.is_file():
            return found
    return None


def _require_common_crs(done: PreprocessResult, request: PreprocessRequest) -> None:
    """Refuse a finished scene that cannot lie upon those of the products before it."""
    found = done.quality["grid"]["crs"]
    if request.map_crs is not None and found != str(request.map_crs):
        raise OutputExistsError(
            f"{done.folder}: this scene was made in {found} and the scenes before it lie in "
            f"{request.map_crs}; choose one for all with --crs, and another --out or --overwrite"
        )


def preprocess_all(
    patterns: Sequence[str],
    out: Path,
    request: PreprocessRequest,
    watch: Callable[[Path], ProgressCallbacks],
    done: Callable[[PreprocessResult], None],
) -> None:
    """Make scenes of all products that files, folders and patterns name.

    Where no coordinate system is asked for, all take that of the first, so that they stack. A
    product that fails does not keep the others from being made.

    Args:
        patterns: what the user named.
        out: folder of the scenes' folders.
        request: what is asked for.
        watch: gives who is told of a product's progress.
        done: told of each scene.

    Raises:
        LandslipError: some failed; the message says which, and why.
    """
    failures = []
    for path in find_products(patterns):
        try:
            outcome = preprocess(path, out, request, watch(path))
        except LandslipError as error:
            failures.append(error)
            continue
        done(outcome)
        if request.map_crs is None:
            request = replace(request, common_crs=parse_crs(outcome.quality["grid"]["crs"]))
    if len(failures) == 1:
        raise failures[0]
    if failures:
        lines = "\n".join(f"  {failure}" for failure in failures)
        raise LandslipError(f"{len(failures)} products could not be processed:\n{lines}")
