"""Synthetic level-1A products, as archives or folders."""

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landslip.core.files import atomic_directory, atomic_file
from landslip.core.progress import Progress, no_progress
from landslip.preprocessing.product.rpb import format_rpb
from landslip.preprocessing.radiometry.calibration import (
    NEAREST,
    RadiometricCalibration,
    select_calibration,
)
from landslip.synthetic.camera import PushbroomCamera, fit_rpc
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.overpass import ImageTarget, Overpass
from landslip.synthetic.render import AcquisitionConditions, ImageRenderer, write_image
from landslip.synthetic.sensor import MSS, PAN, SensorModel, draw_haze

_COMPRESSION_LEVEL = 1
_FILE_MODE = 0o644
_HEIGHT_MARGIN_M = 200.0
_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n<ProductMetaData>'
_DAYS_TO_PRODUCT = timedelta(days=3)
_CORNERS = ("TopLeft", "TopRight", "BottomRight", "BottomLeft")
_THUMBNAIL_PX = 256
_TIME, _NUMBER = "%Y-%m-%d %H:%M:%S", ".6g"
_STRETCH_PERCENT = (1, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRequest:
    """A product to be made; ``ground`` is in the light of the overpass.

    Attributes:
        product_id: of up to ten digits.
        archive: whether a ``.tar.gz`` is made; else a folder.
        zenith_as_elevation: whether SolarZenith holds the elevation, as in some older products.
        states_coefficients: whether the calibration is stated as AbsCeof.
    """

    ground: GroundModel
    overpass: Overpass
    target: ImageTarget
    sensor: SensorModel = field(default_factory=SensorModel)
    seed: int = 0
    product_id: int = 0
    archive: bool = True
    zenith_as_elevation: bool = False
    states_coefficients: bool = False
    overwrite: bool = False

    @property
    def name(self) -> str:
        """Such as GF1_PMS1_E103.5_N31.3_20130812_L1A0000000000."""
        lon, lat = self.target.lon_deg, self.target.lat_deg
        east, north = "E" if lon >= 0 else "W", "N" if lat >= 0 else "S"
        return (
            f"GF1_{self.overpass.sensor_name}_{east}{abs(lon):.1f}_{north}{abs(lat):.1f}_"
            f"{self.overpass.beijing_time:%Y%m%d}_L1A{self.product_id:010d}"
        )

    @property
    def calibration(self) -> RadiometricCalibration:
        """That of the camera in the year, or in the nearest one with coefficients."""
        camera = f"GF1 {self.overpass.sensor_name}"
        return select_calibration(camera, self.overpass.utc.year, choice=NEAREST)


def write_product(request: ProductRequest, folder: Path, progress: Progress = no_progress) -> Path:
    """Make a product in a folder and return its path: ``NAME.tar.gz``, or the folder ``NAME``.

    The same request gives the same bytes.

    Raises:
        OutputExistsError: it exists and ``overwrite`` is not set.
        InputError: the metadata's camera model cannot follow the camera.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not request.archive:
        out = folder / request.name
        with atomic_directory(out, overwrite=request.overwrite) as stage:
            _write_files(request, stage, lambda _path: None, progress)
        return out
    out = folder / f"{request.name}.tar.gz"
    time_s = int(request.overpass.utc.replace(tzinfo=UTC).timestamp())
    level = _COMPRESSION_LEVEL
    with (
        atomic_file(out, overwrite=request.overwrite) as partial,
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=level, fileobj=raw, mtime=time_s) as packer,
        tarfile.open(mode="w", fileobj=packer) as tar,
    ):

        def move_in(path: Path) -> None:
            member = tarfile.TarInfo(path.name)
            member.size, member.mtime, member.mode = path.stat().st_size, time_s, _FILE_MODE
            with path.open("rb") as file:
                tar.addfile(member, file)
            path.unlink()

        _write_files(request, partial.parent, move_in, progress)
    return out


def _write_files(
    request: ProductRequest, stage: Path, on_file: Callable[[Path], None], progress: Progress
) -> None:
    """Make both images with all that belongs to them, and pass on each file when it is done."""
    haze = np.random.default_rng([request.seed, 1])
    conditions = AcquisitionConditions(
        sensor=request.sensor,
        calibration=request.calibration,
        sun=request.overpass.sun(request.target),
        haze=draw_haze(request.sensor.haze_variation, haze),
        seed=request.seed,
    )
    low, high = request.ground.height_range_m
    mss, pan = request.overpass.camera_models(request.target)
    for camera, kind, bands, start, end in (
        (mss, "MSS", MSS, 0.0, 0.2),
        (pan, "PAN", PAN, 0.2, 1.0),
    ):
        name = f"{request.name}-{kind}{request.overpass.camera}"
        rpc = fit_rpc(camera.stated, (low - _HEIGHT_MARGIN_M, high + _HEIGHT_MARGIN_M))
        xml = _format_metadata(request, camera.stated, bands)
        for file, text in ((f"{name}.xml", xml), (f"{name}.rpb", format_rpb(rpc))):
            (stage / file).write_text(text, encoding="ascii", newline="\n")

        def part(done: float, total: float, start: float = start, end: float = end) -> None:
            progress(start + (end - start) * done / total, 1.0)

        renderer = ImageRenderer.of(camera.actual, bands, request.ground, conditions)
        preview = write_image(renderer, stage / f"{name}.tiff", part)
        _write_browse_images(preview, stage / name)
        for suffix in (".tiff", ".xml", ".rpb", ".jpg", "_thumb.jpg"):
            on_file(stage / f"{name}{suffix}")


def _format_metadata(
    request: ProductRequest, camera: PushbroomCamera, bands: tuple[str, ...]
) -> str:
    """Return the XML of one image with its stated camera, tag by tag as in real products."""
    overpass, sun = request.overpass, request.overpass.sun(request.target)
    centre, count = overpass.beijing_time, len(bands)
    height, width = camera.shape
    half = timedelta(seconds=height / 2 * camera.line_time_s)
    azimuth, elevation = camera.view()
    zenith = sun.elevation_deg if request.zenith_as_elevation else sun.zenith_deg
    tags: dict[str, object] = {
        "SatelliteID": "GF1",
        "SensorID": overpass.sensor_name,
        "ReceiveTime": f"{overpass.utc:{_TIME}}",
        "OrbitID": 1 + (overpass.utc - datetime(2013, 4, 26)).days * 15,
        "ProduceType": "STANDARD",
        "SceneID": request.product_id + 3_759_580,
        "ProductID": request.product_id,
        "ProductLevel": "LEVEL1A",
        **dict.fromkeys(("ProductQuality", "ProductQualityReport")),
        "ProductFormat": "GEOTIFF",
        "ProduceTime": f"{centre + _DAYS_TO_PRODUCT:{_TIME}}",
        "Bands": "5" if bands == ("pan",) else "1,2,3,4",
        "ScenePath": 12,
        "SceneRow": 104,
        "SatPath": 12,
        "SatRow": 104,
        "SceneCount": 1,
        "SceneShift": 1,
        "StartTime": f"{centre - half:{_TIME}}",
        "EndTime": f"{centre + half:{_TIME}}",
        "CenterTime": f"{centre:{_TIME}}",
        "ImageGSD": f"{camera.gsd_m:g}",
        "WidthInPixels": width,
        "HeightInPixels": height,
        **dict.fromkeys(("WidthInMeters", "HeightInMeters")),
        "CloudPercent": 0,
        **dict.fromkeys(("QualityInfo", "PixelBits", "ValidPixelBits"), ""),
        **dict.fromkeys(("RollViewingAngle", "PitchViewingAngle"), 0),
        "RollSatelliteAngle": f"{camera.attitude.roll_deg:{_NUMBER}}",
        "PitchSatelliteAngle": f"{camera.attitude.pitch_deg:{_NUMBER}}",
        "YawSatelliteAngle": f"{camera.attitude.yaw_deg:{_NUMBER}}",
        "SolarAzimuth": f"{sun.azimuth_deg:{_NUMBER}}",
        "SolarZenith": f"{zenith:{_NUMBER}}",
        "SatelliteAzimuth": f"{azimuth:{_NUMBER}}",
        "SatelliteZenith": f"{elevation:{_NUMBER}}",
        "GainMode": ",".join(["G2"] * count),
        "IntegrationTime": f"{camera.line_time_s:{_NUMBER}}",
        "IntegrationLevel": ",".join(["S4"] * count),
        **dict.fromkeys(("MapProjection", "EarthEllipsoid", "ZoneNo")),
        **dict.fromkeys(("ResamplingKernel", "HeightMode")),
        "MtfCorrection": "LAB",
        "RelativeCorrectionData": "",
    }
    if request.states_coefficients:
        gains = request.calibration.gains
        tags["AbsCeof"] = ",".join(f"{gains[band]:g}" for band in bands)
    points = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    for name, (lon, lat) in zip(_CORNERS, camera.locate(points, 0.0).tolist(), strict=True):
        tags |= {f"{name}Latitude": f"{lat:{_NUMBER}}", f"{name}Longitude": f"{lon:{_NUMBER}}"}
    tags |= {f"{name}Map{axis}": None for name in _CORNERS for axis in "XY"}
    lines = [
        f"    <{tag} />" if value is None else f"    <{tag}>{value}</{tag}>"
        for tag, value in tags.items()
    ]
    return "\n".join([_HEAD, *lines, "</ProductMetaData>", ""])


def _write_browse_images(preview: NDArray[np.uint16], base: Path) -> None:
    """Write two JPEGs of counts (4: blue, green, red, nir, or 1, height, width), 0 without data."""
    layers = preview[[2, 1, 0]] if len(preview) == 4 else preview
    pixels = np.zeros((*preview.shape[1:], len(layers)), dtype=np.uint8)
    for band, layer in enumerate(layers):
        valid = layer[layer > 0]
        if valid.size:
            low, high = np.percentile(valid, _STRETCH_PERCENT)
            scaled = (layer - low) / max(high - low, 1) * 255
            pixels[..., band] = np.clip(scaled, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if len(layers) == 1 else pixels)
    image.save(base.with_name(f"{base.name}.jpg"), quality=85)
    image.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    image.save(base.with_name(f"{base.name}_thumb.jpg"), quality=85)
