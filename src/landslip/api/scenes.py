"""Scenes: opened, and made of raw products, images with RPCs, and pairs of images."""

import json
from collections.abc import Callable, Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.core.arguments import (
    BandsArgument,
    PathArgument,
    ProgressArgument,
    checked,
    choose,
    optional_path,
    warn_unused,
)
from landslip.core.choices import (
    AtmosphericCorrection,
    CloudHandling,
    DemGapHandling,
    PansharpeningMethod,
    RegistrationMode,
)
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.paths import require_file
from landslip.core.progress import progress_bar
from landslip.core.transformations import use_datum_shift
from landslip.io.raster.scene import Scene, SceneOptions

if TYPE_CHECKING:
    from landslip.preprocessing.coregistration.register import RegistrationReport
    from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
    from landslip.preprocessing.orthorectification.dem import DemRequest
    from landslip.preprocessing.orthorectification.orthorectify import OrthoReport
    from landslip.preprocessing.pansharpening.pansharpen import PansharpenSummary
    from landslip.preprocessing.pipeline.run import CloudRequest, PreprocessResult
    from landslip.preprocessing.stack.run import StackReport


@checked()
def open_scene(
    place: PathArgument,
    *,
    bands: BandsArgument | None = None,
    units: str | None = None,
    nodata: float | None = None,
    dem: PathArgument | None = None,
    terrain: BandsArgument | None = None,
    before: PathArgument | None = None,
) -> Scene:
    """Open a multi-band raster with named bands.

    Args:
        place: a file, or an address (https://, s3://, gs://, az://).
        bands: names of the file's bands in their order; needed where it has no descriptions.
        units: ``reflectance`` or ``dn``; None: reflectance where the file says so, else dn.
        nodata: value that marks missing data, over what the file says.
        dem: elevation model, of which bands of terrain are derived where they are read; see
            `landslip.stack`, also of ``terrain`` and ``before``.
        terrain: these bands; None: ``slope``, ``northness``, ``eastness`` and ``curvature``.
        before: image of an earlier date, whose bands become ``before_red`` and so on.

    Returns:
        The scene; a context manager. ``scene.read(window)`` gives (bands, height, width) stored
        numbers and a valid mask (height, width).

    Raises:
        InputError: it is no raster, its bands have no names, or an argument contradicts the file.

    Examples:
        >>> scene = landslip.open_scene("scene.tif", bands=["blue", "green", "red", "nir"])
    """
    options = SceneOptions.stated(bands, units, nodata)
    if dem is before is terrain is None:
        return Scene(fspath(place), options)
    from landslip.preprocessing.stack.scene import StackSources, open_stack

    return open_stack(fspath(place), options, StackSources.stated(dem, terrain, before))


