"""The whole chain on one scene: data set, training, map, inventory, comparison and report.

    python benchmarks/walk.py SCENE LABELS --work FOLDER [--bands red,green,blue,nir]
        [--epochs 3 15 40] [--encoder resnet18] [--encoder-weights FILE] [--tile 128] [--dem DEM]
        [--seed 0] [--page docs/results/walk.md]

SCENE is a raster and LABELS its landslides, as a mask or polygons. The network learns from the
western half; the eastern half is compared with the labels. Each number of epochs is walked without
calibration and with it, and with an elevation model too where one is given. Everything is done by
`landslip` commands, which are printed; what each hands on is a row of the table. Models that are in
FOLDER from an earlier run are used again.
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.experiments.assembly import commit, machine
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import concatenate_landslides
from landslip.inference.table import to_map_polygons
from landslip.io.raster import Mask, SensorImage

VECTORS = (".gpkg", ".shp", ".geojson", ".kml", ".parquet", ".fgb")
HEADER = """\
| epochs | calibrated by | `--dem` | threshold | highest | `extract`: landslides | km² | \
single pixels, % | \
`--high` | `inventory`: landslides | km² | `compare`: recall | precision | F1 of pixels | \
`report`, MB | warnings |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Runs commands in a folder and remembers them."""

    work: Path
    commands: list[str]

    def run(self, *words: object, unless: str | None = None) -> str:
        """Run a command, unless there is a folder; return what it says on standard error."""
        line = "landslip " + " ".join(str(word) for word in words)
        print(f"$ {line}", flush=True)
        self.commands.append(line)
        if unless is not None and (self.work / unless).exists():
            return ""
        done = subprocess.run(
            [sys.executable, "-m", "landslip", *map(str, words)],
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
        )
        said = [part for part in done.stderr.splitlines() if " %, " not in part]
        print(*said[-12:], done.stdout.strip(), sep="\n", flush=True)
        if done.returncode:
            raise SystemExit(f"exit code {done.returncode}")
        return "\n".join(said)


def main() -> None:
    """Walk, print the table, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--bands")
    parser.add_argument("--epochs", type=int, nargs="+", default=[3, 15, 40])
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--encoder-weights", default="imagenet")
    parser.add_argument("--tile", type=int, default=128)
    parser.add_argument("--dem", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    walk = Walk(work=options.work, commands=[])
    scene, labels = options.scene.absolute(), options.labels.absolute()
    bands = ("--bands", options.bands) if options.bands else ()
    with SensorImage(scene) as image:
        grid = image.grid
    write_halves(grid, options.work)
    reference = labels
    if labels.suffix.lower() not in VECTORS:
        reference = options.work.absolute() / "labels.gpkg"
        write_labels(labels, reference)
    split = ("--tile", options.tile, "--test-share", 0, "--val-share", 0.2, "--seed", options.seed)
    walk.run("dataset", "scene", scene, labels, *bands, "--area", "west.gpkg", *split,
             "--out", "tiles", unless="tiles")  # fmt: skip
    rows = []
    for epochs in options.epochs:
        model = f"model_{epochs}"
        weights = options.encoder_weights
        walk.run(
            "train", "tiles", "--out", model, "--encoder", options.encoder, "--encoder-weights",
            Path(weights).absolute() if Path(weights).is_file() else weights,
            "--epochs", epochs, "--seed", options.seed, unless=model,
        )  # fmt: skip
        calibrated = f"{model}_calibrated"
        shutil.rmtree(options.work / calibrated, ignore_errors=True)
        shutil.copytree(options.work / model, options.work / calibrated)
        walk.run("calibrate", calibrated, "tiles")
        maps = [(model, None), (calibrated, None)]
        maps += [(model, options.dem.absolute())] if options.dem else []
        rows += [map_row(walk, name, scene, bands, reference, dem) for name, dem in maps]
    table = "\n".join([HEADER, *rows])
    print(table)
    if options.page is not None:
        options.page.write_text(page(options, table, walk.commands), encoding="utf-8")


def map_row(
    walk: Walk, model: str, scene: Path, bands: tuple[str, ...], reference: Path, dem: Path | None
) -> str:
    """Make a map, its inventory, comparison and report, and return the row of the table."""
    name = model if dem is None else f"{model}_dem"
    out, inventory, compared = (f"{kind}_{name}" for kind in ("map", "inventory", "compared"))
    words: list[Any] = ["extract", scene, *bands, "--model", model, "--out", out, "--overwrite"]
    if dem is None:
        said = walk.run(*words)
        said += "\n" + walk.run("inventory", out, "--out", inventory, "--overwrite")
    else:
        said = walk.run(*words, "--dem", dem)
        inventory = f"{out}/inventory"
    said += "\n" + walk.run("compare", inventory, reference, "--area", "east.gpkg",
                            "--out", compared, "--overwrite")  # fmt: skip
    walk.run("report", inventory)
    summary = read(walk.work / out / "summary.json")
    record = read(walk.work / inventory / "inventory.json")
    scores = read(walk.work / compared / "comparison.json")
    statistics = read(walk.work / inventory / "statistics.json")
    report_mb = (walk.work / inventory / "report.html").stat().st_size / 1e6
    warned = len({line for line in said.splitlines() if line.startswith("warning: ")})
    pixels = scores["pixels"]
    card = read(walk.work / model / "model.json")
    cells = [
        card["training"]["epochs"],
        summary["calibration"] or "",
        "yes" if dem else "",
        f"{summary['threshold']:.3f}",
        f"{summary['highest_probability'] or 0:.3f}",
        summary["landslides"],
        f"{summary['landslide_area_m2'] / 1e6:.3f}",
        f"{100 * summary['single_px_regions_share']:.0f}",
        f"{record['cleaning']['high']:.3f}",
        record["landslides"],
        f"{(statistics['area_m2'] or 0) / 1e6:.3f}",
        *(text(pixels[name]) for name in ("recall", "precision", "f1")),
        f"{report_mb:.1f}",
        warned,
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def text(value: float | None) -> str:
    """Return a score."""
    return "undefined" if value is None else f"{value:.3f}"


def read(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_halves(grid: Grid, work: Path) -> None:
    """Write the western and the eastern half of a scene as polygons."""
    height, width = grid.shape
    for name, left in (("west", 0), ("east", width // 2)):
        ring = grid.corners(Window(left, 0, width // 2, height))
        crs = None if grid.crs is None else grid.crs.to_wkt()
        geopandas.GeoDataFrame(geometry=[shapely.Polygon(ring)], crs=crs).to_file(
            work / f"{name}.gpkg"
        )


def write_labels(mask: Path, path: Path) -> None:
    """Write the connected pixels of a mask as polygons."""
    with SensorImage(mask) as image, Mask(mask) as raster:
        stored, valid = raster.read()
        grid = image.grid
    landslide = valid & (stored > 0)
    polygonizer = Polygonizer()
    polygonizer.add(landslide, landslide.astype(np.uint8))
    outlines = concatenate_landslides(polygonizer.finish()).outlines
    crs = None if grid.crs is None else grid.crs.to_wkt()
    polygons = to_map_polygons(outlines, grid.transform)
    geopandas.GeoDataFrame(geometry=polygons, crs=crs).to_file(path)


def page(options: argparse.Namespace, table: str, commands: list[str]) -> str:
    """Return the page of results."""
    prefixes = {f"{path.absolute().parent}/" for path in (options.scene, options.labels)}
    prefixes |= {f"{Path(options.encoder_weights).absolute().parent}/"}
    prefixes |= {f"{options.dem.absolute().parent}/"} if options.dem else set()
    prefixes |= {f"{options.work.absolute()}/"}
    others = [f"_{epochs}" for epochs in options.epochs[1:]]
    shown = "\n".join(line for line in commands if not any(part in line for part in others))
    for prefix in sorted(prefixes, key=len, reverse=True):
        shown = shown.replace(prefix, "")
    return f"""# A scene from data set to report

```
python benchmarks/walk.py {options.scene.name} {options.labels.name} --work WORK \\
    --bands {options.bands} --epochs {" ".join(map(str, options.epochs))}
```

Commit `{commit()}`, seed {options.seed}, {machine()}, encoder {options.encoder}.

{table}

The eastern half, on which nothing was trained, is compared with the labels. Commands of the first
number of epochs:

```
{shown}
```
"""


if __name__ == "__main__":
    main()
