"""What the command writes: form and metadata."""

import json
from typing import Any, NoReturn

import numpy as np
import pytest
import rasterio
from PIL import Image

from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.core.window import Window
from landslip.io.raster import Scene

from .conftest import BANDS, CommandRunner, PreprocessedScene, ProductLibrary


def test_the_scene_is_a_cog_of_named_bands_in_utm(scene: PreprocessedScene) -> None:
    with rasterio.open(scene.path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.descriptions == BANDS
        assert set(file.dtypes) == {"uint16"}
        assert set(file.nodatavals) == {0}
        assert file.scales == (1e-4,) * 4
        assert file.offsets == (0.0,) * 4
        assert set(file.units) == {"reflectance"}
        assert file.crs.to_epsg() == 32648
        assert file.profile["tiled"]
        a, b, c, d, e, f = tuple(file.transform)[:6]
    assert (a, b, d, e) == (2.0, 0.0, 0.0, -2.0)
    assert c % 2 == 0
    assert f % 2 == 0


def test_nodata_holds_for_all_bands_at_once(scene: PreprocessedScene) -> None:
    empty = scene.stored == 0
    assert empty.any()
    assert np.array_equal(empty.all(axis=0), empty.any(axis=0))
    assert scene.quality["scene"]["valid_share"] == pytest.approx((~empty[0]).mean())


def test_the_package_reads_it_as_reflectance(
    scene: PreprocessedScene, library: ProductLibrary
) -> None:
    with Scene(scene.path) as opened:
        assert opened.bands == Bands(BANDS)
        assert opened.radiometry.units is Units.REFLECTANCE
        height, width = opened.grid.shape
        stored, valid = opened.read(Window(width // 2 - 50, height // 2 - 50, 100, 100))
    assert valid.all()
    means = (stored * opened.radiometry.scale).mean(axis=(1, 2))
    assert means == pytest.approx(library.ground.reflectance.mean(axis=(1, 2)), rel=0.2)


def test_the_report_is_complete_and_strict_json(scene: PreprocessedScene) -> None:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    text = (scene.folder / "quality.json").read_text()
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    assert found["product"]["camera"] == "GF1 PMS1"
    assert found["source"]["name"] == f"{scene.folder.name}.tar.gz"
    assert found["radiometry"]["calibration"]["year"] == 2013
    assert found["radiometry"]["sun"]["zenith_deg"] == pytest.approx(24.37, abs=0.1)
    assert found["radiometry"]["view"]["zenith_deg"] == pytest.approx(12 * 1.1, abs=0.3)
    assert set(found["radiometry"]["source_shares"]) == {"pan", *BANDS}
    assert found["dem"]["covered_share"] == pytest.approx(1)
    assert found["fusion"]["method"] == found["request"]["fusion"]
    assert found["fusion"]["r2"] > 0.9
    assert found["registration"] is None, "it was not asked for"
    assert set(found["seconds"]) >= {"radiometry", "elevation", "fusion", "scene"}
    assert found["warnings"] == []


def test_the_quicklook_shows_the_scene(scene: PreprocessedScene) -> None:
    with Image.open(scene.folder / "quicklook.png") as picture:
        assert picture.format == "PNG"
        width, height = picture.size
        seen = np.asarray(picture.convert("RGB"))
    assert width / height == pytest.approx(scene.stored.shape[2] / scene.stored.shape[1], rel=0.01)
    assert seen.std() > 20


def test_nothing_else_is_written(scene: PreprocessedScene) -> None:
    names = {path.name for path in scene.folder.iterdir()}
    assert names == {f"{scene.folder.name}.tif", "quality.json", "quicklook.png"}


def test_scenes_of_two_dates_lie_pixel_on_pixel(
    work: CommandRunner, scene: PreprocessedScene, library: ProductLibrary
) -> None:
    later = work.preprocess(library.winter)
    with rasterio.open(scene.path) as one, rasterio.open(later.path) as other:
        assert one.crs == other.crs
        col, row = ~one.transform @ (other.transform.c, other.transform.f)
    assert col == round(col)
    assert row == round(row)
    assert (col, row) != (0, 0), "the images cover different ground"


def test_resolution_and_coordinate_system_are_the_users(
    work: CommandRunner, library: ProductLibrary
) -> None:
    made = work.preprocess(library.summer, "--resolution", 5, "--crs", "EPSG:32647")
    with rasterio.open(made.path) as file:
        assert file.crs.to_epsg() == 32647
        assert file.res == (5.0, 5.0)
        assert (file.transform.c % 5, file.transform.f % 5) == (0, 0)
        values = file.read()
    valid = values[:, values[0] > 0] * 1e-4
    assert valid.mean(axis=1) == pytest.approx(
        library.ground.reflectance.mean(axis=(1, 2)), rel=0.1
    )


@pytest.mark.parametrize("resolution_m", [0.5, 16.0])
def test_resolutions_far_from_the_sensors_work(
    resolution_m: float, work: CommandRunner, library: ProductLibrary
) -> None:
    """Where too few degraded pixels are left to judge the fusion, it goes without scores."""
    made = work.preprocess(library.summer, "--resolution", resolution_m)
    with rasterio.open(made.path) as file:
        assert file.res == (resolution_m, resolution_m)
    valid = made.reflectance[:, made.stored[0] > 0]
    assert valid.mean(axis=1) == pytest.approx(
        library.ground.reflectance.mean(axis=(1, 2)), rel=0.1
    )
