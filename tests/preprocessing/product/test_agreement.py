from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from landslip.core.errors import InputError
from landslip.io.raster import RasterShape
from landslip.preprocessing.camera import Camera
from landslip.preprocessing.product.agreement import (
    require_calibration,
    require_image,
    require_ratio,
    require_same_scene,
)
from landslip.preprocessing.product.metadata import ImageMetadata
from landslip.preprocessing.product.names import Image

HERE = Path("product")
NOON = datetime(2022, 6, 24, 12)


def metadata(**changes: Any) -> ImageMetadata:
    given: dict[str, Any] = {
        "camera": Camera(satellite="GF1", sensor="PMS1"),
        "centre_time": NOON,
        "solar_azimuth_deg": 106.0,
        "solar_zenith_deg": 25.0,
        "shape": (18000, 18192),
    }
    return ImageMetadata(**(given | changes))


@pytest.mark.parametrize("apart_s", [0, 59.9, -59.9])
def test_images_of_one_minute_are_of_one_scene(apart_s: float) -> None:
    require_same_scene(HERE, metadata(), metadata(centre_time=NOON + timedelta(seconds=apart_s)))


@pytest.mark.parametrize("apart_s", [60, -60, 8 * 3600])
def test_images_of_other_times_are_not(apart_s: float) -> None:
    other = metadata(centre_time=NOON + timedelta(seconds=apart_s))
    with pytest.raises(InputError, match=r"product: .* one scene.* 60 s.*2022-06-24 12:00:00"):
        require_same_scene(HERE, metadata(), other)


@pytest.mark.parametrize(("satellite", "sensor"), [("GF1", "PMS2"), ("GF2", "PMS1")])
def test_images_of_two_cameras_are_not(satellite: str, sensor: str) -> None:
    other = metadata(camera=Camera(satellite=satellite, sensor=sensor))
    with pytest.raises(InputError, match=f"MSS image is of GF1 PMS1 and.* of {satellite} {sensor}"):
        require_same_scene(HERE, metadata(), other)


@pytest.mark.parametrize(
    "shape", [(18000, 18192), (18012, 18192), (17964, 18192), (18036, 18228), (18000, 18156)]
)
def test_a_size_within_a_500th_passes(shape: tuple[int, int]) -> None:
    found = RasterShape(count=1, shape=shape, dtype="uint16")
    require_image(HERE / "a.tiff", Image.PAN, metadata(), found)


@pytest.mark.parametrize("shape", [(18037, 18192), (17963, 18192), (18000, 18229), (4503, 4548)])
def test_another_size_does_not(shape: tuple[int, int]) -> None:
    found = RasterShape(count=1, shape=shape, dtype="uint16")
    with pytest.raises(InputError, match=r"a.tiff: .*18192 x 18000 px; this one has \d+ x \d+ px"):
        require_image(HERE / "a.tiff", Image.PAN, metadata(), found)


@pytest.mark.parametrize(
    ("image", "count", "dtype", "message"),
    [
        (Image.PAN, 4, "uint16", r"PAN image has 1 band\(s\) of uint16; this one has 4 of uint16"),
        (Image.MSS, 3, "uint16", r"MSS image has 4 band\(s\) of uint16; this one has 3 of uint16"),
        (Image.MSS, 4, "uint8", r"MSS image has 4 band\(s\) of uint16; this one has 4 of uint8"),
    ],
)
def test_other_bands_and_types_do_not(image: Image, count: int, dtype: str, message: str) -> None:
    found = RasterShape(count=count, shape=(18000, 18192), dtype=dtype)
    with pytest.raises(InputError, match=message):
        require_image(HERE / "a.tiff", image, metadata(), found)


@pytest.mark.parametrize("pan", [(18000, 18192), (18012, 18192), (18372, 18555), (17652, 17829)])
def test_pan_is_about_four_times_as_large(pan: tuple[int, int]) -> None:
    require_ratio(HERE, (4503, 4548), pan)


@pytest.mark.parametrize("pan", [(18373, 18192), (17651, 18192), (18012, 18557), (4503, 4548)])
def test_another_ratio_is_refused(pan: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="4 times as large as the MSS image, within 2 %"):
        require_ratio(HERE, (4503, 4548), pan)


def test_calibration_is_one_number_for_each_band() -> None:
    four = (0.1, 0.2, 0.3, 0.4)
    require_calibration(HERE, Image.MSS, metadata(abs_gains=four, abs_offsets=four))
    require_calibration(HERE, Image.PAN, metadata(abs_gains=(0.1,)))
    with pytest.raises(InputError, match=r"calibration gains.*PAN image's 1 band\(s\)"):
        require_calibration(HERE, Image.PAN, metadata(abs_gains=four))
    with pytest.raises(InputError, match=r"calibration offsets.*MSS image's 4 band\(s\)"):
        require_calibration(HERE, Image.MSS, metadata(abs_gains=four, abs_offsets=(1.0,)))