@checked("folders")
def preprocess(
    products: PathArgument | Iterable[PathArgument],
    *,
    dem: PathArgument,
    out: PathArgument,
    dem_heights: str | None = None,
    dem_gaps: str = DemGapHandling.FILL,
    clip_to_dem: bool = False,
    atmosphere: str = AtmosphericCorrection.TOA,
    optical_depth: float = 0.15,
    calibration: str | None = None,
    coefficients: PathArgument | None = None,
    fusion: str = PansharpeningMethod.BROVEY,
    registration: bool | str = RegistrationMode.AUTO,
    reference: PathArgument | None = None,
    reference_model: str = "shift",
    max_shift: float | None = None,
    clouds: str | None = None,
    clouds_become: str = CloudHandling.NODATA,
    resolution: float = 2.0,
    crs: str | None = None,
    datum_shift: str | None = None,
    overwrite: bool = False,
    log: Callable[[str], None] | None = None,
    on_scene: "Callable[[PreprocessResult], None] | None" = None,
    progress: ProgressArgument = None,
) -> "list[PreprocessResult]":
    """Make reflectance scenes of raw Gaofen-1 PMS level-1A products.

    Writes a folder per product with the scene (blue, green, red, nir; stored number x 0.0001, 0
    nodata), ``quality.json`` and ``quicklook.png``. Called again, it goes on with the products
    that are not done.

    Args:
        products: archives or folders, one or several; patterns with ``*`` too.
        dem: elevation model in any coordinate system that covers the scenes.
        out: folder of the scenes' folders.
        dem_heights: what its heights count from: ``ellipsoid``, ``egm96``, ``egm2008``, a raster
            of geoid heights, or metres of the geoid over the ellipsoid.
        dem_gaps: ``fill``, ``nodata`` or ``error``.
        clip_to_dem: leave out what the elevation model does not cover.
        atmosphere: ``toa``, ``dos`` (dark-object subtraction) or ``6s``.
        optical_depth: aerosol optical depth at 550 nm, for 6s.
        calibration: ``nearest``, ``table``, or a YAML file.
        coefficients: YAML file for cameras without published coefficients.
        fusion: ``brovey``, ``gsa`` or ``glp``.
        registration: match the multispectral image with the panchromatic one: ``auto`` (or True)
            leaves images that cannot be matched where their camera models place them, with a
            warning, ``required`` refuses them, ``off`` (or False) does not match. Where a
            ``reference`` cannot be matched, the same holds.
        reference: mapped scene that the RPC is corrected by.
        reference_model: ``shift``, ``shift+drift`` or ``affine``.
        max_shift: largest error searched for, in metres.
        clouds: ``bright``, or a folder with the weights of OmniCloudMask.
        clouds_become: ``nodata`` or ``mask``.
        resolution: side of a pixel in metres.
        crs: projected coordinate system; None: the UTM zone of the first product.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it:
            ``dx,dy,dz`` in metres, ``dx,dy,dz,rx,ry,rz,s`` with seconds of arc and parts per
            million (position vector), or a grid file.
        overwrite: replace scenes that exist.
        log: called with a line for each step.
        on_scene: called with each scene when it is finished.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Returns:
        The scenes, in the order of the products.

    Raises:
        LandslipError: products could not be processed; the message says which, and why.

    Examples:
        >>> landslip.preprocess("GF1_PMS1_*.tar.gz", dem="dem.tif", out="SCENES")
    """
    from landslip.preprocessing.orthorectification.map_grid import parse_crs
    from landslip.preprocessing.pipeline.run import (
        PreprocessRequest,
        PreprocessResult,
        ProgressCallbacks,
        preprocess_all,
    )

    if calibration is not None and coefficients is not None:
        raise InputError(
            f"{argument('calibration')} and {argument('coefficients')} both say where "
            "coefficients come from; give one of them"
        )
    request = PreprocessRequest(
        dem=_dem_request(dem, dem_heights, dem_gaps, clip_to_dem),
        atmosphere=choose(AtmosphericCorrection, atmosphere, "atmosphere"),
        optical_depth=optical_depth,
        calibration=calibration if coefficients is None else Path(coefficients),
        fusion=choose(PansharpeningMethod, fusion, "fusion"),
        registration=_registration_mode(registration),
        reference=_refine_request(reference, reference_model, max_shift),
        clouds=_cloud_request(clouds, choose(CloudHandling, clouds_become, "clouds_become")),
        resolution_m=resolution,
        crs=parse_crs(crs),
        overwrite=overwrite,
    )
    scenes: list[PreprocessResult] = []

    def done(outcome: PreprocessResult) -> None:
        scenes.append(outcome)
        if on_scene is not None:
            on_scene(outcome)

    with use_datum_shift(datum_shift), progress_bar("scene", "MPix", 1e6, show=progress) as report:

        def watch(path: Path) -> ProgressCallbacks:
            if log is None:
                return ProgressCallbacks(progress=report)
            say = log
            return ProgressCallbacks(log=lambda line: say(f"{path.name}: {line}"), progress=report)

        given = [products] if isinstance(products, str | PathLike) else products
        paths = [str(product) for product in given]
        preprocess_all(paths, Path(out), request, watch, done)
    return scenes


