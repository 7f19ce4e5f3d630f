import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning
from tests.preprocessing.orthorectification.conftest import places, rasterio_rpc, write_image

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster import Mask, PlainOutput, RasterShape, SensorImage, raster_shape
from landslip.io.raster.readers import ElevationRaster, fill_gaps

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
        values, _ = image.read(Window(3, 5, 2, 1))
        small, _ = image.read_small(10)
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
        assert image.read(image.grid.window)[1][0].tolist() == expected


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
        np.testing.assert_array_equal(image.read(Window(0, 0, 5, 6))[0], values)
        assert image.grid.crs is None


UTM = CRS.from_epsg(32650)
METRES = Affine(1, 0, 500_000, 0, -1, 4_000_000)


def mask_on(path: Path, grid: Grid | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    with Mask(path, grid) as mask:
        return mask.read()


def test_a_mask_is_read_as_it_is(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 1, 255], [1, 0, 1]], dtype=np.uint8)
    found, known = mask_on(write_raster("mask.tif", codes, nodata=255))
    np.testing.assert_array_equal(found, codes)
    np.testing.assert_array_equal(known, codes != 255)


def test_a_mask_is_0_and_unknown_outside(write_raster: WriteRaster) -> None:
    path = write_raster("mask.tif", np.ones((2, 3), dtype=np.uint8))
    with Mask(path) as mask:
        codes, known = mask.read(Window(2, 1, 2, 2))
        nothing, nowhere = mask.read(Window(9, 9, 2, 2))
    assert codes.tolist() == [[1, 0], [0, 0]]
    assert known.tolist() == [[True, False], [False, False]]
    assert not nothing.any()
    assert not nowhere.any()


@pytest.mark.parametrize(
    ("transform", "rows", "cols"),
    [
        pytest.param(METRES, slice(0, 8), slice(0, 8), id="the same frame"),
        pytest.param(
            Affine(1, 0, 500_002, 0, -1, 3_999_997),
            slice(3, 8),
            slice(2, 8),
            id="shifted by whole pixels",
        ),
    ],
)
def test_a_mask_is_seen_on_the_grid(
    write_raster: WriteRaster, transform: Affine, rows: slice, cols: slice
) -> None:
    codes = np.random.default_rng(1).integers(0, 2, (20, 20), dtype=np.uint8)
    path = write_raster("mask.tif", codes)
    grid = Grid(crs=UTM, transform=transform, shape=(rows.stop - rows.start, 8 - cols.start))
    found, known = mask_on(path, grid)
    np.testing.assert_array_equal(found, codes[rows, cols])
    assert known.all()


@pytest.mark.parametrize("nodata", [None, 255])
def test_what_a_mask_does_not_cover_is_unknown(
    write_raster: WriteRaster, nodata: int | None
) -> None:
    codes = np.ones((4, 4), dtype=np.uint8)
    codes[0, 0] = 255 if nodata else 1
    path = write_raster("mask.tif", codes, nodata=nodata)
    grid = Grid(crs=UTM, transform=Affine(1, 0, 499_998, 0, -1, 4_000_001), shape=(6, 7))
    found, known = mask_on(path, grid)
    expected = np.zeros((6, 7), dtype=bool)
    expected[1:5, 2:6] = True
    expected[1, 2] = nodata is None
    np.testing.assert_array_equal(known, expected)
    assert (found[known] == 1).all()


