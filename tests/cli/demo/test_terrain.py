import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
from affine import Affine

from landslip.cli.demo.baseline import single_thresholds
from landslip.cli.demo.terrain import (
    DEM,
    REFERENCE,
    TEST_AREA,
    TRAIN_AREA,
    TRUTH,
    DemoTerrain,
    make_terrain,
    split_area,
)
from landslip.core.bands import Bands
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Scene
from landslip.preprocessing.product.product import open_product

BANDS = Bands(("blue", "green", "red", "nir"))
SHAPE = (384, 256)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoTerrain, Path]:
    folder = tmp_path_factory.mktemp("ground")
    return make_terrain(0, folder, SHAPE), folder


def test_a_user_would_have_product_elevation_model_reference_and_polygons(
    made: tuple[DemoTerrain, Path],
) -> None:
    ground, folder = made
    with open_product(ground.product) as product:
        assert product.name.startswith("GF1_PMS2_E103.5_N31.3_20141002")
    names = {path.name for path in folder.iterdir()} - {ground.product.name}
    assert names == {DEM, REFERENCE, TRUTH, TRAIN_AREA, TEST_AREA}
    with Scene(folder / REFERENCE) as reference:
        assert reference.grid.shape == SHAPE


def test_areas_lie_in_the_reference_and_apart(made: tuple[DemoTerrain, Path]) -> None:
    _, folder = made
    train, test = (geopandas.read_file(folder / name) for name in (TRAIN_AREA, TEST_AREA))
    with Scene(folder / REFERENCE) as reference:
        south = reference.grid.corners(split_area(SHAPE)[1])
    np.testing.assert_allclose(test.total_bounds[:2], south.min(axis=0))
    gap_m = train.total_bounds[1] - test.total_bounds[3]
    assert gap_m == pytest.approx(128 * 2.0)


def test_a_window_of_the_area_is_found_on_a_larger_grid(made: tuple[DemoTerrain, Path]) -> None:
    ground, folder = made
    with Scene(folder / REFERENCE) as reference:
        own = reference.grid
    larger = Grid(
        crs=own.crs, transform=own.transform @ Affine.translation(-7, -11), shape=(900, 900)
    )
    found = ground.window_on(larger, Window(3, 5, 20, 30))
    assert found == Window(10, 16, 20, 30)


def test_training_and_test_ground_have_a_tile_between_them() -> None:
    train, test = split_area((1536, 1024))
    assert (train.row_off, train.row_end) == (0, 896)
    assert (test.row_off, test.row_end) == (1024, 1536)


def test_no_single_threshold_finds_the_landslides(made: tuple[DemoTerrain, Path]) -> None:
    ground, _ = made
    look = ground.area.overpasses[-1]
    seen = ground.land.ground_on(look.beijing_time.date(), look.sun(ground.area.middle))
    landslide = ground.landslide_mask(ground.land.grid)
    assert 0.03 < landslide.mean() < 0.3
    scores = single_thresholds(seen.reflectance.reshape(4, -1), BANDS, landslide.ravel())
    assert set(scores) == {"blue", "green", "red", "nir", "ndvi"}
    assert max(scores.values()) < 0.6, json.dumps(scores)
