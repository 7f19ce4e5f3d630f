"""What the network sees of a scene, and what it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from tests.inference.factories import (
    COLUMNS,
    CertainEngine,
    MeanEngine,
    RedEngine,
    Runner,
    expected_mask,
    expected_steps,
    model_of,
    terrain,
)

from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.io.raster import SceneOptions


@pytest.mark.parametrize("how", ["NaN", "NaN as nodata", "tag", "stated", "lowest float"])
def test_nodata_of_any_band_is_never_landslide(run: Runner, how: str) -> None:
    fill = {"NaN": np.nan, "NaN as nodata": np.nan, "tag": -9999, "stated": -1}.get(
        how, float(np.finfo(np.float32).min)
    )
    scene = terrain((80, 70)).astype(np.float32)
    holes = np.random.default_rng(1).random(scene.shape) < 0.05
    holes[0, 20:60, 30:65] = True
    scene[holes] = fill
    in_file = None if how in ("NaN", "stated") else fill
    stated = SceneOptions(nodata=-1.0 if how == "stated" else None)
    options = ExtractionOptions(tile=32, overlap=8, scene=stated)
    found = run(scene, CertainEngine(), options, nodata=in_file)
    missing = holes.any(axis=0)
    np.testing.assert_array_equal(found.steps, np.where(missing, 255, 250))
    np.testing.assert_array_equal(found.mask, np.where(missing, 255, 1))
    np.testing.assert_array_equal(found.burnt(), ~missing)
    assert found.summary["landslide_px"] == found.summary["valid_px"] == (~missing).sum()


def test_a_nodata_value_of_0_is_0_in_all_bands(run: Runner) -> None:
    """Water is 0 in one band; beyond the image's edge all are."""
    scene = terrain((80, 70))
    scene[0, :30, 20:60] = 0
    scene[:, 50:] = 0
    found = run(scene, CertainEngine(), ExtractionOptions(tile=32, overlap=8), nodata=0)
    missing = np.zeros(scene.shape[1:], np.bool_)
    missing[50:] = True
    np.testing.assert_array_equal(found.steps, np.where(missing, 255, 250))


def test_infinite_numbers_are_no_data(run: Runner) -> None:
    scene = terrain((50, 60)).astype(np.float64)
    scene[0, 10:20, 5] = np.inf
    scene[1, 30:40, 50] = -np.inf
    valid = np.asarray(np.isfinite(scene).all(axis=0))
    found = run(scene, MeanEngine(), model=model_of(dtype="float64"))
    scene[:, ~valid] = 0
    np.testing.assert_array_equal(found.steps, expected_steps(scene, MeanEngine(), valid))


def test_an_undeclared_fill_value_stays_where_it_is(run: Runner) -> None:
    scene = terrain((80, 70)).astype(np.float32)
    scene[:, 30:50, 20:40] = -3.0e38
    found = run(scene, MeanEngine())
    np.testing.assert_array_equal(found.steps, expected_steps(scene, MeanEngine()))
    away = np.ones((80, 70), dtype=bool)
    away[29:51, 19:41] = False
    whole = run(terrain((80, 70)).astype(np.float32), MeanEngine(), out="whole")
    np.testing.assert_array_equal(found.steps[away], whole.steps[away])


def test_next_to_nodata_the_network_sees_the_mean(run: Runner) -> None:
    scene = terrain((80, 70))
    missing = np.zeros((80, 70), dtype=bool)
    missing[:, 35:] = missing[50:] = True
    scene[:, missing] = 0
    found = run(scene, MeanEngine(), nodata=0)
    np.testing.assert_array_equal(found.steps, expected_steps(scene, MeanEngine(), ~missing))


def test_a_scene_of_nothing_but_nodata(run: Runner) -> None:
    engine = RedEngine()
    found = run(np.zeros((2, 50, 60), dtype=np.uint16), engine, nodata=0)
    assert np.unique(found.mask).tolist() == np.unique(found.steps).tolist() == [255]
    assert engine.shapes == []
    assert list(found.landslides.columns) == COLUMNS
    assert (found.summary["valid_px"], found.summary["skipped_windows_share"]) == (0, 1.0)
    assert found.summary["engine_busy_share"] is None


def test_windows_without_data_are_not_computed(run: Runner) -> None:
    scene = terrain((64, 128))
    scene[:, :, 64:] = 0
    engine = RedEngine()
    found = run(scene, engine, ExtractionOptions(tile=32, overlap=0), nodata=0)
    assert len(engine.shapes) == 4
    assert found.summary["skipped_windows_share"] == 0.5


