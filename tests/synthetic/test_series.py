import json
import tarfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.features
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject
from scipy import ndimage

from landslip.core.errors import InputError, OutputExistsError
from landslip.preprocessing.radiometry.sun import sun_position
from landslip.synthetic.histories import visible_landslides
from landslip.synthetic.landscape import SyntheticLandscape, make_landscape
from landslip.synthetic.landslides import in_map_coordinates, landslide_mask
from landslip.synthetic.overpass import target_over
from landslip.synthetic.series import (
    StudyArea,
    SyntheticDate,
    SyntheticSeries,
    write_series,
)
from landslip.synthetic.study_areas import small_area, valley_area, wenchuan_area

BEFORE, AFTER = date(2013, 8, 12), date(2015, 8, 5)


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return small_area(seed=3)


@pytest.fixture(scope="module")
def series(area: StudyArea, tmp_path_factory: pytest.TempPathFactory) -> SyntheticSeries:
    return write_series(area, tmp_path_factory.mktemp("series") / "made")


@pytest.fixture(scope="module")
def land(area: StudyArea) -> SyntheticLandscape:
    return make_landscape(
        area.landscape_with_margin, area.seed, area.overpasses[1].sun(area.middle)
    )


def read(path: Path) -> NDArray[np.float64]:
    with rasterio.open(path) as file:
        values: NDArray[np.float64] = file.read().astype(np.float64)
    return values


def unpacked(made: SyntheticDate, folder: Path) -> Path:
    """Return the folder of a product and the base of its files' names."""
    assert made.product is not None
    with tarfile.open(made.product) as tar:
        tar.extractall(folder, filter="data")
    return folder / made.product.name.removesuffix(".tar.gz")


