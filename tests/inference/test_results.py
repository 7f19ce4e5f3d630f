"""What an extraction writes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
from affine import Affine
from scipy import ndimage
from tests.inference.factories import (
    COLUMNS,
    NAMES,
    THRESHOLD,
    MeanEngine,
    RedEngine,
    Runner,
    X,
    Y,
    expected_mask,
    expected_steps,
    model_of,
    terrain,
)

from landslip import __version__
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract


@pytest.mark.parametrize("engine", [RedEngine(), RedEngine(streams=3)], ids=["1", "3 at once"])
@pytest.mark.parametrize(
    ("shape", "tile", "overlap"),
    [
        pytest.param((96, 120), 32, 8, id="whole tiles"),
        pytest.param((97, 61), 32, 16, id="odd sides, largest overlap"),
        pytest.param((64, 64), 32, 0, id="no overlap"),
        pytest.param((33, 130), 64, 16, id="lower than a tile"),
        pytest.param((130, 3), 32, 8, id="narrower than the overlap"),
        pytest.param((90, 1), 32, 8, id="one pixel wide"),
        pytest.param((1, 90), 32, 8, id="one pixel high"),
        pytest.param((20, 25), 512, 128, id="smaller than a tile"),
        pytest.param((300, 280), None, 8, id="windows as planned"),
        pytest.param((1, 1), 32, 8, id="one pixel"),
    ],
)
def test_each_pixel_has_what_the_engine_says_of_it(
    run: Runner, shape: tuple[int, int], tile: int | None, overlap: int, engine: RedEngine
) -> None:
    scene = terrain(shape)
    found = run(scene, engine, ExtractionOptions(tile=tile, overlap=overlap))
    expected = expected_steps(scene, engine)
    assert found.scale == pytest.approx(0.004)
    np.testing.assert_array_equal(found.steps, expected)
    np.testing.assert_array_equal(found.mask, expected_mask(expected))
    assert found.mask.any()


@pytest.mark.parametrize("shape", [(100, 90), (64, 33), (31, 200)])
@pytest.mark.parametrize("overlap", [8, 16])
def test_windows_borders_do_not_show(run: Runner, shape: tuple[int, int], overlap: int) -> None:
    scene = terrain(shape)
    found = run(scene, MeanEngine(), ExtractionOptions(tile=32, overlap=overlap))
    np.testing.assert_array_equal(found.steps, expected_steps(scene, MeanEngine()))


def test_without_overlap_windows_borders_show(run: Runner) -> None:
    scene = terrain((96, 96))
    found = run(scene, MeanEngine(), ExtractionOptions(tile=32, overlap=0))
    differing = found.steps != expected_steps(scene, MeanEngine())
    assert differing[:, 31:33].any()
    assert not differing[1:31, 1:31].any()


def test_the_polygons_are_the_mask(run: Runner) -> None:
    scene = terrain((90, 110))
    found = run(scene)
    landslides = found.landslides
    labels, count = ndimage.label(found.mask)
    np.testing.assert_array_equal(found.burnt(), found.mask == 1)
    assert len(landslides) == count
    assert list(landslides.columns) == COLUMNS
    assert landslides.id.tolist() == list(range(1, count + 1))
    assert landslides.area_px.is_monotonic_decreasing
    assert sorted(landslides.area_px) == sorted(np.bincount(labels.ravel())[1:])
    np.testing.assert_allclose(landslides.area_m2, landslides.area_px)
    steps = expected_steps(scene, RedEngine())
    for column, statistic in (("max", ndimage.maximum), ("mean", ndimage.mean)):
        expected = statistic(steps / 250, labels, range(1, count + 1))
        np.testing.assert_allclose(sorted(landslides[f"{column}_probability"]), sorted(expected))


def test_the_summary_counts(run: Runner) -> None:
    found = run(terrain((90, 110)))
    summary = found.summary
    assert summary["landslide_px"] == (found.mask == 1).sum() == summary["landslide_area_m2"]
    assert (summary["valid_px"], summary["width"], summary["height"]) == (9900, 110, 90)
    assert summary["landslides"] == len(found.landslides)
    assert (summary["crs"], summary["resolution_m"]) == ("EPSG:32650", 1.0)
    assert (summary["threshold"], summary["engine"], summary["warnings"]) == (THRESHOLD, "red", [])
    assert summary["model_weights_sha256"] == "ab" * 32
    assert summary["bands"] == list(NAMES)
    assert (summary["scene"], summary["code_version"]) == ("scene.tif", __version__)
    assert (summary["skipped_windows_share"], summary["kept_windows_share"]) == (0, 0)
    assert 0 < summary["engine_busy_share"] <= 1
    assert summary["memory_peak_mb"] > 50


def test_windows_are_as_planned(run: Runner) -> None:
    engine = RedEngine()
    found = run(terrain((72, 56)), engine, ExtractionOptions(tile=40, overlap=10))
    assert set(engine.shapes) == {(1, 2, 40, 40)}
    # the overlap goes up to the next multiple of 8; windows begin at 0, 24, 48
    assert (found.summary["window_px"], found.summary["overlap_px"]) == ([40, 40], 16)
    assert len(engine.shapes) == found.summary["windows"] == 3 * 2


@pytest.mark.parametrize("min_area_m2", [0.0, 4.0, 4.1, 1e6])
def test_small_landslides_are_left_out_of_the_polygons_alone(
    run: Runner, min_area_m2: float
) -> None:
    scene = np.full((2, 30, 40), 500, dtype=np.uint16)
    for size, col in ((1, 2), (2, 10), (5, 20)):
        scene[0, 4 : 4 + size, col : col + size] = 800
    options = ExtractionOptions(tile=32, overlap=8, min_area_m2=min_area_m2)
    found = run(scene, options=options)
    areas = [area for area in (25, 4, 1) if area >= min_area_m2]
    assert found.landslides.area_m2.tolist() == areas
    assert found.summary["landslide_area_m2"] == sum(areas)
    assert (found.mask == 1).sum() == found.summary["landslide_px"] == 30
    assert list(found.landslides.columns) == COLUMNS


def test_nothing_found_has_the_same_columns(run: Runner) -> None:
    some = run(terrain((30, 40)), out="some")
    found = run(np.full((2, 30, 40), 300, dtype=np.uint16), out="none")
    assert found.landslides.empty
    assert found.landslides.dtypes.to_dict() == some.landslides.dtypes.to_dict()
    assert found.landslides.crs == some.landslides.crs
    assert np.unique(found.mask).tolist() == [0]
    assert found.summary["landslide_area_m2"] == 0


@pytest.mark.parametrize(
    ("threshold", "least"),
    [
        pytest.param(0.4013, 101, id="between two steps"),
        pytest.param(0.6, 150, id="a step"),
        pytest.param(1.0, 250, id="certain"),
        pytest.param(0.001, 1, id="under the first step"),
    ],
)
def test_the_threshold_asked_for_is_taken(run: Runner, threshold: float, least: int) -> None:
    scene = terrain((60, 60))
    scene[0, 5:9, 5:9] = 950
    found = run(scene, options=ExtractionOptions(tile=32, overlap=8, threshold=threshold))
    expected = expected_mask(expected_steps(scene, RedEngine()), least)
    np.testing.assert_array_equal(found.mask, expected)
    assert found.mask.any()
    assert found.summary["threshold"] == threshold


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("count", [0, 3], ids=["nothing found", "three landslides"])
def test_without_a_coordinate_system_areas_are_in_pixels(run: Runner, count: int) -> None:
    scene = np.full((2, 40, 50), 500, dtype=np.uint16)
    for at in range(count):
        scene[0, 10 * at : 10 * at + 2, 5:8] = 800
    found = run(scene, crs=None, transform=Affine.identity())
    assert found.landslides.area_px.tolist() == [6] * count
    assert found.landslides.area_m2.isna().all()
    assert found.landslides.crs is None
    assert (found.summary["crs"], found.summary["landslide_area_m2"]) == (None, None)
    assert "no coordinate system" in found.summary["warnings"][0]
    np.testing.assert_array_equal(found.burnt(), found.mask == 1)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        pytest.param("EPSG:4326", Affine(1e-5, 0, 100, 0, -1e-5, 60), id="degrees"),
        pytest.param("EPSG:3857", Affine(2, 0, 1e7, 0, -2, 8_399_737), id="web Mercator at 60"),
    ],
)
def test_areas_are_on_the_ellipsoid(run: Runner, crs: str, transform: Affine) -> None:
    found = run(terrain((60, 50)), crs=crs, transform=transform)
    geod = pyproj.Geod(ellps="WGS84")
    in_degrees = found.landslides.to_crs(4326)
    expected = [abs(geod.geometry_area_perimeter(shape)[0]) for shape in in_degrees.geometry]
    np.testing.assert_allclose(found.landslides.area_m2, expected, rtol=1e-6)
    assert found.summary["area_method"] == "geodesic"


@pytest.mark.parametrize(
    ("transform", "pixel_m2"),
    [
        pytest.param(Affine(1.6, 1.2, X, 1.2, -1.6, Y), 4, id="turned"),
        pytest.param(Affine(1, 0, X, 0, 1, Y), 1, id="south up"),
        pytest.param(Affine(0, 1, X, 1, 0, Y), 1, id="rows are columns"),
        pytest.param(Affine(1.25, 0, X, 0, -0.8, Y), 1, id="oblong pixels"),
    ],
)
def test_scenes_that_do_not_lie_north_up(run: Runner, transform: Affine, pixel_m2: float) -> None:
    scene = terrain((60, 50))
    found = run(scene, transform=transform)
    assert found.grid[1] == transform
    np.testing.assert_array_equal(found.steps, expected_steps(scene, RedEngine()))
    np.testing.assert_allclose(found.landslides.area_m2, pixel_m2 * found.landslides.area_px)
    np.testing.assert_array_equal(found.burnt(), found.mask == 1)
    assert found.landslides.geometry.exterior.is_ccw.all()


def test_another_resolution_is_warned_of(run: Runner) -> None:
    found = run(terrain((60, 50)), transform=Affine(2, 0, X, 0, -2, Y))
    assert "2 m pixels and the model was trained on 1 m" in found.summary["warnings"][0]


def test_progress_goes_up_to_all_of_it(run: Runner, tmp_path: Path) -> None:
    told: list[tuple[float, float]] = []

    def note(done: float, total: float) -> None:
        told.append((done, total))

    scene: Any = run.scene(terrain((60, 50)))
    extract(
        scene,
        model_of(),
        RedEngine(),
        tmp_path / "out",
        ExtractionOptions(tile=32, overlap=8),
        progress=note,
    )
    done = [step for step, _ in told]
    assert done == sorted(done)
    assert len(set(done)) == 3 * 2
    assert told[-1] == (3000, 3000)