@checked("file")
def orthorectify(
    image: PathArgument,
    *,
    dem: PathArgument,
    out: PathArgument,
    dem_heights: str | None = None,
    dem_gaps: str = DemGapHandling.FILL,
    clip_to_dem: bool = False,
    resolution: float | None = None,
    crs: str | None = None,
    nodata: float | None = None,
    reference: PathArgument | None = None,
    reference_model: str = "shift",
    max_shift: float | None = None,
    report: PathArgument | None = None,
    datum_shift: str | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> "OrthoReport":
    """Bring an image with RPCs onto the map, over an elevation model.

    Args:
        image: raster with RPCs in its tags or beside it, of any sensor.
        dem: elevation model in any coordinate system that covers the image.
        out: GeoTIFF to write; pixels are at multiples of the resolution, the data type is kept.
        dem_heights: what the heights count from, see `preprocess`.
        dem_gaps: ``fill``, ``nodata`` or ``error``.
        clip_to_dem: leave out what the elevation model does not cover.
        resolution: side of a pixel in metres; None: the image's own.
        crs: projected coordinate system; None: the UTM zone.
        nodata: value that marks missing data, over what the file says.
        reference: mapped scene that the RPC is corrected by.
        reference_model: ``shift``, ``shift+drift`` or ``affine``.
        max_shift: largest error searched for, in metres.
        report: JSON file to write the figures to.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it:
            ``dx,dy,dz`` in metres, ``dx,dy,dz,rx,ry,rz,s`` with seconds of arc and parts per
            million (position vector), or a grid file.
        overwrite: replace files that exist.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Returns:
        Grid, elevation model and correction that were used.

    Raises:
        InputError: the image has no RPCs, or the elevation model does not cover it.
        OutputExistsError: ``out`` or ``report`` exists.

    Examples:
        >>> landslip.orthorectify("image.tif", dem="dem.tif", out="map.tif")
    """
    from landslip.preprocessing.orthorectification.map_grid import parse_crs
    from landslip.preprocessing.orthorectification.orthorectify import OrthoRequest
    from landslip.preprocessing.orthorectification.orthorectify import orthorectify as run

    report_file = optional_path(report)
    if report_file is not None:
        refuse_existing_file(report_file, overwrite=overwrite)
    request = OrthoRequest(
        image=Path(image),
        dem=_dem_request(dem, dem_heights, dem_gaps, clip_to_dem),
        out=Path(out),
        resolution_m=resolution,
        crs=parse_crs(crs),
        nodata=nodata,
        reference=_refine_request(reference, reference_model, max_shift),
        overwrite=overwrite,
    )
    with (
        use_datum_shift(datum_shift),
        progress_bar("orthorectify", "MPix", 1e6, show=progress) as shown,
    ):
        made = run(request, progress=shown)
    if report_file is not None:
        with atomic_file(report_file, overwrite=overwrite) as path:
            path.write_text(json.dumps(made.as_dict(), indent=2) + "\n")
    return made


@checked("file")
def register(
    moving: PathArgument,
    reference: PathArgument,
    *,
    out: PathArgument,
    model: str = "affine",
    band: str | None = None,
    max_shift: float | None = None,
    max_residual: float = 1.0,
    nodata: float | None = None,
    reference_nodata: float | None = None,
    report: PathArgument | None = None,
    datum_shift: str | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> "RegistrationReport":
    """Co-register a georeferenced scene with another one.

    Args:
        moving: scene to be moved.
        reference: scene it is moved onto.
        out: GeoTIFF to write, on the reference's pixel grid; covers all of ``moving``.
        model: how shifts may change over the scene: ``shift``, ``affine`` or ``local``.
        band: band to compare; None: the mean of red and green.
        max_shift: how far apart the scenes may be along an axis, in metres; None: 100, or less
            where they have little in common.
        max_residual: residual that is accepted (rms), in pixels of the coarser scene.
        nodata: value that marks missing data, over what the file says.
        reference_nodata: the same for the reference.
        report: JSON file to write the figures to.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it:
            ``dx,dy,dz`` in metres, ``dx,dy,dz,rx,ry,rz,s`` with seconds of arc and parts per
            million (position vector), or a grid file.
        overwrite: replace files that exist.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: too few tie points fit; nothing is written.

    Examples:
        >>> landslip.register("2013.tif", "2012.tif", out="2013_on_2012.tif")
    """
    from landslip.core.choices import RegistrationModel
    from landslip.preprocessing.coregistration.alignment import RegistrationOptions
    from landslip.preprocessing.coregistration.register import register as run

    report_file = optional_path(report)
    if report_file is not None:
        refuse_existing_file(report_file, overwrite=overwrite)
    options = RegistrationOptions(
        model=choose(RegistrationModel, model, "model"),
        band=band,
        max_shift_m=max_shift,
        max_residual_px=max_residual,
        nodata=nodata,
        reference_nodata=reference_nodata,
        overwrite=overwrite,
    )
    with (
        use_datum_shift(datum_shift),
        progress_bar("register", "MPix", 1e6, show=progress) as shown,
    ):
        made = run(Path(moving), Path(reference), Path(out), options, progress=shown)
    if report_file is not None:
        made.write(report_file)
    return made


@checked("file")
def stack(
    scene: PathArgument,
    *,
    out: PathArgument,
    dem: PathArgument | None = None,
    terrain: BandsArgument | None = None,
    before: PathArgument | None = None,
    bands: BandsArgument | None = None,
    units: str | None = None,
    nodata: float | None = None,
    datum_shift: str | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> "StackReport":
    """Write a scene with bands of its terrain, and of an earlier date, on its own pixels.

    `landslip.datasets.from_scene` and `landslip.extract` take the same sources and need no stack
    on disk.

    Args:
        scene: raster with named bands.
        out: GeoTIFF to write, of the scene's data type.
        dem: elevation model in any coordinate system and resolution.
        terrain: bands derived from it, of ``slope``, ``northness``, ``eastness``, ``curvature``
            and ``elevation``; None: all but the last.
        before: image of an earlier date; its bands that the scene has too become ``before_red``
            and so on, co-registered and radiometrically normalised.
        bands: names of the scene's bands in their order.
        units: ``reflectance`` or ``dn``; None: what the file says.
        nodata: value that marks missing data, over what the file says.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it.
        overwrite: replace a file that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: a file cannot be read or does not cover the scene, or no source is given.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.stack("scene.tif", dem="dem.tif", out="stack.tif").bands
    """
    from landslip.preprocessing.stack.run import write_stack
    from landslip.preprocessing.stack.scene import StackSources

    sources = StackSources.stated(dem, terrain, before)
    options = SceneOptions.stated(bands, units, nodata)
    with use_datum_shift(datum_shift), progress_bar("stack", "MPix", 1e6, show=progress) as shown:
        return write_stack(
            Path(scene), Path(out), sources, options, overwrite=overwrite, progress=shown
        )


@checked("file")
def pansharpen(
    ms: PathArgument,
    pan: PathArgument,
    *,
    out: PathArgument,
    method: str = PansharpeningMethod.BROVEY,
    bands: BandsArgument | None = None,
    nodata: float | None = None,
    pan_nodata: float | None = None,
    mtf_nyquist: float = 0.3,
    report: PathArgument | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> "PansharpenSummary":
    """Bring multispectral bands to the pixel size of a panchromatic image.

    Args:
        ms: multispectral raster.
        pan: panchromatic raster of finer pixels, in the same coordinate system.
        out: GeoTIFF to write; it covers the common extent.
        method: ``brovey``, ``gsa`` or ``glp``.
        bands: names of the multispectral bands in their order.
        nodata: value that marks missing data in ``ms``, over what the file says.
        pan_nodata: the same for ``pan``.
        mtf_nyquist: response of the multispectral sensor at its Nyquist frequency.
        report: JSON file to write what was fitted and the scores to.
        overwrite: replace files that exist.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the two do not overlap, or are in different coordinate systems.

    Examples:
        >>> landslip.pansharpen("ms.tif", "pan.tif", out="fused.tif")
    """
    from landslip.preprocessing.pansharpening.pansharpen import PansharpenOptions
    from landslip.preprocessing.pansharpening.pansharpen import pansharpen as run

    options = PansharpenOptions(
        method=choose(PansharpeningMethod, method, "method"),
        ms=SceneOptions.stated(bands, None, nodata),
        pan=SceneOptions(nodata=pan_nodata),
        mtf_nyquist=mtf_nyquist,
        report=optional_path(report),
        overwrite=overwrite,
    )
    with progress_bar("pansharpen", "MPix", 1e6, show=progress) as shown:
        return run(Path(ms), Path(pan), Path(out), options, progress=shown)


def _registration_mode(registration: bool | str) -> RegistrationMode:
    if isinstance(registration, bool):
        return RegistrationMode.AUTO if registration else RegistrationMode.OFF
    return choose(RegistrationMode, registration, "registration")


def _dem_request(dem: PathArgument, heights: str | None, gaps: str, clip: bool) -> "DemRequest":
    from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference

    require_file(Path(dem))  # once, and not for each product
    return DemRequest(
        path=Path(dem),
        heights=HeightReference.parse(heights),
        gaps=choose(DemGapHandling, gaps, "dem_gaps"),
        clip=clip,
    )


def _refine_request(
    reference: PathArgument | None, model: str, max_shift: float | None
) -> "RefinementRequest | None":
    if reference is None:
        warn_unused(
            argument("reference"), reference_model=model != "shift", max_shift=max_shift is not None
        )
        return None
    from landslip.core.choices import ShiftModel
    from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest

    return RefinementRequest(
        path=Path(reference),
        model=choose(ShiftModel, model, "reference_model"),
        max_shift_m=max_shift,
    )


def _cloud_request(clouds: str | None, handling: CloudHandling) -> "CloudRequest | None":
    if clouds is None:
        warn_unused(argument("clouds"), clouds_become=handling is not CloudHandling.NODATA)
        return None
    from landslip.preprocessing.pipeline.run import CloudRequest

    weights = None if clouds == "bright" else Path(clouds)
    if weights is not None and not weights.is_dir():
        raise InputError(
            f"{argument('clouds')} is bright, or a folder with the weights of OmniCloudMask; "
            f"got {clouds!r}, and there is no such folder"
        )
    return CloudRequest(weights=weights, handling=handling)
