"""Preprocessing of level-1A products to reflectance scenes: one product, or several on one grid."""

import json
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
from landslip.core.choices import (
    AtmosphericCorrection,
    CloudHandling,
    PansharpeningMethod,
    RegistrationMode,
)
from landslip.core.errors import (
    InputError,
    LandslipError,
    OutputExistsError,
    RegistrationError,
    argument,
)
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import keep_freed_memory
from landslip.core.rpc import ImageCorrection
from landslip.core.text import read_json
from landslip.io.raster.opening import bounded_cache
from landslip.io.raster.readers import SensorImage
from landslip.io.visualization import rgb_composite
from landslip.preprocessing.orthorectification.camera_refinement import (
    RefinementRequest,
    refine_camera,
)
from landslip.preprocessing.orthorectification.dem import DemRequest, load_dem
from landslip.preprocessing.orthorectification.elevation import Elevation
from landslip.preprocessing.orthorectification.ground_projection import TOLERANCE_PX, GroundGrid
from landslip.preprocessing.orthorectification.map_grid import (
    GridRequest,
    image_outline,
    map_datum_notes,
    own_resolution_m,
    parse_crs,
    plan_grid,
)
from landslip.preprocessing.orthorectification.views import CameraImage
from landslip.preprocessing.pipeline.images import (
    OpenImages,
    coregister,
    count_histograms,
    fit_pansharpening,
    open_images,
)
from landslip.preprocessing.pipeline.radiometric_correction import derive_radiometric_correction
from landslip.preprocessing.pipeline.scene import (
    SceneInputs,
    detect_clouds,
    write_cloud_mask,
    write_reflectance_scene,
)
from landslip.preprocessing.product.files import find_products
from landslip.preprocessing.product.product import MSS_BANDS, Product, open_product

_KEPT = {
    "registration": "MSS and PAN could not be matched and stay where their camera models place "
    "them: colours may be beside detail by some pixels",
    "reference": "the reference could not be matched and was not used: the scene is where its "
    "camera model places it",
}
QUALITY, QUICKLOOK, CLOUDS = "quality.json", "quicklook.png", "clouds.tif"
_CACHE_MB = 640
_QUICKLOOK_PX = 1400


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRequest:
    """How clouds are detected (by thresholds without weights of OmniCloudMask) and handled."""

    weights: Path | None = None
    handling: CloudHandling = CloudHandling.NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessRequest:
    """How products become scenes.

    Attributes:
        dem: the elevation model.
        atmosphere: the atmospheric correction.
        optical_depth: of the aerosol at 550 nm; used by 6S.
        calibration: ``nearest``, ``table``, a YAML file, or None.
        fusion: method of pansharpening.
        registration: whether the multispectral image is co-registered with the panchromatic one,
            and what happens where it, or the reference, cannot be matched.
        reference: a scene that the camera models are corrected by.
        clouds: how clouds are detected; None does not look for them.
        resolution_m: side of a pixel.
        crs: of the map; None takes ``common_crs``.
        common_crs: that of the first product, which the others follow; None takes the UTM zone.
        overwrite: whether the scene of an earlier run may be replaced.
    """

    dem: DemRequest
    atmosphere: AtmosphericCorrection = AtmosphericCorrection.TOA
    optical_depth: float = 0.15
    calibration: str | Path | None = None
    fusion: PansharpeningMethod = PansharpeningMethod.BROVEY
    registration: RegistrationMode = RegistrationMode.AUTO
    reference: RefinementRequest | None = None
    clouds: CloudRequest | None = None
    resolution_m: float = 2.0
    crs: CRS | None = None
    common_crs: CRS | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0.5 <= self.resolution_m <= 30:
            raise InputError(
                "a scene has pixels of 0.5 to 30 m; "
                f"got {argument('resolution', self.resolution_m)}"
            )

    @property
    def map_crs(self) -> CRS | None:
        """The map's coordinate system, if it is known before the product is opened."""
        return self.crs or self.common_crs

    def as_dict(self) -> dict[str, Any]:
        """Return the request for a JSON file, without what other products add to it."""
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
            "registers": self.registration is not RegistrationMode.OFF,
            "reference": None if self.reference is None else _file_identity(self.reference.path),
            "reference_model": None if self.reference is None else self.reference.model.value,
            "clouds": None if self.clouds is None else str(self.clouds.weights or "bright"),
            "cloud_fate": None if self.clouds is None else self.clouds.handling.value,
            "resolution_m": self.resolution_m,
            "crs": None if self.crs is None else str(self.crs),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressCallbacks:
    """What is called during the work: with a line for each step, and while the scene is written."""

    log: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessResult:
    """A finished scene: its folder, the content of `QUALITY`, and whether this run made it."""

    folder: Path
    quality: dict[str, Any]
    is_new: bool

    @property
    def scene(self) -> Path:
        """The scene's file."""
        return self.folder / f"{self.folder.name}.tif"


