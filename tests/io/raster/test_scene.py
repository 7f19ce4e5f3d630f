from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions

WriteRaster = Callable[..., Path]
UTM = CRS.from_epsg(32650)
METRES = Affine(1, 0, 500_000, 0, -1, 4_000_000)
GRB = Bands(("green", "red", "blue"))


def coordinates(height: int, width: int, bands: int = 1, dtype: str = "uint16") -> NDArray[Any]:
    """Return pixels that tell where they are: 10 000 band + 100 row + column, bands from 1."""
    band, row, col = np.mgrid[1 : bands + 1, :height, :width]
    pixels: NDArray[Any] = (10_000 * band + 100 * row + col).astype(dtype)
    return pixels


def read_all(path: Path, options: SceneOptions | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    with Scene(path, options) as scene:
        return scene.read(scene.grid.window)


def write_vrt(path: Path, source: Path, nodata: tuple[float, ...]) -> Path:
    """Write a VRT of a source's bands, each with a nodata value of its own."""
    with rasterio.open(source) as file:
        width, height, kind = file.width, file.height, "UInt16"
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{band}"><NoDataValue>{value}</NoDataValue>'
        f'<SimpleSource><SourceFilename relativeToVRT="1">{source.name}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band, value in enumerate(nodata, start=1)
    )
    path.write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">'
        f"<GeoTransform>0, 1, 0, 10, 0, -1</GeoTransform>{bands}</VRTDataset>"
    )
    return path


# bands


@pytest.mark.parametrize(
    ("names", "stated", "expected"),
    [
        pytest.param(("Green", "R", "blue"), None, GRB, id="the file's"),
        pytest.param(
            ("Green", "R", "blue"), "nir,red,pan", Bands.parse("nir,red,pan"), id="stated"
        ),
        pytest.param(None, "green,red,blue", GRB, id="stated, the file has none"),
    ],
)
def test_bands_are_named(
    write_raster: WriteRaster, names: tuple[str, ...] | None, stated: str | None, expected: Bands
) -> None:
    path = write_raster("scene.tif", coordinates(4, 5, 3), names=names)
    options = SceneOptions(bands=Bands.parse(stated) if stated else None)
    with Scene(path, options) as scene:
        assert scene.bands == expected


