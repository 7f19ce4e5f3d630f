from pathlib import Path

import numpy as np
import pytest

from landslip.choices import Units
from landslip.demo.baseline import best_threshold, single_thresholds
from landslip.demo.light import SKY, Sun, cast_shadow, illumination
from landslip.demo.scene import (
    BANDS,
    SCALE,
    MadeUpScene,
    make_scene,
    split_ground,
    swath,
    write_made_up_scene,
)
from landslip.raster import Scene

SHAPE = (768, 512)


@pytest.fixture(scope="module")
def scene() -> MadeUpScene:
    return make_scene(0, SHAPE)


def test_no_single_threshold_finds_the_landslides(scene: MadeUpScene) -> None:
    reflectance = scene.stored[:, scene.valid] * np.float32(SCALE)
    scores = single_thresholds(reflectance, BANDS, scene.landslide[scene.valid])
    assert set(scores) == {"blue", "green", "red", "nir", "ndvi"}
    assert max(scores.values()) < 0.55


def test_landslides_are_barer_than_what_is_around(scene: MadeUpScene) -> None:
    red, nir = scene.stored[2:].astype(np.float64)
    ndvi = (nir - red) / np.maximum(nir + red, 1)
    around = scene.valid & ~scene.landslide
    assert np.median(ndvi[scene.landslide]) < 0.25
    assert np.median(ndvi[around]) > 0.5


def test_reflectance_is_plausible(scene: MadeUpScene) -> None:
    medians = np.median(scene.stored[:, scene.valid], axis=1) * SCALE
    assert np.all((medians > (0.03, 0.03, 0.02, 0.1)) & (medians < (0.1, 0.1, 0.1, 0.35)))


def test_nodata_is_where_the_strip_ends_and_nowhere_else(scene: MadeUpScene) -> None:
    nothing = (scene.stored == 0).all(axis=0)
    np.testing.assert_array_equal(nothing, ~scene.valid)
    assert (scene.stored[:, scene.valid] > 0).all()
    assert scene.valid.mean() == pytest.approx(swath(SHAPE).area / scene.valid.size, abs=1e-3)
    assert nothing[0, 0]
    assert nothing[-1, -1]
    assert not nothing[0, -1]
    assert not (scene.landslide & nothing).any()


def test_the_same_seed_gives_the_same_scene_and_another_seed_another() -> None:
    small = [make_scene(seed, (256, 256)).stored for seed in (0, 0, 1)]
    np.testing.assert_array_equal(small[0], small[1])
    assert np.mean(small[2] != small[0]) > 0.8


def test_the_file_says_what_its_numbers_are(scene: MadeUpScene, tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    write_made_up_scene(scene, path)
    with Scene(path) as written:
        stored, valid = written.read(written.grid.window)
        assert written.bands == BANDS
        assert written.grid == scene.grid
        assert (written.nodata, written.radiometry.units) == (0, Units.REFLECTANCE)
        assert written.radiometry.scale == pytest.approx(SCALE)
    np.testing.assert_array_equal(stored, scene.stored)
    np.testing.assert_array_equal(valid, scene.valid)


def test_slopes_towards_the_sun_are_brighter() -> None:
    row, col = np.indices((80, 80)).astype(np.float32)
    sun = Sun(azimuth_deg=90.0, elevation_deg=45.0)
    to_east, to_west = (illumination(side * 0.5 * col, 1.0, sun)[40, 40] for side in (-1, 1))
    level = illumination(0 * row, 1.0, sun)[40, 40]
    assert level == pytest.approx(1)
    # cosines of the angle of incidence: (1 +- 0.5) / sqrt(1 + 0.5^2), over that of level ground
    direct = np.array([(east - SKY) / (1 - SKY) for east in (to_east, to_west)])
    np.testing.assert_allclose(direct, np.array([1.5, 0.5]) / np.sqrt(1.25), atol=0.01)


def test_a_wall_casts_a_shadow_as_long_as_the_sun_is_low() -> None:
    height = np.zeros((120, 200), dtype=np.float32)
    height[:, 100:116] = 40
    shadow = cast_shadow(height, 1.0, Sun(azimuth_deg=90.0, elevation_deg=30.0))
    length_m = 40 / np.tan(np.radians(30))
    assert (shadow[60, :100] > 0.5).sum() == pytest.approx(length_m, abs=6)
    assert (shadow[60, 116:] == 0).all()


def test_training_and_test_ground_have_a_tile_between_them() -> None:
    train, test = split_ground((1536, 1024))
    assert (train.row_off, train.row_end) == (0, 896)
    assert (test.row_off, test.row_end) == (1024, 1536)


def test_the_best_threshold_is_found_from_either_side() -> None:
    values = np.array([1, 2, 2, 3, 4, 5], dtype=np.float32)
    low = np.array([True, True, False, False, False, False])
    # <= 2 finds both of the low ones and one more: 2 * 2 / (2 * 2 + 1)
    assert best_threshold(values, low).f1 == pytest.approx(0.8)
    assert best_threshold(-values, low).f1 == pytest.approx(0.8)