def test_the_preset_gives_224_tiles_a_date() -> None:
    area = wenchuan_area()
    assert (area.landscape.shape[0] // 256) * (area.landscape.shape[1] // 256) == 224
    days = [look.beijing_time.date() for look in area.overpasses]
    assert days == [BEFORE, date(2014, 10, 2), AFTER]
    window = area.window_on(area.landscape_with_margin.grid)
    assert area.landscape_with_margin.grid.at(window).transform.c % 2 == 0
    assert window.shape == area.landscape.shape


def test_the_valley_is_a_part_of_the_study_area_on_all_its_dates() -> None:
    valley, large = valley_area(seed=3), wenchuan_area(seed=3)
    assert valley.overpasses == large.overpasses
    assert valley.landscape.shape == (1536, 1024)  # 96 tiles of 128 px
    assert valley.landscape.centre_deg == large.landscape.centre_deg


def test_images_show_the_whole_area_by_both_camera_models(
    area: StudyArea, land: SyntheticLandscape
) -> None:
    day = area.overpasses[0].beijing_time.date()
    ground = land.ground_on(day, area.overpasses[0].sun(area.middle))
    window = area.window_on(land.grid)
    steep = replace(
        area.overpasses[0], attitude=replace(area.overpasses[0].attitude, roll_deg=25.0)
    )
    chosen = target_over(ground, steep, window, margin_px=2)
    lonlat = ground.lonlat(
        np.array([[window.col_off, window.row_off], [window.col_end, window.row_end]], dtype=float)
    )
    for models in steep.camera_models(chosen):
        for camera in (models.actual, models.stated):
            for height in ground.height_range_m:
                seen = camera.project(lonlat, height)
                assert seen.min() >= 0
                assert np.all(seen <= camera.shape[::-1])
    assert chosen.mss_shape[0] * 8 < window.height * 2 * 1.6, "and not much more"


def test_landslides_come_and_go(
    series: SyntheticSeries, area: StudyArea, land: SyntheticLandscape
) -> None:
    made = {one.day: one for one in series.dates}
    frames = [geopandas.read_file(made[day].landslides) for day in (BEFORE, AFTER)]
    outlines = [{outline.wkb for outline in frame.geometry} for frame in frames]
    assert outlines[1] - outlines[0], "some are new"
    assert outlines[0] - outlines[1], "some have grown over"
    assert [len(frame) for frame in frames] == [made[day].count for day in (BEFORE, AFTER)]
    assert all(frame.crs.to_epsg() == 32648 for frame in frames)
    assert (frames[0].freshness >= 0.3).all()
    np.testing.assert_allclose(frames[0].area_m2, frames[0].area)


def test_only_landslides_change_the_ground(area: StudyArea, land: SyntheticLandscape) -> None:
    """In the same light, what lies outside all landslides is the same on every day."""
    sun = area.overpasses[0].sun(area.middle)
    before, after = (land.ground_on(day, sun) for day in (BEFORE, AFTER))
    ever = land.freshness_on(BEFORE) + land.freshness_on(AFTER) > 0
    change = np.abs(after.reflectance - before.reflectance).max(axis=0)
    away = ~ndimage.binary_dilation(ever, iterations=6)
    # shadows reach out from landslides, which are cut into the ground
    assert np.quantile(change[away], 0.98) < 1e-6
    fell = (land.freshness_on(BEFORE) == 0) & (land.freshness_on(AFTER) > 0.7)
    assert fell.sum() > 1000
    red = after.reflectance[2] - before.reflectance[2]
    assert np.median(red[fell]) > 0.03, "bare ground is brighter than the forest it replaces"


def test_truth_lies_on_bare_ground(series: SyntheticSeries, area: StudyArea) -> None:
    made = series.dates[0]
    with rasterio.open(made.reflectance) as file:
        assert file.shape == area.landscape.shape
        assert file.descriptions == ("blue", "green", "red", "nir")
        stored, grid_transform = file.read(), file.transform
    frame = geopandas.read_file(made.landslides)
    fresh = frame[frame.freshness > 0.8]
    inside = rasterio.features.geometry_mask(
        fresh.geometry, out_shape=area.landscape.shape, transform=grid_transform, invert=True
    )
    around = ndimage.binary_dilation(inside, iterations=30) & ~ndimage.binary_dilation(
        inside, iterations=5
    )
    ndvi = (stored[3].astype(float) - stored[2]) / (stored[3].astype(float) + stored[2])
    assert np.median(ndvi[inside]) < 0.4
    assert np.median(ndvi[around]) > np.median(ndvi[inside]) + 0.3


def test_products_show_the_truth_beside_by_the_bias(
    series: SyntheticSeries, area: StudyArea, tmp_path: Path
) -> None:
    """GDAL, with the written RPB and DEM, maps the image by the stated bias beside the truth."""
    for made, look in zip(series.dates, area.overpasses, strict=True):
        base = unpacked(made, tmp_path / str(made.day))
        with rasterio.open(f"{base}-PAN{look.camera}.tiff") as file:
            stored, rpcs = file.read(1).astype(np.float32), file.rpcs
        assert stored.min() > 0, "mirrored ground fills the image"
        with rasterio.open(made.reflectance) as file:
            truth, transform, crs = file.read().astype(np.float32), file.transform, file.crs
        mapped = np.zeros(truth.shape[1:], dtype=np.float32)
        reproject(
            stored,
            mapped,
            rpcs=rpcs,
            src_crs="EPSG:4326",
            dst_crs=crs,
            dst_transform=transform,
            resampling=Resampling.cubic,
            tolerance=0.0,
            RPC_DEM=str(series.dem),
        )
        assert mapped.min() > 0, "the image covers the area"
        east_m, north_m = look.bias_m
        found = shift_px(truth.mean(axis=0), mapped)
        assert found == pytest.approx((east_m / 2, -north_m / 2), abs=1.5)


def shift_px(reference: NDArray[np.float32], moved: NDArray[np.float32]) -> tuple[float, float]:
    """Return by how much (col, row) an image lies beside a reference, by phase correlation."""
    spectra = [np.fft.rfft2(one - one.mean()) for one in (reference, moved)]
    cross = spectra[1] * np.conj(spectra[0])
    peak = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=reference.shape)
    smooth = ndimage.gaussian_filter(peak, 1.0, mode="wrap")
    row, col = np.unravel_index(np.argmax(smooth), smooth.shape)
    height, width = reference.shape
    return (
        float((col + width // 2) % width - width // 2),
        float((row + height // 2) % height - height // 2),
    )


def test_the_dem_is_that_of_the_land(series: SyntheticSeries, land: SyntheticLandscape) -> None:
    heights = read(series.dem)[0]
    low, high = float(land.height_m.min()), float(land.height_m.max())
    assert low - 1 < heights.min() < low + 20
    assert high - 60 < heights.max() <= high
    assert low == pytest.approx(1300, abs=5)


def test_the_sun_of_an_image_is_that_of_its_date(series: SyntheticSeries, tmp_path: Path) -> None:
    made = series.dates[1]
    base = unpacked(made, tmp_path)
    text = Path(f"{base}-MSS1.xml").read_text()
    sun = sun_position(small_area().overpasses[1].utc, 103.48, 31.30)
    azimuth = float(text.split("<SolarAzimuth>")[1].split("<")[0])
    assert azimuth == pytest.approx(sun.azimuth_deg, abs=0.1)


def test_a_series_is_not_overwritten(series: SyntheticSeries, area: StudyArea) -> None:
    with pytest.raises(OutputExistsError, match="already exists"):
        write_series(area, series.dem.parent)


def test_overpasses_are_in_order() -> None:
    area = small_area()
    with pytest.raises(InputError, match=r"one overpass at least.*; got none"):
        replace(area, overpasses=())
    with pytest.raises(InputError, match="order of time; got 2015-08-05, 2013-08-12"):
        replace(area, overpasses=area.overpasses[::-1])


def test_the_facts_say_how_wrong_the_metadata_are(series: SyntheticSeries) -> None:
    first, _ = json.loads(series.facts.read_text())
    product = series.dates[0].product
    assert product is not None
    assert first["product"] == product.name
    assert (first["bias_m"], first["shift_px"]) == ([31.0, -22.0], [0.6, -0.4])
    assert first["attitude"]["roll_deg"] == 7.5


def test_slides_are_where_the_truth_has_them(land: SyntheticLandscape) -> None:
    bare = land.freshness_on(AFTER) >= 0.3
    truth = landslide_mask(
        in_map_coordinates(visible_landslides(land.landslides, AFTER), land.grid), land.grid
    )
    assert (bare != truth).mean() < 1e-4
