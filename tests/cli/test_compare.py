from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from shapely import box
from typer.testing import CliRunner, Result

from landslip.cli.compare import compare

RUNNER = CliRunner()
WritePolygons = Callable[..., Path]
EAST, NORTH = 500_000, 4_000_000


def called(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(compare)
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def files(write_polygons: WritePolygons) -> tuple[Path, Path]:
    def square(x: int, side: int) -> object:
        return box(EAST + x, NORTH, EAST + x + side, NORTH + side)

    ours = write_polygons("ours.gpkg", [square(0, 20), square(500, 20)])
    theirs = write_polygons("theirs.gpkg", [square(0, 20), square(100, 50)])
    return ours, theirs


def test_scores_are_printed_as_a_table(files: tuple[Path, Path], tmp_path: Path) -> None:
    result = called(*files, "--out", tmp_path / "out", "--resolution", 1)
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0].endswith("out: 2 landslides compared with 2 of the reference")
    assert "pixels of 1 m areas" in lines
    assert any(line.startswith("precision 0.5000 0.5000 (") for line in lines)
    assert any(line.startswith("error_index 0.8788 0.8788 (") for line in lines)
    assert any(line.startswith("detected 1 of 2: 0.5000") for line in lines)
    assert any(line.startswith("400 to 1,600 m2 1 of 1: 1.0000") for line in lines)
    assert "from 25,600 m2 0 of 0: undefined" in lines
    assert any(line.startswith("false 1 of 2: 0.5000") for line in lines)
    assert any(line.startswith("matched 1 pairs (IoU from 0.5): F1 0.5000") for line in lines)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.gpkg",
        "comparison.json",
    ]


def test_warnings_and_failures_are_sentences(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = called(*reversed(files), "--out", out, "--draws", 0)
    assert result.exit_code == 0
    assert "warning: 1 of 2 landslides of the reference are outside the bound" in result.stderr
    again = called(*files, "--out", out)
    assert again.exit_code == 2
    assert "already exists" in again.stderr
    assert called(*files, "--out", out, "--overwrite").exit_code == 0
    wrong = called(*files, "--out", tmp_path / "no", "--min-iou", 2)
    assert wrong.exit_code == 2
    assert wrong.stderr == "landslip: --min-iou is over 0 and at most 1; got 2\n"
    missing = called(tmp_path / "nowhere.gpkg", files[1], "--out", tmp_path / "no")
    assert missing.exit_code == 2
    assert "nowhere.gpkg: no such file" in missing.stderr
    assert not (tmp_path / "no").exists()
