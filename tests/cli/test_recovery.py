"""``landslip recovery``: what is printed, and what is refused."""

from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pytest
from shapely import Polygon, box
from tests.multitemporal.factories import LEFT, TOP, UTM, with_ndvi, write_series
from typer.testing import CliRunner, Result

from landslip.cli.app import app

SHAPE = (60, 80)
NDVI_OF_SCAR = {date(2007, 8, 1): 0.8, date(2008, 8, 1): 0.1, date(2012, 8, 1): 0.45}


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in ("recovery", *words)])


def write_landslide(path: Path, outline: Polygon) -> Path:
    frame = geopandas.GeoDataFrame({"date": ["2008-05-12"]}, geometry=[outline], crs=UTM.to_wkt())
    frame.to_file(path)
    return path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    scenes = {}
    for day, scar in NDVI_OF_SCAR.items():
        ndvi = np.full(SHAPE, 0.8)
        ndvi[20:40, 30:50] = scar
        scenes[day] = with_ndvi(ndvi)
    return write_series(tmp_path / "SERIES", scenes)


def test_classes_and_half_life_are_printed(series: Path, tmp_path: Path) -> None:
    outline = box(LEFT + 60, TOP - 80, LEFT + 100, TOP - 40)
    landslides = write_landslide(tmp_path / "landslides.gpkg", outline)
    out = tmp_path / "RECOVERY"
    result = run(landslides, "--series", series, "--out", out, "--draws", 0)
    assert result.exit_code == 0, result.output
    assert "1 landslides on 3 dates, 1 with a recovery rate" in result.stdout
    assert "recovering         1 landslides          400 px" in result.stdout
    # half of the loss is back after four years
    assert "median half-life 4 years; half of the landslides recovered: not within the series" in (
        result.stdout
    )
    assert (out / "recovery.gpkg").is_file()


def test_what_cannot_be_done_is_refused_in_one_sentence(series: Path, tmp_path: Path) -> None:
    away = write_landslide(tmp_path / "away.gpkg", box(LEFT - 500, TOP, LEFT - 400, TOP + 100))
    out = tmp_path / "RECOVERY"
    for words, sentence in {
        (away, "--series", series): "no landslide is in the footprint of the series",
        (away, "--series", series, "--failed", "2008"): "--failed are days like",
        (away, "--series", series, "--failed", "2008-05-12,2009-05-12"): "--failed is one day",
        (away, "--series", away): "not a series, there is no series.json in it",
        (series, "--series", series): "neither histories nor an inventory",
    }.items():
        result = run(*words, "--out", out)
        assert result.exit_code == 2, words
        assert result.stderr.startswith("landslip: ")
        assert sentence in result.stderr
        assert not out.exists()
