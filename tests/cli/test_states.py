"""``landslip states``: what is printed, and what is refused."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.multitemporal.factories import with_ndvi, write_map, write_series
from typer.testing import CliRunner, Result

from landslip.cli.app import app

SHAPE = (40, 50)
SCAR = np.s_[10:30, 10:30]
BEFORE, AFTER = date(2007, 8, 1), date(2008, 8, 1)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in ("states", *words)])


@pytest.fixture
def series(tmp_path: Path) -> Path:
    scenes = {}
    for day, scar in {BEFORE: 0.8, AFTER: 0.1}.items():
        ndvi, probability = np.full(SHAPE, 0.8), np.full(SHAPE, 0.02)
        ndvi[SCAR], probability[SCAR] = scar, 0.95 if day == AFTER else 0.02
        scenes[day] = with_ndvi(ndvi)
        write_map(tmp_path / f"map_{day.year}", day, probability)
    return write_series(tmp_path / "SERIES", scenes)


def test_areas_of_states_are_printed_by_date(series: Path, tmp_path: Path) -> None:
    maps = [word for year in (2007, 2008) for word in ("--maps", tmp_path / f"map_{year}")]
    result = run(series, *maps, "--triggers", "2008-05-12", "--out", tmp_path / "STATES")
    assert result.exit_code == 0, result.output
    _, header, before, after = result.stdout.splitlines()
    assert header.split() == ["seen", "vegetated", "fresh", "recovering", "recovered"]
    # 400 of 2000 px of 4 m2 failed
    assert before == f"2007-08-01   100% {'0.0080 km2':>16}" + 3 * f" {'0.0000 km2':>16}"
    assert after.startswith(f"2008-08-01   100% {'0.0064 km2':>16} {'0.0016 km2':>16} ")


def test_what_cannot_be_done_is_refused_in_one_sentence(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "STATES"
    options = {
        (): "states need maps of probabilities: give either --maps",
        ("--maps", f"2009-01-01={tmp_path / 'map_2008'}"): "a map is of a date of the series",
        ("--maps", tmp_path / "map_2008", "--triggers", "May"): "--triggers are days like",
        (
            "--maps",
            tmp_path / "map_2008",
            "--prior",
            2,
        ): "--prior is a share between 0 and 1; got 2",
        ("--maps", tmp_path / "map_2008", "--maps", tmp_path / "map_2008"): "a date has one map",
    }
    for words, sentence in options.items():
        result = run(series, *words, "--out", out)
        assert result.exit_code == 2, words
        assert result.stderr.startswith("landslip: ")
        assert sentence in result.stderr
        assert not out.exists()
    result = run(tmp_path / "map_2008", "--maps", tmp_path / "map_2008", "--out", out)
    assert result.exit_code == 2
    assert "not a series, there is no series.json in it" in result.stderr
