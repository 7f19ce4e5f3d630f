"""Opening a level-1A product: its two images, their camera models and metadata."""

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
    files_in_folder,
)
from landslip.preprocessing.product.metadata import ImageMetadata, read_metadata
from landslip.preprocessing.product.rpb import read_rpb

MSS_BANDS = ("blue", "green", "red", "nir")
PAN_BANDS = ("pan",)
_BANDS = {ImageKind.MSS: MSS_BANDS, ImageKind.PAN: PAN_BANDS}
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_SAME_SCENE_S = 60
_RATIO = 4
_RATIO_TOLERANCE = 0.02
# the one real file at hand says 18000 rows where 18012 are on record
_SHAPE_TOLERANCE = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductImage:
    """One image: the file of its pixels, its camera model, and its metadata."""

    tiff: Path
    rpc: RPC
    metadata: ImageMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A level-1A product: an image of the bands `MSS_BANDS`, and one of the band `PAN_BANDS`."""

    name: str
    mss: ProductImage
    pan: ProductImage

    @property
    def camera(self) -> SatelliteCamera:
        """The camera that took both images."""
        return self.mss.metadata.camera

    @property
    def abs_gains(self) -> dict[str, float]:
        """Calibration gains by band name, where the XML files state them."""
        return _by_band(self.mss.metadata.abs_gains, self.pan.metadata.abs_gains)

    @property
    def abs_offsets(self) -> dict[str, float]:
        """Calibration offsets by band name, where the XML files state them."""
        return _by_band(self.mss.metadata.abs_offsets, self.pan.metadata.abs_offsets)


@contextmanager
def open_product(
    path: Path,
    *,
    budget: ArchiveBudget = DEFAULT_BUDGET,
    scratch: Path | None = None,
    progress: Progress = no_progress,
) -> Iterator[Product]:
    """Open an archive or folder; files unpacked from an archive are removed at the end.

    A folder is read in place. An archive is unpacked into ``scratch``, by default the system's
    folder for temporary files; progress is in bytes of it.

    Raises:
        InputError: it is no product of a supported camera, a file is missing or damaged, or the
            files do not belong together.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    try:
        camera_from_product_name(path.name)  # before unpacking another camera's product
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if path.is_dir():
        yield _read_product(path, files_in_folder(path))
        return
    if scratch is not None and not scratch.is_dir():
        raise InputError(f"{scratch}: a scratch folder must exist, and this one does not")
    with tempfile.TemporaryDirectory(prefix="landslip-", dir=scratch) as folder:
        yield _read_product(path, unpack(path, Path(folder), budget, progress))


def _read_product(source: Path, files: ProductFiles) -> Product:
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
            raise InputError(f"{image.tiff}: is not a TIFF file, whatever its name says")
    raster = raster_shape(image.tiff)
    _require_image(image.tiff, kind, image.metadata, raster)
    return raster.shape


def _require_same_scene(source: Path, mss: ImageMetadata, pan: ImageMetadata) -> None:
    """Stop where two images were not taken by one camera at one time."""
    if mss.camera != pan.camera:
        raise InputError(
            f"{source}: both images of a product are of one camera; the MSS image is of "
            f"{mss.camera} and the PAN image of {pan.camera}"
        )
    difference_s = abs((mss.centre_time - pan.centre_time).total_seconds())
    if difference_s >= _SAME_SCENE_S:
        raise InputError(
            f"{source}: both images of a product are of one scene, taken less than "
            f"{_SAME_SCENE_S} s apart; CenterTime is {mss.centre_time} in the MSS image's XML "
            f"file and {pan.centre_time} in the PAN image's"
        )


def _require_image(
    tiff: Path, kind: ImageKind, metadata: ImageMetadata, raster: RasterShape
) -> None:
    """Stop where a raster has other bands, another data type, or another size by over 0.2 %."""
    bands = len(_BANDS[kind])
    if raster.count != bands or raster.dtype != "uint16":
        raise InputError(
            f"{tiff}: the {kind.value} image has {bands} band(s) of uint16; "
            f"this one has {raster.count} of {raster.dtype}"
        )
    pairs = zip(raster.shape, metadata.shape, strict=True)
    if any(abs(real - stated) > _SHAPE_TOLERANCE * stated for real, stated in pairs):
        raise InputError(
            f"{tiff}: an image has the size that its XML file states, here "
            f"{_size_text(metadata.shape)}; this one has {_size_text(raster.shape)}; "
            "download the product again"
        )


def _require_calibration(xml: Path, kind: ImageKind, metadata: ImageMetadata) -> None:
    """Stop where the calibration coefficients are not one for each band of the image."""
    bands = len(_BANDS[kind])
    for name, values in (("gains", metadata.abs_gains), ("offsets", metadata.abs_offsets)):
        if values is not None and len(values) != bands:
            raise InputError(
                f"{xml}: calibration {name} are one for each of the {kind.value} image's "
                f"{bands} band(s); the file states {values}; correct or empty their tag"
            )


def _require_ratio(source: Path, mss: tuple[int, int], pan: tuple[int, int]) -> None:
    """Stop where the panchromatic image is not four times as large as the other, within 2 %."""
    ratios = [large / small for large, small in zip(pan, mss, strict=True)]
    if any(abs(ratio / _RATIO - 1) > _RATIO_TOLERANCE for ratio in ratios):
        raise InputError(
            f"{source}: the PAN image is {_RATIO} times as large as the MSS image, within 2 %; "
            f"they have {_size_text(pan)} and {_size_text(mss)}"
        )


def _size_text(shape: tuple[int, int]) -> str:
    return f"{shape[1]} x {shape[0]} px"


def _by_band(mss: tuple[float, ...] | None, pan: tuple[float, ...] | None) -> dict[str, float]:
    stated = [*zip(MSS_BANDS, mss or (), strict=False), *zip(PAN_BANDS, pan or (), strict=False)]
    return dict(stated)
