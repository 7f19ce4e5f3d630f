"""Archives that come out the same each time they are made of the same files."""

import gzip
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
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
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.metadata import ImageMetadataValues, format_metadata
from landslip.synthetic.overpass import CameraModels, ImageTarget, Overpass
from landslip.synthetic.render import AcquisitionConditions, ImageRenderer, write_image
from landslip.synthetic.rpc_fit import fit_rpc
from landslip.synthetic.sensor import MSS, PAN, HazeField, SensorModel

_COMPRESSION_LEVEL = 1
_FILE_MODE = 0o644


class _TarGzWriter:
    """A ``.tar.gz`` being written; files are removed once they are in it."""

    def __init__(self, tar: tarfile.TarFile, time_s: int) -> None:
        """Write into an open archive; every member gets the same time, seconds since 1970."""
        self._tar = tar
        self._time_s = time_s

    def move_in(self, path: Path) -> None:
        """Put a file into the archive, without folder, and remove it."""
        member = tarfile.TarInfo(path.name)
        member.size = path.stat().st_size
        member.mtime = self._time_s
        member.mode = _FILE_MODE
        with path.open("rb") as file:
            self._tar.addfile(member, file)
        path.unlink()


@contextmanager
def _open_tar_gz(out: Path, time_s: int) -> Iterator[_TarGzWriter]:
    """Write an archive whose members all have one time, in seconds since 1970."""
    with (
        out.open("wb") as raw,
        gzip.GzipFile(
            "", "wb", compresslevel=_COMPRESSION_LEVEL, fileobj=raw, mtime=time_s
        ) as packer,
        tarfile.open(mode="w", fileobj=packer) as tar,
    ):
        yield _TarGzWriter(tar, time_s)


_THUMB_PX = 256
_DARK_PERCENT, _BRIGHT_PERCENT = 1, 99
_NATURAL_COLOURS = [2, 1, 0]


def _write_browse_images(preview: NDArray[np.uint16], base: Path) -> tuple[Path, Path]:
    """Write ``BASE.jpg`` and ``BASE_thumb.jpg`` and return their paths.

    Args:
        preview: (4: blue, green, red, nir, or 1, height, width) counts, 0 where there are none.
        base: of the names, without suffix.
    """
    layers = preview[_NATURAL_COLOURS] if len(preview) == 4 else preview
    pixels = np.stack([_stretch(layer) for layer in layers], axis=-1)
    picture = Image.fromarray(pixels[..., 0] if len(layers) == 1 else pixels)
    paths = base.with_name(f"{base.name}.jpg"), base.with_name(f"{base.name}_thumb.jpg")
    picture.save(paths[0], quality=85)
    picture.thumbnail((_THUMB_PX, _THUMB_PX))
    picture.save(paths[1], quality=85)
    return paths


def _stretch(layer: NDArray[np.uint16]) -> NDArray[np.uint8]:
    seen = layer[layer > 0]
    if seen.size == 0:
        return np.zeros(layer.shape, dtype=np.uint8)
    low, high = np.percentile(seen, [_DARK_PERCENT, _BRIGHT_PERCENT])
    scaled = (layer - low) / max(high - low, 1) * 255
    pixels: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return pixels


_HEIGHT_MARGIN_M = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRequest:
    """A product to be made.

    Attributes:
        ground: what is looked at, in the light of the overpass.
        overpass: when and how it is looked at.
        target: what the middle of the image looks at.
        sensor: how light becomes counts.
        seed: of noise and haze.
        product_id: number of the product, of up to ten digits.
        archive: whether a ``.tar.gz`` is made; else a folder.
        zenith_as_elevation: whether SolarZenith holds the elevation, as in some older products.
        states_coefficients: whether the calibration is stated as AbsCeof.
        overwrite: whether an earlier product of the name is replaced.
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
        """What the product is called, such as GF1_PMS1_E103.5_N31.3_20130812_L1A0000000000."""
        lon, lat = self.target.lon_deg, self.target.lat_deg
        east, north = "E" if lon >= 0 else "W", "N" if lat >= 0 else "S"
        return (
            f"GF1_{self.overpass.sensor_name}_{east}{abs(lon):.1f}_{north}{abs(lat):.1f}_"
            f"{self.overpass.beijing_time:%Y%m%d}_L1A{self.product_id:010d}"
        )

    @property
    def calibration(self) -> RadiometricCalibration:
        """That of the camera in the year, or in the nearest one that has figures."""
        camera = f"GF1 {self.overpass.sensor_name}"
        return select_calibration(camera, self.overpass.utc.year, choice=NEAREST)


def write_product(request: ProductRequest, folder: Path, progress: Progress = no_progress) -> Path:
    """Make a product in a folder and return its path: ``NAME.tar.gz``, or the folder ``NAME``.

    The same request gives the same bytes.

    Raises:
        OutputExistsError: it is there already and ``overwrite`` is not set.
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
    with (
        atomic_file(out, overwrite=request.overwrite) as partial,
        _open_tar_gz(partial, time_s) as packing,
    ):
        _write_files(request, partial.parent, packing.move_in, progress)
    return out


def _write_files(
    request: ProductRequest, stage: Path, keep: Callable[[Path], None], progress: Progress
) -> None:
    """Make both images with all that belongs to them, and hand on each file as it is done."""
    mss, pan = request.overpass.views(request.target)
    day = _conditions(request)
    for view, bands, share in ((mss, MSS, (0.0, 0.2)), (pan, PAN, (0.2, 1.0))):
        kind = "MSS" if bands == MSS else "PAN"
        base = stage / f"{request.name}-{kind}{request.overpass.camera}"
        texts = _write_metadata(request, view, bands, base)
        exposure = ImageRenderer.of(view.seen, bands, request.ground, day)
        tiff = base.with_name(f"{base.name}.tiff")
        preview = write_image(exposure, tiff, _part_of(progress, share))
        for path in (tiff, *texts, *_write_browse_images(preview, base)):
            keep(path)


def _conditions(request: ProductRequest) -> AcquisitionConditions:
    generator = np.random.default_rng([request.seed, 1])
    return AcquisitionConditions(
        sensor=request.sensor,
        calibration=request.calibration,
        sun=request.overpass.sun(request.target),
        air=HazeField.drawn(request.sensor.haze_variation, generator),
        seed=request.seed,
    )


def _write_metadata(
    request: ProductRequest, view: CameraModels, bands: tuple[str, ...], base: Path
) -> tuple[Path, Path]:
    """Write metadata and camera model as the product tells them."""
    low, high = request.ground.height_range_m
    rpc = fit_rpc(view.told, (low - _HEIGHT_MARGIN_M, high + _HEIGHT_MARGIN_M)).rpc
    facts = ImageMetadataValues(
        overpass=request.overpass,
        camera=view.told,
        sun=request.overpass.sun(request.target),
        product_id=request.product_id,
        bands=bands,
        zenith_as_elevation=request.zenith_as_elevation,
        coefficients=request.calibration if request.states_coefficients else None,
    )
    paths = base.with_name(f"{base.name}.xml"), base.with_name(f"{base.name}.rpb")
    for path, text in zip(paths, (format_metadata(facts), format_rpb(rpc)), strict=True):
        path.write_text(text, encoding="ascii", newline="\n")
    return paths


def _part_of(progress: Progress, share: tuple[float, float]) -> Progress:
    """Return what reports to a stretch (from 0 to 1) of a longer work."""
    start, end = share

    def report(done: float, total: float) -> None:
        progress(start + (end - start) * done / total, 1.0)

    return report