def test_a_mask_in_other_pixels_is_resampled_to_the_nearest(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    path = write_raster("mask.tif", codes, transform=Affine(3, 0, 500_000, 0, -3, 4_000_000))
    found, _ = mask_on(path, Grid(crs=UTM, transform=METRES, shape=(6, 6)))
    np.testing.assert_array_equal(found, np.kron(codes, np.ones((3, 3))))


def test_a_mask_without_coordinates_lies_on_a_scene_of_its_size(
    write_raster: WriteRaster,
) -> None:
    codes = np.array([[0, 1, 1], [1, 0, 0]], dtype=np.uint8)
    path = write_raster("mask.png", codes)
    found, known = mask_on(path, Grid(crs=UTM, transform=METRES, shape=(2, 3)))
    np.testing.assert_array_equal(found, codes)
    assert known.all()


def test_a_mask_without_coordinates_of_another_size_is_refused(
    write_raster: WriteRaster,
) -> None:
    path = write_raster("mask.png", np.zeros((2, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"must have the scene's size; it has \(2, 3\)"):
        Mask(path, Grid(crs=UTM, transform=METRES, shape=(3, 3)))


def test_a_mask_of_equal_bands_is_one(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 255]], dtype=np.uint8)
    found, _ = mask_on(write_raster("mask.png", np.stack([codes] * 3)))
    np.testing.assert_array_equal(found, codes)


def test_a_mask_of_colours_is_refused(write_raster: WriteRaster) -> None:
    path = write_raster(
        "mask.png", np.stack([np.full((1, 2), code, np.uint8) for code in (0, 1, 0)])
    )
    with pytest.raises(InputError, match=r"this one has 3 bands that differ"):
        mask_on(path)


def test_what_a_mask_covers_is_known_on_another_grid(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    path = write_raster("mask.tif", codes, nodata=0)
    with Mask(path) as mask:
        found, known = mask.read()
        assert mask.covers().all()
    assert np.array_equal(found, codes)
    assert np.array_equal(known, codes == 1)
    assert mask.zero_is_nodata
    shifted = Grid(crs=UTM, transform=Affine(1, 0, 500_001, 0, -1, 4_000_000), shape=(2, 2))
    with Mask(path, shifted) as mask:
        assert mask.covers().tolist() == [[True, False], [True, False]]


def test_a_palette_of_black_and_white_is_read_as_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "mask.png")
    with Mask(tmp_path / "mask.png") as mask:
        assert mask.read()[0].tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("dtype", "stored", "nodata", "expected"),
    [
        pytest.param("float32", [1.5, -9999, 0], -9999, [1.5, np.nan, 0], id="declared"),
        pytest.param("int16", [1500, -32768, 0], None, [1500, np.nan, 0], id="undeclared -32768"),
        pytest.param("float32", [1.5, np.nan, np.inf], None, [1.5, np.nan, np.nan], id="NaN"),
        pytest.param(
            "float32", [-3.4e38, 1e20, 8848], None, [np.nan, np.nan, 8848], id="no height on Earth"
        ),
        pytest.param("float32", [-430, -501, 9001], None, [-430, np.nan, np.nan], id="the limits"),
        pytest.param("float64", [1.5, 2.5, 3.5], np.nan, [1.5, 2.5, 3.5], id="double"),
    ],
)
def test_what_is_a_height(
    write_raster: WriteRaster,
    dtype: str,
    stored: list[float],
    nodata: float | None,
    expected: list[float],
) -> None:
    path = write_raster("dem.tif", np.array([stored], dtype=dtype), nodata=nodata)
    with ElevationRaster(path) as file:
        found = file.read(file.grid.window)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([expected], np.float32))


def test_scale_and_offset_make_metres(write_raster: WriteRaster) -> None:
    path = write_raster(
        "dem.tif", np.array([[100, 0, 200]], np.int16), nodata=0, scales=(0.5,), offsets=(1000.0,)
    )
    with ElevationRaster(path) as file:
        np.testing.assert_array_equal(file.read(file.grid.window), [[1050, np.nan, 1100]])


def test_a_window_is_read(write_raster: WriteRaster) -> None:
    row, col = np.indices((6, 8))
    path = write_raster("dem.tif", (100 * row + col).astype(np.int16))
    with ElevationRaster(path) as file:
        assert file.read(Window(2, 3, 2, 2)).tolist() == [[302, 303], [402, 403]]


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        ("EPSG:32650", None),
        ("EPSG:4326+3855", 3855),
        ("EPSG:32650+5773", 5773),
        ("EPSG:4979", None),
    ],
)
def test_what_heights_are_counted_from(
    write_raster: WriteRaster, crs: str, code: int | None
) -> None:
    path = write_raster("dem.tif", np.zeros((2, 2), np.float32), **place(crs))
    with ElevationRaster(path) as file:
        assert (file.vertical and file.vertical.to_epsg()) == code


DEGREES = Affine(1e-3, 0, 103, 0, -1e-3, 31)


def place(crs: str) -> dict[str, Any]:
    """Return a system, and in degrees a transform that goes with it."""
    return {"crs": crs} | ({"transform": DEGREES} if CRS.from_string(crs).is_geographic else {})


FOOT, SURVEY_FOOT = 0.3048, 1200 / 3937


