from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import MultiPolygon, Point, Polygon, box
from shapely.affinity import translate

import landslip.inventory.scene_context
from landslip.core.bands import Bands
from landslip.core.choices import AtmosphericCorrection, Units
from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.inventory.scene_context import SpectralAttributes, spectral_attributes
from landslip.io.raster import Scene, SceneOptions
from landslip.preprocessing.radiometry.atmosphere_tags import atmosphere_tags
from landslip.preprocessing.radiometry.six_s import SurfaceCorrection

WriteRaster = Callable[..., Path]
UTM = CRS.from_epsg(32650)
LEFT, TOP = 500_000, 4_000_000
NAMES = ("blue", "green", "red", "nir")
SHAPE = (60, 80)
VEGETATION, WATER, CLOUD, SOIL = (
    (0.05, 0.08, 0.05, 0.45),
    (0.06, 0.08, 0.05, 0.02),
    (0.60, 0.62, 0.63, 0.65),
    (0.10, 0.15, 0.20, 0.30),
)


def ground(kind: tuple[float, ...] = VEGETATION) -> NDArray[np.uint16]:
    return np.tile((10_000 * np.array(kind)).astype(np.uint16)[:, None, None], (1, *SHAPE))


def paint(pixels: NDArray[np.uint16], rows: slice, cols: slice, kind: tuple[float, ...]) -> None:
    pixels[:, rows, cols] = (10_000 * np.array(kind)).astype(np.uint16)[:, None, None]


def on_scene(left: float, top: float, right: float, bottom: float) -> Polygon:
    """Return a rectangle given in columns and rows of the scene."""
    return box(LEFT + left, TOP - bottom, LEFT + right, TOP - top)


@pytest.fixture
def look(write_raster: WriteRaster) -> Callable[..., SpectralAttributes]:
    def looked(
        pixels: NDArray[np.uint16],
        *polygons: shapely.Geometry,
        crs: CRS | None = UTM,
        options: SceneOptions | None = None,
        names: tuple[str, ...] = NAMES,
        scale: float | None = 1e-4,
    ) -> SpectralAttributes:
        scales = None if scale is None else (scale,) * len(names)
        path = write_raster("scene.tif", pixels, names=names, scales=scales, nodata=0)
        with Scene(path, options) as scene:
            return spectral_attributes(np.array(polygons, dtype=object), crs, scene)

    return looked


def ndvi(kind: tuple[float, ...]) -> float:
    return (kind[3] - kind[2]) / (kind[3] + kind[2])


def test_ndvi_is_the_mean_over_the_pixels_inside(look: Callable[..., SpectralAttributes]) -> None:
    pixels = ground()
    paint(pixels, slice(0, 60), slice(0, 10), SOIL)
    found = look(pixels, on_scene(4, 10, 14, 20), on_scene(20, 10, 30, 20))
    assert found.ndvi_mean.tolist() == pytest.approx(
        [0.6 * ndvi(SOIL) + 0.4 * ndvi(VEGETATION), ndvi(VEGETATION)], abs=1e-6
    )
    assert found.valid_share.tolist() == [1, 1]
    assert found.notes == ()


def test_brightness_is_the_share_as_bright_as_cloud(
    look: Callable[..., SpectralAttributes],
) -> None:
    pixels = ground(SOIL)
    paint(pixels, slice(10, 20), slice(10, 17), CLOUD)
    found = look(pixels, on_scene(10, 10, 20, 20), on_scene(30, 10, 40, 20))
    assert found.bright_share.tolist() == pytest.approx([0.7, 0])


def test_clouds_are_as_bright_as_at_the_top_of_the_atmosphere(write_raster: WriteRaster) -> None:
    """A cloud of 0.3 in blue there is one of 0.18 without the haze, and below the threshold."""
    haze = {"blue": 0.12, "green": 0.08, "red": 0.06, "nir": 0.02}
    at_top = np.array([0.30, 0.29, 0.28, 0.30])
    pixels = ground(SOIL)
    paint(pixels, slice(10, 20), slice(10, 20), tuple(at_top - list(haze.values())))
    path = write_raster("scene.tif", pixels, names=NAMES, scales=(1e-4,) * 4, nodata=0)
    polygons = np.array([on_scene(10, 10, 20, 20)], dtype=object)

    def bright_share() -> float:
        with Scene(path) as scene:
            return float(spectral_attributes(polygons, UTM, scene).bright_share[0])

    assert bright_share() == 0, "nothing says that it was corrected"
    correction = SurfaceCorrection({band: (1.0, value, 0.0) for band, value in haze.items()})
    with rasterio.open(path, "r+") as file:
        file.update_tags(**atmosphere_tags(AtmosphericCorrection.DOS, correction))
    assert bright_share() == 1
    with rasterio.open(path, "r+") as file:
        file.update_tags(ATMOSPHERE_RED="much")
    with pytest.raises(InputError, match=r"scene\.tif: the tag ATMOSPHERE_RED holds three numbers"):
        bright_share()