def preprocess_all(
    patterns: Sequence[str],
    out: Path,
    request: PreprocessRequest,
    callbacks: Callable[[Path], ProgressCallbacks],
    on_scene: Callable[[PreprocessResult], None],
) -> None:
    """Make scenes of all products that files, folders and patterns name; see `find_products`.

    Without a coordinate system in the request, all take that of the first, so that they stack. A
    product that fails does not keep the others from being made.

    Raises:
        LandslipError: some failed; the message says which, and why.
    """
    failures = []
    for path in find_products(patterns):
        try:
            result = preprocess(path, out, request, callbacks(path))
        except LandslipError as error:
            if path.name.partition(".")[0] not in str(error):
                error.args = (f"{path}: {error}",)
            failures.append(error)
            continue
        on_scene(result)
        if request.map_crs is None:
            request = replace(request, common_crs=parse_crs(result.quality["grid"]["crs"]))
    if len(failures) == 1:
        raise failures[0]
    if failures:
        lines = "\n".join(f"  {failure}" for failure in failures)
        raise LandslipError(f"{len(failures)} products could not be processed:\n{lines}")


def preprocess(
    source: Path, out: Path, request: PreprocessRequest, callbacks: ProgressCallbacks | None = None
) -> PreprocessResult:
    """Make a scene of a product, in a folder of the product's name in ``out``.

    The folder appears when it is complete. A product that an earlier run has finished with the
    same request is not done again.

    Raises:
        InputError: product, elevation model or reference do not fit.
        OutputExistsError: the folder exists from another request, or on another map, or not ours.
        RegistrationError: images cannot be matched, and that is required.
        MissingDependencyError: 6S or OmniCloudMask is asked for and not installed.
    """
    callbacks = callbacks or ProgressCallbacks()
    keep_freed_memory()
    files = [source] if source.is_file() else source.rglob("*")
    size = sum(path.stat().st_size for path in files if path.is_file())
    identity = {"name": source.resolve().name, "bytes": size}
    facts = {"source": identity, "request": request.as_dict()}
    earlier = None if request.overwrite else _find_finished(out, facts)
    if earlier is not None:
        if request.registration is RegistrationMode.REQUIRED and earlier.quality.get("unmatched"):
            raise OutputExistsError(
                f"{earlier.folder}: this scene was made of images that could not be matched; "
                f"choose another {argument('out')} or pass {argument('overwrite', True)}"
            )
        crs = earlier.quality["grid"]["crs"]
        if request.map_crs is not None and crs != str(request.map_crs):
            raise OutputExistsError(
                f"{earlier.folder}: this scene was made in {crs} and the scenes before it are in "
                f"{request.map_crs}; choose one for all with {argument('crs')}, and another "
                f"{argument('out')} or {argument('overwrite', True)}"
            )
        return earlier
    timer = _StepTimer(callbacks.log)
    with bounded_cache(_CACHE_MB), timer.step("product"), open_product(source) as product:
        folder = out / product.name
        with atomic_directory(folder, overwrite=request.overwrite) as stage:
            with open_images(product) as images:
                inputs, findings = _prepare(product, images, request, timer)
                with timer.step("scene"):
                    scene = stage / f"{product.name}.tif"
                    counts = write_reflectance_scene(inputs, scene, callbacks.progress)
            if inputs.clouds is not None and inputs.cloud_handling is CloudHandling.MASK:
                write_cloud_mask(inputs.clouds, inputs.ground.grid, stage / CLOUDS)
            with timer.step("quick-look"):
                with SensorImage(scene) as image:
                    colours = rgb_composite(*image.read_small(_QUICKLOOK_PX), Bands(MSS_BANDS))
                Image.fromarray(colours).save(stage / QUICKLOOK)
            grid = inputs.ground.grid
            quality = facts | {
                "product": {
                    "name": product.name,
                    "camera": product.camera.name,
                    "level": product.mss.metadata.level,
                },
                "grid": {
                    "crs": str(grid.crs),
                    "transform": list(grid.transform)[:6],
                    "shape": list(grid.shape),
                },
                "scene": counts | {"interpolation_tolerance_px": TOLERANCE_PX},
                **findings,
                "seconds": timer.seconds,
            }
            if not (stage / CLOUDS).exists():
                (folder / CLOUDS).unlink(missing_ok=True)  # of an earlier run, of other clouds
            (stage / QUALITY).write_text(json.dumps(quality, indent=2, allow_nan=False) + "\n")
    return PreprocessResult(folder=folder, quality=quality, is_new=True)


class _StepTimer:
    """Announces each step, and times it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; steps inside others count in both."""
        started = time.monotonic()
        self._log(f"{name} ...")
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)


