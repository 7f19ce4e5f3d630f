import json
import shutil
from pathlib import Path

import pytest
from tests.inventory.factories import SyntheticExtraction, make_extraction
from typer.testing import CliRunner

from landslip.cli.app import app


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


def test_an_inventory_and_its_report_in_two_commands(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    out = tmp_path / "inventory"
    code, said = run("inventory", made.extraction, "--dem", made.dem, "--out", out, "--draws", 10)
    assert code == 0, said
    assert "3 landslides" in said
    code, said = run("report", out, "--lang", "zh")
    assert code == 0, said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'lang="zh' in page
    assert "滑坡" in page


def test_options_reach_the_inventory(made: SyntheticExtraction, tmp_path: Path) -> None:
    out = tmp_path / "inventory"
    options = ("--low", 0.5, "--high", 0.9, "--min-area", 3000, "--max-shift", 1.5, "--no-split")
    more = ("--no-smooth", "--name", "Upper valley", "--date", "2020-01-02", "--no-use-scene")
    code, said = run("inventory", made.extraction, "--out", out, "--draws", 0, *options, *more)
    assert code == 0, said
    record = json.loads((out / "inventory.json").read_text())
    cleaning = record["cleaning"]
    assert record["landslides"] == 2
    assert (cleaning["low"], cleaning["high"], cleaning["min_area_m2"]) == (0.5, 0.9, 3000)
    assert (cleaning["max_shift_m"], cleaning["smooth"], cleaning["split"]) == (1.5, False, False)
    assert (record["name"], record["scene"]["date"]) == ("Upper valley", "2020-01-02")


@pytest.mark.parametrize("source", ["the map", "its polygons"])
def test_an_inventory_that_is_left_with_nothing_is_a_warning_all_along(
    source: str, made: SyntheticExtraction, tmp_path: Path
) -> None:
    polygons, out = tmp_path / "landslides.gpkg", tmp_path / "inventory"
    code, _ = run("inventory", made.extraction, "--out", tmp_path / "all", "--draws", 0)
    assert code == 0
    shutil.copy(tmp_path / "all" / "inventory.gpkg", polygons)
    given = (made.extraction,) if source == "the map" else (polygons, "--layer", "landslides")
    code, said = run("inventory", *given, "--out", out, "--draws", 0, "--min-area", 10_000_000)
    assert code == 0, said
    told = [line for line in said.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert "--min-area" in told[0]
    record = json.loads((out / "inventory.json").read_text())
    assert record["warnings"] == [told[0].removeprefix("warning: ")]

    _, said = run("report", out)
    assert told[0] in said
    reference = ("--reference-layer", "landslides", "--out", tmp_path / "compared")
    code, said = run("compare", out, polygons, *reference, "--draws", 0)
    assert code == 0, said
    assert told[0].replace("warning: ", "warning: inventory: ") in said
    assert "all of the reference's are missed" in said


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--date", "yesterday"), "--date must be YYYY-MM-DD"),
        (("--low", "0.9", "--high", "0.2"), "--high"),
        (("--draws", "-1"), "--draws"),
        (("--cell", "0"), "--cell"),
        (("--min-area", "-5"), "--min-area"),
        (("--dem", "gone.tif"), "gone.tif: no such file"),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(
    made: SyntheticExtraction, tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    code, said = run("inventory", made.extraction, "--out", tmp_path / "out", *words)
    assert code == 2
    assert text in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
