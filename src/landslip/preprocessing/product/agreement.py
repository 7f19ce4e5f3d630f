"""Whether the files of a product belong together."""

from pathlib import Path

from landslip.core.errors import InputError
from landslip.io.raster import RasterShape
from landslip.preprocessing.product.metadata import ImageMetadata
from landslip.preprocessing.product.names import Image

_BANDS = {Image.MSS: 4, Image.PAN: 1}
_SAME_SCENE_S = 60
_RATIO = 4
_RATIO_TOLERANCE = 0.02
# the one real file at hand says 18000 rows where 18012 are on record
_SHAPE_TOLERANCE = 0.002


def require_same_scene(source: Path, mss: ImageMetadata, pan: ImageMetadata) -> None:
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


def require_image(tiff: Path, image: Image, metadata: ImageMetadata, found: RasterShape) -> None:
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
            f"{tiff}: an image has the size that its XML file tells, here {_size(metadata.shape)}; "
            f"this one has {_size(found.shape)}; fetch the product again"
        )


def require_calibration(xml: Path, image: Image, metadata: ImageMetadata) -> None:
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


def require_ratio(source: Path, mss: tuple[int, int], pan: tuple[int, int]) -> None:
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
            f"they have {_size(pan)} and {_size(mss)}"
        )


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[1]} x {shape[0]} px"