def test_water_is_sought_around_and_not_inside(look: Callable[..., SpectralAttributes]) -> None:
    pixels = ground(SOIL)
    paint(pixels, slice(20, 30), slice(20, 30), WATER)  # inside of the first alone
    paint(pixels, slice(40, 60), slice(0, 80), WATER)  # right below the second
    found = look(pixels, on_scene(20, 20, 30, 30), on_scene(50, 35, 60, 40))
    assert found.water_near[0] == 0
    around = ring(50, 35, 60, 40, reach=10)
    assert found.water_near[1] == pytest.approx(around[40:].sum() / around.sum(), abs=0.01)


def ring(left: int, top: int, right: int, bottom: int, *, reach: float) -> NDArray[np.bool_]:
    """Return the pixels whose centre is at most that far from a rectangle, and not in it."""
    row, col = np.indices(SHAPE) + 0.5
    rows = np.maximum(np.maximum(top - row, row - bottom), 0)
    cols = np.maximum(np.maximum(left - col, col - right), 0)
    distance = np.hypot(rows, cols)
    result: NDArray[np.bool_] = (distance < reach) & (distance > 0)
    return result


def test_the_ring_is_three_pixels_where_they_are_large(
    write_raster: WriteRaster,
) -> None:
    pixels = ground(SOIL)
    paint(pixels, slice(0, 60), slice(42, 44), WATER)
    path = write_raster(
        "coarse.tif",
        pixels,
        names=NAMES,
        scales=(1e-4,) * 4,
        transform=Affine(10, 0, LEFT, 0, -10, TOP),
    )
    square = box(LEFT + 300, TOP - 400, LEFT + 400, TOP - 300)
    with Scene(path) as scene:
        found = spectral_attributes(np.array([square], dtype=object), UTM, scene)
    around = ring(30, 30, 40, 40, reach=3)
    assert found.water_near[0] == pytest.approx(around[:, 42:].sum() / around.sum())


def test_pixels_without_data_do_not_count(look: Callable[..., SpectralAttributes]) -> None:
    pixels = ground(SOIL)
    pixels[:, 10:20, 10:14] = 0
    pixels[:, 40:, :] = 0
    found = look(pixels, on_scene(10, 10, 20, 20), on_scene(10, 45, 20, 50))
    assert found.valid_share.tolist() == pytest.approx([0.6, 0])
    assert found.ndvi_mean[0] == pytest.approx(ndvi(SOIL))
    for column in (found.ndvi_mean, found.bright_share):
        assert np.isnan(column[1])


def test_polygons_beside_the_scene_or_over_its_edge(
    look: Callable[..., SpectralAttributes],
) -> None:
    found = look(ground(), on_scene(-5, 10, 5, 20), on_scene(500, 500, 510, 510))
    assert found.valid_share.tolist() == pytest.approx([0.5, 0])
    assert found.ndvi_mean[0] == pytest.approx(ndvi(VEGETATION), abs=1e-6)
    for column in (found.ndvi_mean, found.bright_share, found.water_near):
        assert np.isnan(column[1])


def test_a_polygon_without_a_pixel_centre_takes_the_pixel_around_it(
    look: Callable[..., SpectralAttributes],
) -> None:
    pixels = ground()
    paint(pixels, slice(7, 8), slice(9, 10), SOIL)
    sliver = on_scene(9.05, 7.1, 9.4, 7.3)
    found = look(pixels, sliver, on_scene(30, 30, 40, 40))
    assert found.ndvi_mean[0] == pytest.approx(ndvi(SOIL))
    assert found.valid_share[0] == 1


def test_polygons_that_overlap_keep_their_pixels_each(
    look: Callable[..., SpectralAttributes],
) -> None:
    pixels = ground()
    paint(pixels, slice(0, 60), slice(0, 20), SOIL)
    found = look(pixels, on_scene(0, 0, 40, 40), on_scene(10, 10, 30, 30), on_scene(0, 0, 10, 10))
    half = (ndvi(SOIL) + ndvi(VEGETATION)) / 2
    assert found.ndvi_mean.tolist() == pytest.approx([half, half, ndvi(SOIL)], abs=1e-6)


def test_digital_numbers_give_ndvi_alone_and_a_note(
    look: Callable[..., SpectralAttributes],
) -> None:
    found = look(ground(WATER), on_scene(10, 10, 20, 20), scale=None)
    assert found.ndvi_mean[0] == pytest.approx(ndvi(WATER), abs=1e-6)
    assert np.isnan(found.water_near[0])
    assert np.isnan(found.bright_share[0])
    assert "the scene holds digital numbers" in found.notes[0].text()
    stated = look(
        ground(WATER),
        on_scene(10, 10, 20, 20),
        scale=None,
        options=SceneOptions(units=Units.REFLECTANCE),
    )
    assert stated.water_near[0] == 1
    assert np.isnan(stated.bright_share[0])
    assert "integers without a scale: clouds are not detected" in stated.notes[0].text()


