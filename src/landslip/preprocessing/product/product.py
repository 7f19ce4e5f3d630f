"""Whether the files of a product belong together."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.core.rpc import RPC
from landslip.io.raster import RasterShape, raster_shape
from landslip.preprocessing.camera import SatelliteCamera, camera_from_product_name
from landslip.preprocessing.product.archive import DEFAULT_BUDGET, ArchiveBudget, unpack
from landslip.preprocessing.product.files import (
    FileKind,
    ImageKind,
    ProductFiles,
    find_product_files,
)
from landslip.preprocessing.product.metadata import ImageMetadata, read_metadata
from landslip.preprocessing.product.rpb import read_rpb

_BANDS = {ImageKind.MSS: 4, ImageKind.PAN: 1}
_SAME_SCENE_S = 60
_RATIO = 4
_RATIO_TOLERANCE = 0.02
# the one real file at hand says 18000 rows where 18012 are on record
_SHAPE_TOLERANCE = 0.002


def _require_same_scene(source: Path, mss: ImageMetadata, pan: ImageMetadata) -> None:
    """Stop where two images were not taken by one camera at one time.

    Raises:
        InputError: cameras differ, or the times of their middles by a minute or more.
    """
    if mss.camera != pan.camera:
        raise InputError(
            f"{source}: both images of a product are of one camera; the MSS image is of "
            f"{mss.camera} and the PAN image of {pan.camera}"
        )
    apart_s = abs((mss.centre_time - pan.centre_time).total_seconds())
    if apart_s >= _SAME_SCENE_S:
        raise InputError(
            f"{source}: both images of a product are of one scene, taken less than "
            f"{_SAME_SCENE_S} s apart; CenterTime is {mss.centre_time} in the MSS image's XML "
            f"file and {pan.centre_time} in the PAN image's"
        )


def _require_image(
    tiff: Path, image: ImageKind, metadata: ImageMetadata, found: RasterShape
) -> None:
    """Stop where a raster is not the image that its metadata tell of.

    A size that differs by at most 0.2 % passes.

    Raises:
        InputError: the number of bands, the data type or the size is another.
    """
    if found.count != _BANDS[image] or found.dtype != "uint16":
        raise InputError(
            f"{tiff}: the {image.value} image has {_BANDS[image]} band(s) of uint16; "
            f"this one has {found.count} of {found.dtype}"
        )
    pairs = zip(found.shape, metadata.shape, strict=True)
    if any(abs(real - tagged) > _SHAPE_TOLERANCE * tagged for real, tagged in pairs):
        raise InputError(
            f"{tiff}: an image has the size that its XML file tells, here "
            f"{_size_text(metadata.shape)}; "
            f"this one has {_size_text(found.shape)}; fetch the product again"
        )


def _require_calibration(xml: Path, image: ImageKind, metadata: ImageMetadata) -> None:
    """Stop where tagged calibration coefficients are not one for each band of the image.

    Raises:
        InputError: there are more or fewer.
    """
    tagged = {"gains": metadata.abs_gains, "offsets": metadata.abs_offsets}
    for name, values in tagged.items():
        if values is not None and len(values) != _BANDS[image]:
            raise InputError(
                f"{xml}: calibration {name} are one for each of the {image.value} image's "
                f"{_BANDS[image]} band(s); the file tells {values}; correct or empty their tag"
            )


def _require_ratio(source: Path, mss: tuple[int, int], pan: tuple[int, int]) -> None:
    """Stop where the panchromatic image is not about four times as large as the other.

    Args:
        source: for the message.
        mss: (height, width) of the multispectral image.
        pan: (height, width) of the panchromatic image.

    Raises:
        InputError: height or width differ by more than 2 % from four times the other's.
    """
    ratios = [large / small for large, small in zip(pan, mss, strict=True)]
    if any(abs(ratio / _RATIO - 1) > _RATIO_TOLERANCE for ratio in ratios):
        raise InputError(
            f"{source}: the PAN image is {_RATIO} times as large as the MSS image, within 2 %; "
            f"they have {_size_text(pan)} and {_size_text(mss)}"
        )


def _size_text(shape: tuple[int, int]) -> str:
    return f"{shape[1]} x {shape[0]} px"


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
    def camera(self) -> SatelliteCamera:
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
    limits: ArchiveBudget = DEFAULT_BUDGET,
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
        yield _read(path, find_product_files(path))
        return
    with _scratch_folder(scratch) as folder:
        yield _read(path, unpack(path, folder, limits, progress))


def _refuse_by_name(path: Path) -> None:
    """Spare the unpacking of what is by its name another camera's."""
    try:
        camera_from_product_name(path.name)
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
    mss, pan = _read_image(files, ImageKind.MSS), _read_image(files, ImageKind.PAN)
    _require_same_scene(source, mss.metadata, pan.metadata)
    _require_ratio(source, _checked_shape(mss, ImageKind.MSS), _checked_shape(pan, ImageKind.PAN))
    return Product(name=files.name, mss=mss, pan=pan)


def _read_image(files: ProductFiles, image: ImageKind) -> ProductImage:
    xml = files.path(image, FileKind.XML)
    metadata = read_metadata(xml)
    _require_calibration(xml, image, metadata)
    rpc = read_rpb(files.path(image, FileKind.RPB))
    return ProductImage(tiff=files.path(image, FileKind.TIFF), rpc=rpc, metadata=metadata)


def _checked_shape(image: ProductImage, kind: ImageKind) -> tuple[int, int]:
    # GDAL goes by content: text named .tiff could send it to files and servers elsewhere
    with image.tiff.open("rb") as file:
        if file.read(4) not in _TIFF_STARTS:
            raise InputError(f"{image.tiff}: is no TIFF file, whatever its name says")
    found = raster_shape(image.tiff)
    _require_image(image.tiff, kind, image.metadata, found)
    return found.shape


def _by_band(mss: tuple[float, ...] | None, pan: tuple[float, ...] | None) -> dict[str, float]:
    given = ((MSS_BANDS, mss), (PAN_BANDS, pan))
    return {
        band: value
        for bands, values in given
        if values is not None
        for band, value in zip(bands, values, strict=True)
    }
