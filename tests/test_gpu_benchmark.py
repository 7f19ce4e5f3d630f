"""The benchmark of a GPU: its packed tiles, and all its parts in little on a CPU."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.factories.datasets import bright_square, make_tile, write_dataset

import packed_tiles
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.sh"
ABSENT = "rasterio affine geopandas pyogrio pyproj shapely openvino segmentation_models_pytorch"
HIDING = """
from importlib.machinery import PathFinder

original = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.split(".")[0] in {absent} else original(name, path, target)

PathFinder.find_spec = find_spec
"""


def write_tiles(folder: Path) -> TileDataset:
    generator = np.random.default_rng(0)
    known = {"bands": 3, "brightness": 60, "contrast": 80, "dtype": "uint8"}
    made = [bright_square(f"t{at}", generator, **known) for at in range(8)]  # type: ignore[arg-type]
    hole = np.ones((64, 64), dtype=np.bool_)
    hole[:9, 30:] = False
    unknown = np.full((64, 64), 255, dtype=np.uint8)
    made.append(make_tile("hole", made[0].stored, unknown, hole))
    bands = ("red", "green", "blue")
    return write_dataset(folder, made, bands=bands, plan=SplitPlan(test_share=0.3, val_share=0.3))


def test_packed_tiles_are_the_same_to_the_last_byte(tmp_path: Path) -> None:
    tiles = write_tiles(tmp_path / "tiles")
    packed_tiles.pack(tiles.path, tmp_path / "tiles.zip")
    packed_tiles.unpack(tmp_path / "tiles.zip", tmp_path / "again")
    for file in tiles.path.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


def test_other_tiles_are_not_packed(tmp_path: Path) -> None:
    tiles = write_dataset(tmp_path / "tiles", [make_tile("t", np.ones((4, 8, 8), np.uint16))])
    with pytest.raises(InputError, match="tiles of three 8-bit bands; got 4 of uint16"):
        packed_tiles.pack(tiles.path, tmp_path / "tiles.zip")


@pytest.mark.slow
def test_all_parts_run_in_little_without_a_raster_library(tmp_path: Path) -> None:
    packed_tiles.pack(write_tiles(tmp_path / "tiles").path, tmp_path / "tiles.zip")
    (tmp_path / "sitecustomize.py").write_text(HIDING.format(absent=set(ABSENT.split())))
    command = [
        str(SCRIPT),
        str(tmp_path / "tiles.zip"),
        "--tiny",
        "--out",
        str(tmp_path / "gpu.md"),
    ]
    paths = {"PYTHONPATH": str(tmp_path), "PYTHON": sys.executable}
    done = subprocess.run(
        command, env=os.environ | paths, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "gpu.md").read_text()
    assert page.count("\n| none |") == page.count("\n| flips |") == 1
    assert "\n| resnet18 | 2 | " in page
    rows = [line.split(" | ") for line in page.splitlines() if "| fp32 |" in line]
    (cells,) = rows
    assert min(float(cells[2]), float(cells[3])) > 0
    assert "the whole process is not measured" in page