@pytest.mark.parametrize(
    ("unit", "crs", "metres"),
    [
        (None, "EPSG:32650", 1.0),
        ("m", "EPSG:32650+5773", 1.0),
        ("Metre", "EPSG:4326+3855", 1.0),
        ("米", "EPSG:32650", 1.0),
        ("ft", "EPSG:32650", FOOT),
        ("Feet", "EPSG:2227", FOOT),
        ("US survey foot", "EPSG:32650", SURVEY_FOOT),
        ("Foot_US", "EPSG:32650", SURVEY_FOOT),
        ("us-ft", "EPSG:32650", SURVEY_FOOT),
        ("cm", "EPSG:32650", 0.01),
        ("decimeters", "EPSG:32650", 0.1),
        (None, "EPSG:32650+8228", FOOT),
        (None, "EPSG:2227+6360", SURVEY_FOOT),
        ("ft", "EPSG:2227+6360", SURVEY_FOOT),
        (None, "EPSG:2227", 1.0),
        (None, "EPSG:4979", 1.0),
        (None, "EPSG:32650+5715", -1.0),
    ],
)
def test_heights_are_metres_whatever_their_unit(
    write_raster: WriteRaster, unit: str | None, crs: str, metres: float
) -> None:
    stored = np.array([[-100, 400]], np.int16)
    path = write_raster("dem.tif", stored, **place(crs))
    if unit is not None:
        with rasterio.open(path, "r+") as file:
            file.units = (unit,)
    with ElevationRaster(path) as file:
        found = file.read(file.grid.window)
    np.testing.assert_allclose(found, [[-100 * metres, 400 * metres]], rtol=1e-6)


@pytest.mark.parametrize(
    ("unit", "crs", "message"),
    [
        ("degrees", "EPSG:32650", r"dem.tif: heights are .*the band's unit is 'degrees'.*-units"),
        ("percent", "EPSG:4326", r"dem.tif: heights are in a unit of length"),
        ("m", "EPSG:2227+6360", r"dem.tif: the band's unit is 'm' and .* has US survey foot; set"),
        ("ft", "EPSG:32650+5773", r"dem.tif: the band's unit is 'ft' and .*EGM96.* has metre"),
    ],
)
def test_heights_in_no_unit_of_length_are_refused(
    write_raster: WriteRaster, unit: str, crs: str, message: str
) -> None:
    path = write_raster("dem.tif", np.zeros((2, 2), np.float32), **place(crs))
    with rasterio.open(path, "r+") as file:
        file.units = (unit,)
    with pytest.raises(InputError, match=message):
        ElevationRaster(path)


@pytest.mark.parametrize(
    ("bands", "crs", "message"),
    [
        (
            3,
            "EPSG:32650",
            r"dem.tif: a raster of heights has one band; this one has 3; .*gdal_translate",
        ),
        (1, None, r"dem.tif: a raster of heights needs a coordinate system and this one has none"),
    ],
)
def test_what_is_no_height_map(
    write_raster: WriteRaster, bands: int, crs: str | None, message: str
) -> None:
    path = write_raster("dem.tif", np.zeros((bands, 2, 2), np.float32), crs=crs)
    with pytest.raises(InputError, match=message):
        ElevationRaster(path)


def test_a_truncated_model_is_told(write_raster: WriteRaster) -> None:
    noise = np.random.default_rng(0).normal(1000, 100, (200, 200)).astype(np.float32)
    path = write_raster("dem.tif", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with ElevationRaster(path) as file, pytest.raises(InputError, match=r"dem.tif: .*truncated"):
        file.read(Window(0, 150, 200, 50))


# gaps


def test_gaps_are_filled_from_around() -> None:
    row, col = np.indices((40, 50), dtype=np.float32)
    plane = 1000 + 2 * col + 3 * row
    heights = plane.copy()
    heights[15:22, 20:30] = np.nan
    filled = fill_gaps(heights, 100)
    known = np.isfinite(heights)
    np.testing.assert_array_equal(filled[known], plane[known])
    assert np.abs(filled - plane)[~known].max() < 15
    assert filled[~known].min() >= plane[14:23, 19:31].min()
    assert filled[~known].max() <= plane[14:23, 19:31].max()


def test_what_is_too_far_stays_a_gap() -> None:
    """And is no height of 0."""
    heights = np.full((20, 200), 1500, np.float32)
    heights[:, 20:] = np.nan
    filled = fill_gaps(heights, 30)
    assert (filled[:, :45] == 1500).all()
    assert np.isnan(filled[:, 60:]).all()


def test_without_gaps_nothing_changes() -> None:
    heights = np.random.default_rng(0).normal(0, 100, (9, 9)).astype(np.float32)
    heights[4, 4] = 0
    np.testing.assert_array_equal(fill_gaps(heights, 5), heights)
