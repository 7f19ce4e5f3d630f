"""Opening a product: what the rest of the chain sees of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.core.rpc import RPC
from landslip.io.raster import raster_shape
from landslip.preprocessing.camera import Camera, camera_named
from landslip.preprocessing.product.agreement import (
    require_calibration,
    require_image,
    require_ratio,
    require_same_scene,
)
from landslip.preprocessing.product.archive import DEFAULT_LIMITS, Limits, unpack
from landslip.preprocessing.product.files import ProductFiles
from landslip.preprocessing.product.folder import files_in_folder
from landslip.preprocessing.product.metadata import ImageMetadata, read_metadata
from landslip.preprocessing.product.names import Image, Part
from landslip.preprocessing.product.rpb import read_rpb

MSS_BANDS = ("blue", "green", "red", "nir")
PAN_BANDS = ("pan",)
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductImage:
    """One image: its pixels' file, its camera model, and what its XML file says."""

    tiff: Path
    rpc: RPC
    metadata: ImageMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A level-1A product.

    Attributes:
        name: such as ``GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030``.
        mss: the image of the bands `MSS_BANDS`, in this order.
        pan: the panchromatic image, of the band `PAN_BANDS`.
    """

    name: str
    mss: ProductImage
    pan: ProductImage

    @property
    def camera(self) -> Camera:
        """Whose images these are."""
        return self.mss.metadata.camera

    @property
    def abs_gains(self) -> dict[str, float]:
        """Calibration gains by band name, as far as the XML files tell them."""
        return _by_band(self.mss.metadata.abs_gains, self.pan.metadata.abs_gains)

    @property
    def abs_offsets(self) -> dict[str, float]:
        """Calibration offsets by band name, as far as the XML files tell them."""
        return _by_band(self.mss.metadata.abs_offsets, self.pan.metadata.abs_offsets)


@contextmanager
def open_product(
    path: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    scratch: Path | None = None,
    progress: Progress = no_progress,
) -> Iterator[Product]:
    """Open an archive or folder; files unpacked from an archive are removed at the end.

    Args:
        path: a .tar.gz, .tgz, .tar or .zip archive, or a folder, which is read in place.
        limits: on what is unpacked.
        scratch: a folder to unpack into; by default the system's folder for temporary files.
        progress: of unpacking, in bytes of the archive.

    Raises:
        InputError: it is no product of a supported camera, a file is missing or damaged, or the
            files do not belong together.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    _refuse_by_name(path)
    if path.is_dir():
        yield _read(path, files_in_folder(path))
        return
    with _scratch_folder(scratch) as folder:
        yield _read(path, unpack(path, folder, limits, progress))


def _refuse_by_name(path: Path) -> None:
    """Spare the unpacking of what is by its name another camera's."""
    try:
        camera_named(path.name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@contextmanager
def _scratch_folder(parent: Path | None) -> Iterator[Path]:
    if parent is not None and not parent.is_dir():
        raise InputError(f"{parent}: a scratch folder must be there already, and this is none")
    with tempfile.TemporaryDirectory(prefix="landslip-", dir=parent) as folder:
        yield Path(folder)


def _read(source: Path, files: ProductFiles) -> Product:
    files.require_all()
    mss, pan = _read_image(files, Image.MSS), _read_image(files, Image.PAN)
    require_same_scene(source, mss.metadata, pan.metadata)
    require_ratio(source, _checked_shape(mss, Image.MSS), _checked_shape(pan, Image.PAN))
    return Product(name=files.name, mss=mss, pan=pan)


def _read_image(files: ProductFiles, image: Image) -> ProductImage:
    xml = files.path(image, Part.XML)
    metadata = read_metadata(xml)
    require_calibration(xml, image, metadata)
    rpc = read_rpb(files.path(image, Part.RPB))
    return ProductImage(tiff=files.path(image, Part.TIFF), rpc=rpc, metadata=metadata)


def _checked_shape(image: ProductImage, kind: Image) -> tuple[int, int]:
    # GDAL goes by content: text named .tiff could send it to files and servers elsewhere
    with image.tiff.open("rb") as file:
        if file.read(4) not in _TIFF_STARTS:
            raise InputError(f"{image.tiff}: is no TIFF file, whatever its name says")
    found = raster_shape(image.tiff)
    require_image(image.tiff, kind, image.metadata, found)
    return found.shape


def _by_band(mss: tuple[float, ...] | None, pan: tuple[float, ...] | None) -> dict[str, float]:
    given = ((MSS_BANDS, mss), (PAN_BANDS, pan))
    return {
        band: value
        for bands, values in given
        if values is not None
        for band, value in zip(bands, values, strict=True)
    }
