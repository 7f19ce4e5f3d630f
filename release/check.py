r"""Builds the packages, installs them into empty environments, and uses them there.

    python release/check.py                       this Python, newest versions: minutes
    python release/check.py --python 3.11 3.12 3.13 \
        --bounds newest lowest --extras "" train

Needs uv, which is run as ``uv``, and the Pythons: those that uv finds, or as paths. Each
environment is made of the wheel, which is made of the sdist. There the command and the import are
tried, `landslip doctor` must find nothing broken, polygons become an inventory with its report;
with the extra train a network is trained on tiles made here and maps a scene. Prints a table; exit
code 1 if anything failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_DATA = """
import geopandas, numpy as np, shapely, rasterio
from PIL import Image
from pathlib import Path
boxes = [shapely.box(4e5 + 100 * i, 3e6, 4e5 + 100 * i + 20 + i, 3e6 + 30) for i in range(12)]
geopandas.GeoDataFrame(geometry=boxes, crs="EPSG:32648").to_file("polygons.gpkg")
draw = np.random.default_rng(0)
for folder in ("images", "masks"):
    Path(folder).mkdir()
for number in range(8):
    image = draw.integers(0, 80, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:40] = 255
    image[mask > 0] += 150
    Image.fromarray(image).save(f"images/{number}.png")
    Image.fromarray(mask).save(f"masks/{number}.png")
with rasterio.open("scene.tif", "w", driver="GTiff", width=64, height=64, count=3, dtype="uint8",
                   crs="EPSG:32648", transform=rasterio.Affine(2, 0, 4e5, 0, -2, 3e6)) as scene:
    scene.write(image.transpose(2, 0, 1))
"""
_FOREIGN = {"PYTHONPATH", "VIRTUAL_ENV"}
_IMPORT = "import sys, landslip; landslip.extract; assert 'torch' not in sys.modules"
_BASE = (
    ["landslip", "--version"],
    ["landslip", "doctor", "--no-speed"],
    ["python", "-W", "error", "-c", _IMPORT],
    ["python", "-c", _DATA],
    ["landslip", "inventory", "polygons.gpkg", "--out", "INVENTORY"],
    ["landslip", "report", "INVENTORY"],
)
_TRAIN = (
    "landslip dataset pairs --images images --masks masks --bands red,green,blue --out TILES",
    "landslip train TILES --out MODEL --encoder resnet18 --encoder-weights none --epochs 1",
    "landslip extract scene.tif --model MODEL --bands red,green,blue --out MAP --force",
)


def build(folder: Path) -> Path:
    """Build sdist and wheel; returns the wheel."""
    _run(["uv", "build", "--quiet", "--out-dir", str(folder)], ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check(wheel: Path, python: str, bounds: str, extra: str, folder: Path) -> str:
    """Install the wheel into an empty environment and use it; returns a row of the table."""
    started, environment = time.monotonic(), folder / "environment"
    _run(["uv", "venv", "--quiet", "--python", python, str(environment)], folder)
    target = ["--python", str(environment / "bin" / "python")]
    words = [
        "uv",
        "pip",
        "install",
        "--quiet",
        *target,
        f"{wheel}[{extra}]" if extra else str(wheel),
    ]
    if bounds == "lowest":
        _compile_lowest(extra, target, folder / "lowest.txt")
        words += ["--requirement", str(folder / "lowest.txt")]
    _run(words, folder)
    size = sum(file.lstat().st_size for file in environment.rglob("*") if file.suffix != ".pyc")
    for command in [*_BASE, *(line.split() for line in (_TRAIN if extra else ()))]:
        _run([str(environment / "bin" / command[0]), *command[1:]], folder)
    seconds = time.monotonic() - started
    return f"| {python} | {extra or 'base'} | {bounds} | {size / 1e6:,.0f} MB | {seconds:.0f} s |"


def _compile_lowest(extra: str, target: list[str], file: Path) -> None:
    """Write the lowest versions with wheels of what landslip asks for; the rest is the newest."""
    words = ["uv", "pip", "compile", "--quiet", *target, "--no-build"]
    words += ["--resolution", "lowest-direct"]
    words += ["--extra", extra] if extra else []
    _run([*words, str(ROOT / "pyproject.toml"), "--output-file", str(file)], ROOT)


def _run(words: list[str], folder: Path) -> None:
    clean = {name: os.environ[name] for name in os.environ if name not in _FOREIGN}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=clean, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)[:200]}: exit code {done.returncode}\n{done.stderr}")


def main() -> int:
    """Check all environments that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--bounds", nargs="+", default=["newest"], choices=["newest", "lowest"])
    parser.add_argument("--extras", nargs="+", default=[""])
    options = parser.parse_args()
    failed = 0
    print("| Python | extra | versions | size | installed and used in |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        wheel = build(Path(place) / "dist")
        for case in product(options.python, options.extras, options.bounds):
            python, extra, bounds = case
            folder = Path(place) / "case"
            folder.mkdir()
            try:
                row = check(wheel, python, bounds, extra, folder)
            except RuntimeError as error:
                failed += 1
                row = f"| {python} | {extra or 'base'} | {bounds} | | failed |"
                print(error, file=sys.stderr)
            print(row, flush=True)
            shutil.rmtree(folder)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