def test_bands_the_model_does_not_take_may_be_nodata(run: Runner) -> None:
    scene = terrain((40, 40))
    scene[1] = 0
    found = run(scene, model=model_of(("red",)), nodata=0)
    np.testing.assert_array_equal(found.steps, expected_steps(scene[:1], RedEngine()))


def test_bands_come_in_the_models_order(run: Runner) -> None:
    scene = terrain((60, 50))
    found = run(scene[::-1], names=("nir", "red"))
    np.testing.assert_array_equal(found.steps, expected_steps(scene, RedEngine()))


def test_bands_are_named_by_the_user(run: Runner) -> None:
    scene = terrain((60, 50))
    named = SceneOptions(bands=Bands.parse("nir,red"))
    options = ExtractionOptions(tile=32, overlap=8, scene=named)
    found = run(scene[::-1], options=options, names=None)
    np.testing.assert_array_equal(found.steps, expected_steps(scene, RedEngine()))


def test_scaled_numbers_are_brought_to_the_models_units(run: Runner) -> None:
    scene = terrain((60, 50))
    reflectance: dict[str, Any] = {
        "units": Units.REFLECTANCE,
        "mean": (0.5, 0.5),
        "std": (0.1, 0.1),
    }
    model = model_of(**reflectance, quantiles=((0.3, 0.5, 0.7),) * 2)
    shifted = (scene * 10 + 1000).astype(np.uint16)
    found = run(shifted, model=model, scales=(1e-4,) * 2, offsets=(-0.1,) * 2)
    expected = expected_steps(scene, RedEngine()) / 250
    np.testing.assert_allclose(found.probability, expected, atol=0.0041)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint32", "int32", "float32", "float64"])
def test_numbers_of_every_kind(run: Runner, dtype: str) -> None:
    scene = terrain((50, 70)).astype(dtype)
    found = run(scene)
    np.testing.assert_array_equal(found.steps, expected_steps(scene, RedEngine()))


def test_numbers_of_8_bits(run: Runner) -> None:
    scene = (terrain((50, 70)) // 4).astype(np.uint8)
    known: dict[str, Any] = {"mean": (125.0,) * 2, "std": (25.0,) * 2}
    model = model_of(dtype="uint8", **known, quantiles=((75.0, 125.0, 175.0),) * 2)
    found = run(scene, model=model)
    np.testing.assert_array_equal(found.steps, expected_steps(scene * 4.0, RedEngine()))


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param({"tiled": True, "blockxsize": 48, "blockysize": 16}, id="odd blocks"),
        pytest.param({"tiled": True, "blockxsize": 16, "blockysize": 80}, id="high blocks"),
        pytest.param({"blockysize": 1}, id="strips of a row"),
        pytest.param({"blockysize": 7, "compress": "deflate"}, id="compressed strips"),
        pytest.param({"blockysize": 100, "compress": "lzw"}, id="one strip"),
        pytest.param({"interleave": "pixel", "compress": "zstd", "predictor": 2}, id="by pixel"),
        pytest.param(
            {"tiled": True, "blockxsize": 512, "blockysize": 512}, id="a block past the scene"
        ),
    ],
)
def test_however_the_file_is_laid_out(run: Runner, layout: dict[str, Any]) -> None:
    scene = terrain((100, 90))
    found = run(scene, MeanEngine(), **layout)
    np.testing.assert_array_equal(found.steps, expected_steps(scene, MeanEngine()))


def test_a_scene_as_wide_as_a_tiff_may_once_be(
    write_raster: Callable[..., Path], tmp_path: Path
) -> None:
    width = 65_535
    path = tmp_path / "wide.tif"
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": width,
        "height": 40,
        "count": 2,
        "dtype": "uint16",
        "nodata": 0,
        "tiled": True,
        "sparse_ok": True,
        "crs": "EPSG:32650",
        "transform": Affine(1, 0, 0, 0, -1, 4_000_000),
    }
    scene = terrain((40, 70))
    with rasterio.open(path, "w", **profile) as file:
        file.write(scene, window=Window(width - 70, 0, 70, 40))
        file.descriptions = ("red", "nir")
    engine = RedEngine()
    options = ExtractionOptions(tile=1024, overlap=64)
    summary = extract(path, model_of(), engine, tmp_path / "out", options)
    assert len(engine.shapes) == 1
    assert (summary.windows, summary.valid_px) == (69, 2800)
    with rasterio.open(tmp_path / "out" / "mask.tif") as file:
        mask = file.read(1)
    expected = expected_mask(expected_steps(scene, RedEngine()))
    np.testing.assert_array_equal(mask[:, -70:], expected)
    assert (mask[:, :-70] == 255).all()
