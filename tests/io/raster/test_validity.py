"""One rule of what is valid, whichever reader opens the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.io.raster import Scene, SceneOptions, SensorImage, raster_shape
from landslip.io.raster.readers import ElevationRaster
from landslip.io.raster.validity import output_nodata, undeclared_fill

WriteRaster = Callable[..., Path]
ALPHA, GREY = ColorInterp.alpha, ColorInterp.undefined
NAMES = ("blue", "green", "red", "nir")
RGBN = ("red", "green", "blue", "nir")
TRUTH = np.array([[True, True, False], [False, True, True]])
NAN = float("nan")


def pixels(dtype: str = "uint16", bands: int = 4) -> NDArray[Any]:
    """Return bands (bands, 2, 3) of numbers over 0, all distinct."""
    return np.arange(1, bands * 6 + 1, dtype=dtype).reshape(bands, 2, 3)


def marked(values: NDArray[Any], number: float, band: int | None = None) -> NDArray[Any]:
    """Return values with a number where there are no data, in all bands or one."""
    values = values.copy()
    values[slice(None) if band is None else band, ~TRUTH] = number
    return values


def with_alpha(at: int, dtype: str = "uint16", opaque: float = 1) -> NDArray[Any]:
    """Return bands with alpha as the one at a place, counted from 0."""
    return np.insert(pixels(dtype), at, np.where(TRUTH, opaque, 0), axis=0)


def interpreted(at: int) -> list[ColorInterp]:
    return [ALPHA if band == at else GREY for band in range(5)]


def valid_of(path: Path, nodata: float | None = None) -> list[NDArray[np.bool_]]:
    """Return what each reader calls valid."""
    options = SceneOptions(bands=Bands(NAMES), nodata=nodata)
    with Scene(path, options) as scene, SensorImage(path, nodata) as image:
        stored, valid = scene.read(scene.grid.window)
        seen, other = image.read(image.grid.window)
        _, small = image.read_small(3)
        assert len(stored) == image.count == len(seen) == raster_shape(path).count == 4
    return [valid, other, small]


def set_mask(path: Path) -> None:
    with rasterio.open(path, "r+") as file:
        file.write_mask(np.where(TRUTH, np.uint8(255), np.uint8(0)))


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize(
    ("dtype", "opaque"), [("uint16", 65535), ("uint16", 1), ("uint8", 255), ("float32", 0.25)]
)
def test_alpha_at_any_place_is_a_mask_and_no_band(
    write_raster: WriteRaster, at: int, dtype: str, opaque: float
) -> None:
    path = write_raster("scene.tif", with_alpha(at, dtype, opaque))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = interpreted(at)
    for valid in valid_of(path):
        np.testing.assert_array_equal(valid, TRUTH)


def test_a_band_named_alpha_is_alpha(write_raster: WriteRaster) -> None:
    values = with_alpha(4)
    path = write_raster("scene.tif", values, names=(*NAMES, "Alpha"))
    unnamed = write_raster("unnamed.tif", values)
    with Scene(path) as scene, SensorImage(path) as image:
        assert scene.bands.names == NAMES == image.descriptions
        np.testing.assert_array_equal(scene.read(scene.grid.window)[1], TRUTH)
    with Scene(unnamed, SceneOptions(bands=Bands((*NAMES, "alpha")))) as scene:
        assert scene.bands.names == NAMES
        np.testing.assert_array_equal(scene.read(scene.grid.window)[1], TRUTH)


def test_alpha_is_not_counted_for_names(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", with_alpha(2))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = interpreted(2)
    five = SceneOptions(bands=Bands((*NAMES, "pan")))
    with pytest.raises(InputError, match=r"names 5 bands.*the file has 4 besides alpha \(band 3\)"):
        Scene(path, five)
    unnamed = write_raster("unnamed.tif", with_alpha(4))
    with pytest.raises(InputError, match=r"separated by commas \(alpha: transparency\)"):
        Scene(unnamed)
    only = write_raster("alpha.tif", pixels(bands=1), names=("alpha",))
    with pytest.raises(InputError, match=r"alpha.tif: a raster needs a band of data"):
        SensorImage(only)


@pytest.mark.parametrize(
    ("values", "in_file", "stated"),
    [
        pytest.param(marked(pixels(), 0), 0, None, id="0 in all bands"),
        pytest.param(marked(pixels(), 0), 9999, 0, id="stated over the file's"),
        pytest.param(marked(pixels(), 65535, 2), 65535, None, id="another number in one band"),
        pytest.param(marked(pixels("int16"), -9999, 0), None, -9999, id="stated, one band"),
        pytest.param(marked(pixels("float32"), NAN, 1), None, None, id="not a number"),
        pytest.param(marked(pixels("float32"), NAN, 1), NAN, None, id="NaN is nodata"),
        pytest.param(marked(pixels("float32"), 0.1), 0.1, None, id="rounded to float32"),
        pytest.param(
            marked(pixels("float32"), float(np.finfo("float32").min)),
            -3.40282e38,
            None,
            id="cut digits",
        ),
    ],
)
def test_nodata_values(
    write_raster: WriteRaster, values: NDArray[Any], in_file: float | None, stated: float | None
) -> None:
    path = write_raster("scene.tif", values, nodata=in_file)
    for valid in valid_of(path, stated):
        np.testing.assert_array_equal(valid, TRUTH)


def test_0_in_one_band_is_a_dark_pixel(write_raster: WriteRaster) -> None:
    """Water measures 0 in near infrared where 0 is nodata, too."""
    path = write_raster("scene.tif", marked(pixels(), 0, 3), nodata=0)
    for valid in valid_of(path):
        assert valid.all()
    with Scene(path, SceneOptions(bands=Bands(NAMES))) as scene:
        _, valid = scene.read(scene.grid.window, Bands(("nir",)))
        assert valid.all(), "whichever bands are read"


def test_what_is_not_finite_in_a_band_is_missing_beside_0(write_raster: WriteRaster) -> None:
    values = marked(marked(pixels("float32"), 0, 3), NAN, 2)
    path = write_raster("scene.tif", values, nodata=0)
    with Scene(path, SceneOptions(bands=Bands(NAMES))) as scene:
        for bands, expected in ((("red", "nir"), TRUTH), (("nir",), np.ones_like(TRUTH))):
            _, valid = scene.read(scene.grid.window, Bands(bands))
            np.testing.assert_array_equal(valid, expected)


@pytest.mark.parametrize("inside", [True, False], ids=["internal", "beside the file"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_masks(write_raster: WriteRaster, inside: bool, dtype: str) -> None:
    path = write_raster("scene.tif", pixels(dtype), photometric="MINISBLACK")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside):
        set_mask(path)
    assert path.with_name("scene.tif.msk").exists() is not inside
    for valid in valid_of(path):
        np.testing.assert_array_equal(valid, TRUTH)


def test_a_mask_and_nodata_both_count(write_raster: WriteRaster) -> None:
    values = pixels()
    values[:, 1, 2] = 7777
    path = write_raster("scene.tif", values, nodata=7777)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        set_mask(path)
    expected = TRUTH.copy()
    expected[1, 2] = False
    for valid in valid_of(path):
        np.testing.assert_array_equal(valid, expected)


def test_nodata_values_of_a_dataset(write_raster: WriteRaster) -> None:
    """NODATA_VALUES of a dataset hold together: all bands, each its own."""
    values = pixels()
    values[:, ~TRUTH] = np.array([[1], [2], [3], [4]])
    values[0, 0, 0] = 1
    path = write_raster("scene.tif", values)
    with rasterio.open(path, "r+") as file:
        file.update_tags(NODATA_VALUES="1 2 3 4")
    for valid in valid_of(path):
        np.testing.assert_array_equal(valid, TRUTH)


def test_a_value_that_the_type_cannot_hold_marks_nothing(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", pixels())
    for valid in valid_of(path, -9999):
        assert valid.all()
    with SensorImage(path, -9999) as image:
        (note,) = image.validity.notes
    assert note.text() == "the stated nodata value -9999 cannot occur in uint16 and marks nothing"


def test_a_normal_raster_has_no_notes(write_raster: WriteRaster) -> None:
    opaque = np.concatenate([pixels("uint8", 3), np.full((1, 2, 3), 255, np.uint8)])
    for values, nodata in ((opaque, None), (pixels(), 0)):
        path = write_raster("scene.tif", values)
        with SensorImage(path, nodata) as image:
            assert image.validity.notes == ()


def test_alpha_that_varies_is_noted(write_raster: WriteRaster) -> None:
    """GDAL calls the fourth of four 8-bit bands alpha when nothing else is said."""
    with SensorImage(write_raster("scene.tif", pixels("uint8"))) as image:
        (note,) = image.validity.notes
        assert image.count == 3
    assert "band 4 is marked as alpha and read as transparency" in note.text()


def four_bands(path: Path, fourth: NDArray[Any], names: tuple[str, ...] | None = None) -> Path:
    """Write a picture of four bands of which the last is called alpha."""
    values = np.concatenate([np.full((3, *fourth.shape), 7, fourth.dtype), fourth[None]])
    height, width = fourth.shape
    profile = {"driver": "GTiff", "count": 4, "height": height, "width": width}
    rgba = {"photometric": "RGB", "alpha": "YES"}
    transform = rasterio.Affine(2, 0, 500000, 0, -2, 4000000)
    with rasterio.open(
        path, "w", dtype=fourth.dtype, transform=transform, **profile, **rgba
    ) as file:
        file.write(values)
        for index, name in enumerate(names or (), start=1):
            file.set_band_description(index, name)
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_fourth_band_called_alpha_that_has_values_of_data_is_data(
    tmp_path: Path, dtype: str
) -> None:
    infrared = np.random.default_rng(0).integers(40, 220, (32, 32)).astype(dtype)
    path = four_bands(tmp_path / "scene.tif", infrared)
    named = four_bands(tmp_path / "named.tif", infrared, RGBN)
    assert raster_shape(path).count == 4
    with (
        Scene(path, SceneOptions(bands=Bands(RGBN))) as scene,
        Scene(named) as by_file,
        SensorImage(path) as image,
        Scene(path, SceneOptions(bands=Bands(RGBN[:3]))) as three,
    ):
        assert scene.bands.names == by_file.bands.names == RGBN
        assert image.count == 4
        np.testing.assert_array_equal(scene.read(scene.grid.window)[0][3], infrared)
        assert three.bands.names == RGBN[:3]  # as stated, and noted
        assert [note.key for note in three.validity.notes] == ["raster.alpha_varies"]


@pytest.mark.parametrize(("dtype", "opaque"), [("uint8", 255), ("uint16", 65535), ("uint16", 1)])
def test_a_fourth_band_of_transparency_is_alpha(tmp_path: Path, dtype: str, opaque: int) -> None:
    truth = np.arange(32) >= np.arange(32)[:, None]
    path = four_bands(tmp_path / "scene.tif", np.where(truth, opaque, 0).astype(dtype))
    with Scene(path, SceneOptions(bands=Bands(RGBN[:3]))) as scene, SensorImage(path) as image:
        assert image.count == 3
        assert scene.validity.notes == image.validity.notes == ()
        np.testing.assert_array_equal(scene.read(scene.grid.window)[1], truth)
    with Scene(path, SceneOptions(bands=Bands(RGBN))) as wrong:
        assert "raster.alpha_named" in [note.key for note in wrong.validity.notes]


@pytest.mark.parametrize(
    ("dtype", "number"),
    [("uint16", 0), ("uint8", 0), ("int16", -9999), ("uint16", 65535), ("float32", -3.4e38)],
)
def test_pixels_that_look_missing_and_count_as_data_are_noted(dtype: str, number: float) -> None:
    sample = np.random.default_rng(0).integers(1, 250, (3, 1000)).astype(dtype)
    assert undeclared_fill(sample) is None
    sample[:, :50] = number
    note = undeclared_fill(sample)
    assert note is not None
    assert note.is_warning
    assert note.text().startswith(f"5% of the sampled pixels are {np.dtype(dtype).type(number):g} ")


def test_dark_and_saturated_pixels_are_no_missing_ones() -> None:
    sample = np.random.default_rng(0).integers(1, 250, (3, 1000)).astype("uint8")
    sample[:, :400] = 255  # of a cloud
    sample[0, 400:800] = 0
    sample[:, 800:805] = 0
    assert undeclared_fill(sample) is None
    assert undeclared_fill(sample[:1]) is None
    assert undeclared_fill(sample[:, :0]) is None


def test_alpha_beside_heights(write_raster: WriteRaster) -> None:
    heights = pixels("float32", 1)
    path = write_raster("dem.tif", np.concatenate([heights, TRUTH[None].astype("float32")]))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = (ColorInterp.gray, ALPHA)
    with ElevationRaster(path) as raster:
        found = raster.read(raster.grid.window)
    np.testing.assert_array_equal(np.isfinite(found), TRUTH)
    np.testing.assert_array_equal(found[TRUTH], heights[0, TRUTH])


@pytest.mark.parametrize(
    ("dtype", "declared", "expected"),
    [
        ("uint16", (None, 7.0), 7),
        ("uint16", (-9999.0, None), 0),
        ("int16", (None,), -32768),
        ("float32", (-1.7976931348623157e308,), NAN),
        ("float32", (-9999.0,), -9999),
    ],
)
def test_what_marks_gaps_in_an_output(
    dtype: str, declared: tuple[float | None, ...], expected: float
) -> None:
    np.testing.assert_equal(output_nodata(dtype, *declared), expected)