def test_bands_that_are_named_in_another_order_are_noted(
    look: Callable[..., SpectralAttributes],
) -> None:
    """Land of soil and leaves in sun and shade; its near infrared goes its own way."""
    generator = np.random.default_rng(0)
    cover, light = generator.uniform(size=SHAPE), generator.uniform(0.6, 1, SHAPE)
    mixed = np.multiply.outer(SOIL, cover) + np.multiply.outer(VEGETATION, 1 - cover)
    pixels = (10_000 * light * mixed).astype(np.uint16)
    place = on_scene(20, 10, 40, 20)
    assert look(pixels, place).notes == ()
    exchanged = SceneOptions(bands=Bands(("nir", "red", "green", "blue")))
    found = [note.text() for note in look(pixels, place, options=exchanged).notes]
    assert any("they look like blue,green,red,nir" in note for note in found)


def test_missing_bands_leave_empty_what_needs_them(
    look: Callable[..., SpectralAttributes],
) -> None:
    found = look(ground()[:3], on_scene(1, 1, 9, 9), names=NAMES[:3])
    for column in (found.ndvi_mean, found.bright_share, found.water_near):
        assert np.isnan(column).all()
    assert found.valid_share.tolist() == [1]
    (note,) = found.notes
    assert note.text() == "the scene has no band nir: NDVI, water and clouds are left empty"
    no_blue = look(ground()[1:], on_scene(1, 1, 9, 9), names=NAMES[1:])
    assert np.isnan(no_blue.bright_share).all()
    assert no_blue.ndvi_mean[0] == pytest.approx(ndvi(VEGETATION), abs=1e-6)
    (note,) = no_blue.notes
    assert note.text() == "the scene has no band blue: clouds are left empty"


def test_other_bands_are_not_needed_and_do_no_harm(write_raster: WriteRaster) -> None:
    pixels = np.concatenate([ground(), np.ones((1, *SHAPE), dtype=np.uint16)])
    path = write_raster("five.tif", pixels, scales=(1e-4,) * 5)
    with Scene(path, SceneOptions(bands=Bands(("blue", "green", "red", "nir", "pan")))) as scene:
        found = spectral_attributes(np.array([on_scene(1, 1, 9, 9)], dtype=object), UTM, scene)
    assert found.ndvi_mean[0] == pytest.approx(ndvi(VEGETATION), abs=1e-6)


def test_polygons_of_another_system_are_brought_over(
    look: Callable[..., SpectralAttributes],
) -> None:
    pixels = ground()
    paint(pixels, slice(0, 60), slice(0, 10), SOIL)
    here = np.array([on_scene(4, 10, 14, 20)], dtype=object)
    there = reproject(here, UTM, CRS.from_epsg(4326))
    found = look(pixels, *there, crs=CRS.from_epsg(4326))
    assert found.ndvi_mean[0] == pytest.approx(0.6 * ndvi(SOIL) + 0.4 * ndvi(VEGETATION), abs=1e-6)
    with pytest.raises(InputError, match=r"the landslides cannot be placed on the scene"):
        look(pixels, *here, crs=None)


def test_no_polygons_have_no_figures(look: Callable[..., SpectralAttributes]) -> None:
    assert len(look(ground()).ndvi_mean) == 0


@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_tiles_give_what_slow_looking_gives(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 9000, (4, *SHAPE)).astype(np.uint16)
    pixels[:, generator.random(SHAPE) < 0.1] = 0
    path = tmp_path_factory.mktemp("tiles") / "scene.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=4,
        height=60,
        width=80,
        dtype="uint16",
        nodata=0,
        crs=UTM,
        transform=rasterio.Affine(1, 0, LEFT, 0, -1, TOP),
        tiled=True,
        blockxsize=16,
        blockysize=16,
    ) as file:
        file.write(pixels)
        file.scales = (1e-4,) * 4
        file.descriptions = NAMES
    polygons = np.array(
        [
            MultiPolygon(
                [
                    translate(Point(0, 0).buffer(r), LEFT + x + dx, TOP - y)
                    for dx, r in ((0, 6), (15, 4))
                ]
            )
            for x, y in generator.uniform(0, 60, (8, 2))
        ],
        dtype=object,
    )
    before = landslip.inventory.scene_context._TILE_PX
    landslip.inventory.scene_context._TILE_PX = 80 * 16
    try:
        with Scene(path) as scene:
            found = spectral_attributes(polygons, UTM, scene)
    finally:
        landslip.inventory.scene_context._TILE_PX = before
    row, col = np.indices(SHAPE) + 0.5
    _, green, red, nir = 1e-4 * pixels.astype(np.float64)
    valid = (pixels != 0).any(axis=0)
    with np.errstate(invalid="ignore"):
        index, water = (nir - red) / (nir + red), (green - nir) / (green + nir) > 0
    for at, polygon in enumerate(polygons):
        inside = shapely.contains_xy(polygon, LEFT + col, TOP - row) & valid
        near = shapely.distance(polygon, shapely.points(LEFT + col, TOP - row)) < 10
        around = near & ~shapely.contains_xy(polygon, LEFT + col, TOP - row) & valid
        assert found.ndvi_mean[at] == pytest.approx(index[inside].mean(), abs=1e-5)
        assert found.water_near[at] == pytest.approx(water[around].mean(), abs=0.02)
