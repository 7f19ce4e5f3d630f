"""What ``landslip preprocess`` says before any product is opened, and what it imports.

Whole runs are in ``tests/preprocess``.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from landslip.cli.app import app


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["preprocess", *map(str, words)])


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """Give a file that is named as a product and is none."""
    path = tmp_path / "GF1_PMS1_E103.5_N31.3_20130812_L1A0000000000.tar.gz"
    path.write_bytes(b"nothing")
    return path


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    path = tmp_path / "dem.tif"
    path.write_bytes(b"nothing")
    return path


def test_help_has_an_example_and_the_defaults() -> None:
    result = run("--help")
    assert result.exit_code == 0
    text = plain(result.stdout)
    assert "landslip preprocess GF1_PMS1_*.tar.gz --dem DEM.tif" in text
    for option in ("--dem-heights", "--atmosphere", "--fusion", "--reference", "--clouds"):
        assert option in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--dem-heights", "geoid"), "--dem-heights is ellipsoid, egm96, egm2008"),
        (("--dem-heights", "4000"), "within 120 m of the ellipsoid"),
        (("--resolution", "0.1"), "a scene has pixels of 0.5 to 30 m; got --resolution 0.1"),
        (("--crs", "EPSG:1"), "written like EPSG:32648; got --crs 'EPSG:1'"),
        (("--clouds", "grey"), "--clouds is bright, or a folder"),
        (("--reference", "a.tif", "--max-shift", "-5"), "--max-shift is over 0 metres; got -5"),
        (("--calibration", "nearest", "--coefficients", "a.yaml"), "give one of them"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(
    words: tuple[str, ...], sentence: str, product: Path, dem: Path, tmp_path: Path
) -> None:
    result = run(product, "--dem", dem, "--out", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("landslip: ")
    assert sentence in plain(result.stderr)
    assert not (tmp_path / "out").exists()


def test_what_is_no_archive_is_refused(product: Path, dem: Path, tmp_path: Path) -> None:
    result = run(product, "--dem", dem, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert str(product) in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_elevation_model_that_is_absent_fails_once(product: Path, tmp_path: Path) -> None:
    other = tmp_path / product.name.replace("20130812", "20141002")
    other.write_bytes(b"nothing")
    result = run(product, other, "--dem", tmp_path / "absent.tif", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == f"landslip: {tmp_path / 'absent.tif'}: no such file\n"


def test_another_cameras_product_is_refused_by_its_name(
    product: Path, dem: Path, tmp_path: Path
) -> None:
    other = product.rename(tmp_path / "GF1_WFV1_E103.5_N31.3_20130812_L1A0000000000.tar.gz")
    result = run(other, "--dem", dem, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "this one is of GF1 WFV1" in plain(result.stderr)


def test_importing_the_command_imports_nothing_heavy() -> None:
    program = """
import sys
import landslip.cli.preprocess
heavy = {"numpy", "cv2", "scipy", "pydantic", "rasterio", "geopandas", "torch", "yaml", "PIL"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