def _prepare(
    product: Product, images: OpenImages, request: PreprocessRequest, timer: _StepTimer
) -> tuple[SceneInputs, dict[str, Any]]:
    """Return the inputs of the scene, and what `QUALITY` says of them."""
    with timer.step("radiometry"):
        histograms = count_histograms(images)
    with timer.step("elevation"):
        cameras = [(one.rpc, one.image.shape) for one in (images.ms, images.pan)]
        elevation, dem = load_dem(request.dem, cameras)
    with timer.step("light"):
        correction = derive_radiometric_correction(
            product,
            histograms,
            dem.terrain_m,
            atmosphere=request.atmosphere,
            optical_depth=request.optical_depth,
            calibration=request.calibration,
        )
    reference = None
    unmatched: dict[str, str] = {}
    if request.reference is not None:
        with timer.step("reference"), _tolerated(request.registration, "reference", unmatched):
            ground = _ground_grid(images.pan, elevation, request)
            reference = refine_camera(images.pan, ground, request.reference)
            # estimated for the panchromatic image, scaled for the multispectral one
            pan_ratio = images.pan.image.shape[0] / images.ms.image.shape[0]
            a, b, c, d, e, f = reference.correction.coefficients
            smaller = ImageCorrection(coefficients=(a, b, c / pan_ratio, d, e, f / pan_ratio))
            pan = images.pan.corrected(reference.correction)
            images = OpenImages(ms=images.ms.corrected(smaller), pan=pan)
    ground = _ground_grid(images.pan, elevation, request)
    # the scene's pixels in a multispectral one, along an axis
    ms_resolution_m = own_resolution_m(images.ms.rpc, images.ms.image.shape, elevation)
    ratio = max(1, round(ms_resolution_m / request.resolution_m))
    coarse = GroundGrid(ground.grid.coarser(ratio), elevation)
    registration = None
    if request.registration is not RegistrationMode.OFF:
        with (
            timer.step("registration"),
            _tolerated(request.registration, "registration", unmatched),
        ):
            registration = coregister(images, coarse, ratio, product.name)
            images = replace(images, ms=images.ms.corrected(registration.correction))
    with timer.step("fusion"):
        pansharpening = fit_pansharpening(images, correction, coarse, ratio, request.fusion)
    clouds = None
    if request.clouds is not None:
        with timer.step("clouds"):
            clouds = detect_clouds(images, correction, ground, ratio, request.clouds.weights)
    inputs = SceneInputs(
        ground=ground,
        images=images,
        correction=correction,
        fusion=pansharpening.fusion,
        clouds=clouds,
        cloud_handling=CloudHandling.NODATA if request.clouds is None else request.clouds.handling,
    )
    return inputs, {
        "radiometry": correction.as_dict(),
        "dem": dem.as_dict(),
        "reference": None if reference is None else reference.as_dict(),
        "registration": None if registration is None else registration.as_dict(),
        "unmatched": unmatched,
        "fusion": pansharpening.as_dict(),
        "warnings": [
            *dem.warnings,
            *map_datum_notes(ground.grid),
            *correction.warnings,
            *unmatched.values(),
        ],
    }


@contextmanager
def _tolerated(mode: RegistrationMode, what: str, unmatched: dict[str, str]) -> Iterator[None]:
    """Note images that cannot be matched under what was tried, unless it is required.

    Raises:
        RegistrationError: it is required.
    """
    try:
        yield
    except RegistrationError as error:
        if mode is RegistrationMode.REQUIRED:
            raise RegistrationError(
                f"{error}. {argument('registration', RegistrationMode.AUTO.value)} keeps such "
                "images where the camera models place them"
            ) from error
        unmatched[what] = f"{_KEPT[what]} ({error})"


def _ground_grid(pan: CameraImage, elevation: Elevation, request: PreprocessRequest) -> GroundGrid:
    """Plan the scene's grid around the image's outline on the map."""
    asked = GridRequest(
        resolution_m=request.resolution_m, crs=request.map_crs, clip=request.dem.clip
    )
    outline = image_outline(pan.rpc, pan.image.shape, elevation)
    return GroundGrid(plan_grid(asked, outline, elevation), elevation)


def _file_identity(path: Path) -> dict[str, Any]:
    """Return what distinguishes a file from another of the same name."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return {"name": path.name, "bytes": path.stat().st_size}


def _find_finished(out: Path, facts: dict[str, Any]) -> PreprocessResult | None:
    """Return the scene that an earlier run made from the same product with the same request."""
    for path in sorted(out.glob(f"*/{QUALITY}")):
        try:
            quality = read_json(path)
        except InputError:
            continue
        if not isinstance(quality, dict) or quality.get("source") != facts["source"]:
            continue
        before, now = quality.get("request"), facts["request"]
        if before != now:
            known = before if isinstance(before, dict) else {}
            changed = sorted(
                name for name in known.keys() | now if known.get(name) != now.get(name)
            )
            raise OutputExistsError(
                f"{path.parent}: already exists, made from this product with other options "
                f"({', '.join(changed)}); choose another {argument('out')} or pass "
                f"{argument('overwrite', True)}"
            )
        result = PreprocessResult(folder=path.parent, quality=quality, is_new=False)
        if result.scene.is_file():
            return result
    return None
