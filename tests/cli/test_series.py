"""`landslip series` on small scenes: exit codes, and what is left behind."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform
from scipy import ndimage
from tests.conftest import UTM, WriteRaster
from typer.testing import CliRunner, Result

import landslip
from landslip.cli.app import app
from landslip.core.errors import InputError
from landslip.multitemporal.series.folder import Validity

BANDS = ("blue", "green", "red")
SHAPE = (128, 160)
TRANSFORM = Affine(2, 0, 500_000, 0, -2, 4_000_000)
FAST = ("--no-registration",)

WriteDate = Callable[..., Path]


@pytest.fixture
def write_date(write_raster: WriteRaster) -> WriteDate:
    """Give the function that writes reflectance of one rough ground, times a gain; 0 is nodata."""
    generator = np.random.default_rng(0)
    rough = ndimage.gaussian_filter(generator.normal(size=(3, *SHAPE)), (0, 1, 1))
    ground = (1200 + 900 * rough).clip(100, 6000)

    def write(name: str, gain: float = 1.0, **profile: Any) -> Path:
        named: dict[str, Any] = {
            "names": BANDS,
            "scales": (0.0001,) * 3,
            "transform": TRANSFORM,
            "nodata": 0,
        }
        return write_raster(name, np.rint(gain * ground).astype(np.uint16), **(named | profile))

    return write


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["series", *map(str, words)])


def left_behind(folder: Path) -> list[str]:
    """Return what is in a folder besides the scenes."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".tif")


def test_dates_are_listed_and_what_they_share_is_said_once(
    write_date: WriteDate, tmp_path: Path
) -> None:
    scenes = [write_date("b_20150812.tif", 0.8), write_date("a_20130812.tif")]
    out = tmp_path / "SERIES"
    result = run(*scenes, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"{out}: 2 dates, blue,green,red, 160 x 128 px of 2 m; reference 2013-08-12" in (
        result.output
    )
    shares = r"2015-08-12  100% valid, 0% cloud, 0% shadow; off by -?0\.00, -?0\.00 px \("
    assert re.search(shares, result.output)
    assert result.output.count("clouds are not looked for") == 1
    assert (
        "warning: 2013-08-12, 2015-08-12: clouds are not looked for, it has no band nir; give a "
        "mask (--clouds)"
    ) in result.output
    assert left_behind(tmp_path) == ["SERIES"]
    with landslip.open_series(out) as series:
        lines = series.card.dates[1].normalisation
    assert lines is not None
    assert lines["red"].gain == pytest.approx(1.25, rel=0.01)

    # neither a missing file nor an existing output touches what is there
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = run(*scenes, "--out", out)
    assert again.exit_code == 2
    assert "pass --overwrite" in again.output
    gone = run(scenes[0], tmp_path / "none_20110101.tif", "--out", out, "--overwrite")
    assert gone.exit_code == 2
    assert "none_20110101.tif: no such file" in gone.output
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    replaced = run(*scenes, "--out", out, "--overwrite", *FAST, "--no-normalisation")
    assert replaced.exit_code == 0, replaced.output
    with landslip.open_series(out) as series:
        assert series.card.dates[1].normalisation is None


def test_stated_dates_are_of_the_scenes_in_their_order(
    write_date: WriteDate, tmp_path: Path
) -> None:
    scenes = [write_date("first.tif"), write_date("second.tif", 0.5)]
    options = ("--out", tmp_path / "S", *FAST, "--no-normalisation")
    result = run(*scenes, "--dates", "2015-08-12,2013-08-12", *options)
    assert result.exit_code == 0, result.output
    with landslip.open_series(tmp_path / "S") as series:
        assert [one.source for one in series.card.dates] == ["second.tif", "first.tif"]
        (early, _), (late, _) = (series.read(at, series.grid.window) for at in (0, 1))
    assert early == pytest.approx(0.5 * late, abs=1e-4)


def test_another_system_resolution_and_footprint_and_an_empty_date(
    write_date: WriteDate, tmp_path: Path
) -> None:
    first = write_date("a_20130812.tif")
    (west,), (north,) = transform(UTM, CRS.from_epsg(32651), [500_160], [4_000_000])
    other = write_date(
        "b_20150812.tif", transform=Affine(3, 0, west, 0, -3, north), crs="EPSG:32651"
    )
    empty = write_date("c_20170812.tif", 0.0)
    result = run(first, other, empty, "--out", tmp_path / "S", *FAST)
    assert result.exit_code == 0, result.output
    assert "2017-08-12: it has no pixel with data: nothing is seen on this date" in result.output
    with landslip.open_series(tmp_path / "S") as series:
        assert series.grid.transform == TRANSFORM
        assert series.card.dates[1].resolution_m == 3
        assert series.card.dates[2].no_data_share == 1
        _, validity = series.read(1, series.grid.window)
    assert (validity[:, :70] == Validity.NO_DATA).all()
    # the other zone is turned by 3.5 degrees: its upper edge sinks by 10 m over the right half
    assert (validity[10:-10, 90:-2] == Validity.VALID).all()


def test_one_path_is_one_scene(write_date: WriteDate, tmp_path: Path) -> None:
    scene = write_date("2013-08-12.tif")
    with pytest.raises(InputError, match="a series has two scenes or more; got 1"):
        landslip.series(str(scene), out=tmp_path / "SERIES")


@pytest.mark.parametrize(
    ("second", "words", "text"),
    [
        ({"name": "b_20130812.tif"}, (), "a series has one scene for each date"),
        ({"name": "b.tif"}, (), "the date is in no tag and no name"),
        (
            {"name": "b_20150812.tif", "names": None},
            (),
            "none of the file's 3 bands has a description; name them with --bands",
        ),
        (
            {"name": "b_20150812.tif", "transform": TRANSFORM @ Affine.translation(900, 0)},
            (),
            "the scene does not overlap the reference",
        ),
        ({"name": "b_20150812.tif"}, ("--scale", 10), "reflectance is from 0 to about 1"),
        ({"name": "b_20150812.tif"}, ("--clouds", "clouds.tif"), "--clouds is a file whose name"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else None,
)
def test_a_refused_series_leaves_nothing(
    write_date: WriteDate,
    tmp_path: Path,
    second: dict[str, Any],
    words: tuple[object, ...],
    text: str,
) -> None:
    scenes = [write_date("a_20130812.tif"), write_date(**second)]
    result = run(*scenes, "--out", tmp_path / "S", *words)
    assert result.exit_code == 2
    assert text in " ".join(result.output.split())
    assert left_behind(tmp_path) == []


def test_a_file_that_breaks_off_is_named_and_nothing_is_left(
    write_date: WriteDate, tmp_path: Path
) -> None:
    scenes = [write_date(f"{day}.tif") for day in ("20130812", "20150812")]
    scenes[1].write_bytes(scenes[1].read_bytes()[:-20_000])
    result = run(*scenes, "--out", tmp_path / "S", "--no-cloud-detection", *FAST)
    assert result.exit_code == 2, result.output
    assert "20150812.tif" in result.output
    assert left_behind(tmp_path) == []