def test_bands_without_names_are_refused(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", coordinates(4, 5, 3), names=("red", "green", ""))
    with pytest.raises(
        InputError,
        match=r"scene.tif: every band needs a name .* are red, green, none; name .*bands",
    ):
        Scene(path)
    path = write_raster("plain.tif", coordinates(4, 5, 3))
    with pytest.raises(
        InputError, match=r"none of the file's 3 bands has a description; name them"
    ):
        Scene(path)


@pytest.mark.parametrize("order", ["red,green,blue,nir", "blue,green,red,nir"])
def test_the_message_for_missing_names_has_the_likely_order(
    write_raster: WriteRaster, order: str
) -> None:
    generator = np.random.default_rng(0)
    soil, leaves = generator.normal(size=(2, 64, 64))
    weights = {"blue": (20, 2), "green": (30, 8), "red": (50, 4), "nir": (20, 150)}
    levels = {"blue": 300, "green": 300, "red": 260, "nir": 900}
    bands = [levels[name] + weights[name][0] * soil + weights[name][1] * leaves for name in levels]
    made = dict(zip(levels, bands, strict=True))
    pixels = np.stack([made[name] for name in order.split(",")]).astype(np.uint16)
    path = write_raster("scene.tif", pixels)
    with pytest.raises(InputError, match=f"By their statistics they are probably {order}$"):
        Scene(path)


@pytest.mark.parametrize(
    ("stated", "noted"),
    [("blue,green,red", True), ("red,green,blue", False), ("r,g,b", False), ("nir,red,pan", False)],
)
def test_names_that_the_descriptions_contradict_are_noted(
    write_raster: WriteRaster, stated: str, noted: bool
) -> None:
    path = write_raster("scene.tif", coordinates(4, 5, 3), names=("red", "green", "blue"))
    with Scene(path, SceneOptions(bands=Bands.parse(stated))) as scene:
        assert scene.contradicts_descriptions == noted
        assert scene.bands == Bands.parse(stated)
        texts = [note.text() for note in scene.validity.notes]
    if scene.contradicts_descriptions:
        assert "descriptions are in the order red,green,blue" in texts[0]


@pytest.mark.parametrize(
    ("stated", "noted"), [("blue,green,red", True), ("red,green,blue", False), ("nir,r,g", False)]
)
def test_names_that_a_pictures_colours_contradict_are_noted(
    write_raster: WriteRaster, stated: str, noted: bool
) -> None:
    path = write_raster("scene.png", coordinates(4, 5, 3, dtype="uint8"))
    with Scene(path, SceneOptions(bands=Bands.parse(stated))) as scene:
        keys = [note.key for note in scene.validity.notes]
    assert keys == (["scene.other_colours"] if noted else [])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colours_do_not_contradict_names_in_the_file(write_raster: WriteRaster, dtype: str) -> None:
    """GDAL calls the first of three or four 8-bit bands red, whatever its description."""
    values = np.arange(1, 17, dtype=dtype).reshape(4, 2, 2)
    path = write_raster("bgr.tif", values, names=("blue", "green", "red", "nir"))
    with Scene(path) as scene:
        assert scene.validity.notes == ()


def test_more_names_than_bands_are_refused(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", coordinates(4, 5, 3))
    with pytest.raises(InputError, match=r"bands names 2 bands \(red,nir\) and the file has 3"):
        Scene(path, SceneOptions(bands=Bands.parse("red,nir")))


def test_bands_are_read_in_the_order_asked_for(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", coordinates(4, 5, 3), names=GRB.names)
    with Scene(path) as scene:
        values, _ = scene.read(Window(2, 1, 2, 2), Bands(("blue", "green")))
    assert values.tolist() == [[[30102, 30103], [30202, 30203]], [[10102, 10103], [10202, 10203]]]


# what is valid


def test_alpha_is_a_mask_and_no_band(write_raster: WriteRaster) -> None:
    pixels = np.full((4, 3, 3), 7, dtype=np.uint8)
    pixels[3] = [[255, 255, 0], [255, 0, 255], [255, 1, 255]]
    path = write_raster("scene.png", pixels)
    with Scene(path, SceneOptions(bands=GRB)) as scene:
        values, valid = scene.read(scene.grid.window)
    assert values.shape == (3, 3, 3)
    assert valid.tolist() == [[True, True, False], [True, False, True], [True, True, True]]


def test_a_pixel_is_valid_where_every_band_read_is(write_raster: WriteRaster) -> None:
    pixels = np.array([[[0, 5, 5, 9]], [[5, 9, 5, 9]], [[5, 5, 0, 7]]], dtype=np.uint16)
    source = write_raster("source.tif", pixels)
    path = write_vrt(source.with_name("scene.vrt"), source, nodata=(0, 9, 7))
    with Scene(path, SceneOptions(bands=GRB)) as scene:
        _, valid = scene.read(scene.grid.window)
        _, valid_in_two = scene.read(scene.grid.window, Bands(("green", "blue")))
    assert valid[0].tolist() == [False, False, True, False]
    assert valid_in_two[0].tolist() == [False, True, True, False]


@pytest.mark.parametrize("nodata", [None, float("nan"), -1.0])
def test_what_is_not_finite_is_not_valid(write_raster: WriteRaster, nodata: float | None) -> None:
    pixels = np.array([[1, np.nan, np.inf, -np.inf, 0]], dtype=np.float32)
    path = write_raster("scene.tif", pixels, names=("red",), nodata=nodata)
    _, valid = read_all(path)
    assert valid[0].tolist() == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("in_file", "stated", "expected"),
    [
        pytest.param(None, None, [True, True, True], id="none"),
        pytest.param(0, None, [False, True, True], id="the file's"),
        pytest.param(None, 5, [True, False, True], id="stated"),
        pytest.param(0, 5, [True, False, True], id="stated over the file's"),
        pytest.param(None, -9999, [True, True, True], id="stated, outside the data type"),
    ],
)
def test_nodata(
    write_raster: WriteRaster,
    in_file: float | None,
    stated: float | None,
    expected: list[bool],
) -> None:
    path = write_raster(
        "scene.tif", np.array([[0, 5, 255]], dtype=np.uint8), names=("red",), nodata=in_file
    )
    with Scene(path, SceneOptions(nodata=stated)) as scene:
        _, valid = scene.read(scene.grid.window)
        assert valid[0].tolist() == expected
        assert scene.nodata == (in_file if stated is None else stated)


def test_stated_nodata_does_not_undo_a_mask_band(write_raster: WriteRaster) -> None:
    pixels = np.array([[[3, 3, 9]], [[255, 0, 255]]], dtype=np.uint8)
    path = write_raster("scene.png", pixels)
    options = SceneOptions(bands=Bands(("red",)), nodata=9)
    assert read_all(path, options)[1][0].tolist() == [True, False, False]


def test_outside_the_scene_is_0_and_not_valid(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", coordinates(4, 5), names=("red",))
    with Scene(path) as scene:
        values, valid = scene.read(Window(-2, 2, 9, 4))
        nothing, nowhere = scene.read(Window(50, 50, 3, 2))
    expected = np.zeros((4, 9), dtype=np.uint16)
    expected[:2, 2:7] = coordinates(4, 5)[0, 2:]
    np.testing.assert_array_equal(values[0], expected)
    np.testing.assert_array_equal(valid, expected > 0)
    assert not nothing.any()
    assert nowhere.tolist() == [[False] * 3] * 2


# what the numbers mean


@pytest.mark.parametrize(
    ("tags", "stated", "expected"),
    [
        pytest.param({}, None, (Units.DN, 1, 0), id="no tag"),
        pytest.param({"scales": (0.5,)}, None, (Units.REFLECTANCE, 0.5, 0), id="scale"),
        pytest.param({"offsets": (-3,)}, None, (Units.REFLECTANCE, 1, -3), id="offset"),
        pytest.param({"units": ("Reflectance",)}, None, (Units.REFLECTANCE, 1, 0), id="unit tag"),
        pytest.param({"scales": (0.5,)}, Units.DN, (Units.DN, 1, 0), id="stated over a scale"),
        pytest.param({}, Units.REFLECTANCE, (Units.REFLECTANCE, 1, 0), id="stated"),
    ],
)
def test_units(
    write_raster: WriteRaster,
    tags: dict[str, Any],
    stated: Units | None,
    expected: tuple[Units, float, float],
) -> None:
    path = write_raster("scene.tif", coordinates(4, 5), names=("red",), **tags)
    with Scene(path, SceneOptions(units=stated)) as scene:
        found = scene.radiometry
    assert (found.units, found.scale, found.offset) == expected
    assert found.dtype == "uint16"


def test_each_band_has_its_own_scale(write_raster: WriteRaster) -> None:
    pixels = coordinates(4, 5, 2)
    path = write_raster("scene.tif", pixels, names=("red", "nir"), scales=(1, 0.5), offsets=(0, 3))
    with Scene(path) as scene:
        stored, _ = scene.read(Window(0, 0, 5, 4))
        np.testing.assert_array_equal(scene.radiometry.values(stored)[0], pixels[0])
        np.testing.assert_array_equal(scene.radiometry.values(stored)[1], pixels[1] * 0.5 + 3)
        nir, red = Bands(("nir",)), Bands(("red",))
        assert scene.radiometry_of(nir).scale == 0.5
        assert scene.radiometry_of(red).bands == ()


def test_a_pixel_is_valid_where_the_own_bands_are(write_raster: WriteRaster) -> None:
    """0 marks what is missing: in all own bands together, and in an auxiliary band by itself."""
    pixels = np.array([[[0, 0, 7]], [[0, 5, 8]], [[900, 900, 0]], [[0, 300, 300]]], np.uint16)
    path = write_raster(
        "stack.tif",
        pixels,
        names=("red", "nir", "slope", "before_red"),
        scales=(1e-4, 1e-4, 0.01, 1e-4),
        units=("reflectance", "reflectance", "deg", "reflectance"),
        nodata=0,
    )
    with Scene(path) as scene:
        stored, valid = scene.read(scene.grid.window)
        values = scene.radiometry.values(stored)
        units = [band.units for band in scene.radiometry.bands]
        _, of_nir = scene.read(scene.grid.window, Bands(("nir", "slope")))
    assert valid.tolist() == [[False, True, True]]
    assert of_nir.tolist() == valid.tolist()
    assert units == ["reflectance", "reflectance", "deg", "reflectance"]
    np.testing.assert_allclose(values[2], [[9, 9, np.nan]])
    np.testing.assert_allclose(values[3], [[np.nan, 0.03, 0.03]], rtol=1e-6)
    np.testing.assert_allclose(values[0], [[0, 0, 7e-4]])


# what cannot be read


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.tif: no such file"):
        Scene(tmp_path / "nowhere.tif")


@pytest.mark.parametrize("content", [b"", b"no raster at all"], ids=["empty", "text"])
def test_no_raster(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scene.tif"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"scene.tif: not a raster that can be read"):
        Scene(path)


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16"])
def test_complex_numbers_are_refused(write_raster: WriteRaster, dtype: str) -> None:
    path = write_raster("scene.tif", np.zeros((4, 5), dtype=np.complex64), dtype=dtype)
    with pytest.raises(InputError, match=rf"a raster of real numbers is needed.*{dtype}"):
        Scene(path)


@pytest.mark.parametrize("name", ["scene.tif", "scene.png"])
def test_a_truncated_file_is_told_with_its_window(write_raster: WriteRaster, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    path = write_raster(name, noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with (
        Scene(path, SceneOptions(bands=Bands(("red",)))) as scene,
        pytest.raises(InputError, match=r"column 0, row 150, 200 x 50 px.*damaged or truncated"),
    ):
        scene.read(Window(0, 150, 200, 50))


@pytest.mark.parametrize("named_in_file", [True, False], ids=["descriptions", "stated"])
def test_a_fourth_8_bit_band_that_is_named_is_no_alpha(
    named_in_file: bool, write_raster: WriteRaster
) -> None:
    """GDAL calls the fourth of four 8-bit bands alpha unless told otherwise."""
    names = ("blue", "green", "red", "nir")
    values = np.arange(4 * 2 * 2, dtype=np.uint8).reshape(4, 2, 2)
    values[3, 0, 0] = 0
    path = write_raster("scene.tif", values, names=names if named_in_file else None)
    options = SceneOptions(bands=None if named_in_file else Bands(names))
    with Scene(path, options) as scene:
        found, valid = scene.read(scene.grid.window)
    assert scene.bands.names == names
    assert np.array_equal(found, values)
    assert valid.all()
