import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from tests.preprocessing.orthorectification.conftest import places, rasterio_rpc, write_image

from landslip.core.errors import InputError
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster import PlainOutput, RasterShape, SensorImage, raster_shape

WriteRaster = Callable[..., Path]


def some_rpc() -> RPC:
    numbers = tuple(float(number) for number in range(1, 21))
    return RPC(
        line_off=1.25, samp_off=2.25, lat_off=3.25, lon_off=4.25, height_off=5.25,
        line_scale=100.5, samp_scale=200.5, lat_scale=0.5, lon_scale=0.25, height_scale=500.5,
        line_num=numbers, line_den=numbers[::-1],
        samp_num=tuple(-number for number in numbers), samp_den=tuple(n + 0.5 for n in numbers),
    )  # fmt: skip


def test_every_coefficient_comes_to_its_place(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.tif", places((4, 5)), some_rpc())
    with SensorImage(path) as image:
        assert image.rpc == some_rpc()
        assert (image.count, image.shape, image.dtype) == (2, (4, 5), "float32")
        assert image.nodata is None
        assert image.grid.crs is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            assert file.rpcs.to_dict() == rasterio_rpc(some_rpc()).to_dict() | {
                "err_bias": file.rpcs.err_bias,
                "err_rand": file.rpcs.err_rand,
            }


def test_a_mapped_image_has_no_rpc(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", np.zeros((2, 2), np.uint8), nodata=7, names=("red",))
    with SensorImage(path) as image:
        assert image.rpc is None
        assert image.nodata == 7
        assert image.descriptions == ("red",)
    with SensorImage(path, nodata=3) as image:
        assert image.nodata == 3


def test_windows_are_read_as_they_are_stored(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.tif", places((40, 50)), None)
    with SensorImage(path) as image:
        values = image.read(Window(3, 5, 2, 1))
        small = image.read_small(10)
    assert values.tolist() == [[[3.5, 4.5]], [[5.5, 5.5]]]
    assert small.shape == (2, 8, 10)


@pytest.mark.parametrize(
    ("dtype", "nodata", "expected"),
    [
        pytest.param("uint16", 0, [True, True, False], id="all bands are nodata"),
        pytest.param("uint16", None, [True, True, True], id="none declared"),
        pytest.param("float32", None, [True, False, True], id="a band is NaN"),
        pytest.param("float32", 0, [True, False, False], id="both"),
    ],
)
def test_what_is_data(
    tmp_path: Path, dtype: str, nodata: float | None, expected: list[bool]
) -> None:
    odd = np.nan if dtype == "float32" else 9
    stored = np.array([[[5, odd, 0]], [[0, 5, 0]]], dtype=dtype)
    path = write_image(tmp_path / "image.tif", stored, None, nodata=nodata)
    with SensorImage(path) as image:
        assert image.holds(stored)[0].tolist() == expected


def test_no_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.tif: no such file"):
        SensorImage(tmp_path / "none.tif")


def test_a_plain_output_is_what_was_written(tmp_path: Path) -> None:
    values = np.arange(2 * 6 * 5, dtype=np.uint16).reshape(2, 6, 5)
    path = tmp_path / "image.tiff"
    with PlainOutput(path, (6, 5), 2) as output:
        output.write(values[:, :4], Window(0, 0, 5, 4))
        output.write(values[:, 4:], Window(0, 4, 5, 2))
    assert raster_shape(path) == RasterShape(count=2, shape=(6, 5), dtype="uint16")
    with SensorImage(path) as image:
        np.testing.assert_array_equal(image.read(Window(0, 0, 5, 6)), values)
        assert image.grid.crs is None
