"""How long an inventory of many landslides takes, over elevation models.

    python benchmarks/inventory_speed.py [--landslides 10000 200000] [--resolutions 30 5]
        [--crs EPSG:32648 EPSG:4326] [--work FOLDER] [--parts]

Landslides are tongues of about 60 vertices on hills, in UTM zone 48 N; the elevation model covers
them, in UTM or in degrees. Prints a table of the whole `landslip inventory` on a file of them,
and of `landslip report` on what it wrote: seconds, the peak of memory, megabytes written. With
``--parts`` only the measuring is timed, step by step, in this process.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

from extract_parts.page import environment_lines
from landslip.inventory.morphometry.planimetry import planar_measures
from landslip.inventory.morphometry.terrain_attributes import terrain_attributes
from landslip.inventory.record import REPORT
from landslip.preprocessing.elevation_model import ElevationModel

WHOLE = ("inventory", "peak MB", "written MB", "report", "peak MB", "page MB")
PARTS = ("measures", "terrain", "peak MB")
MAP = pyproj.CRS.from_epsg(32648)
CORNER = (400_000.0, 3_400_000.0)
SPACING_M = 150.0
MARGIN_M = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a command took."""

    seconds: float
    cpu_s: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} ({self.cpu_s:.1f})"


def main() -> None:
    """Measure and print."""
    options = parsed()
    print("\n".join(environment_lines(options.seed)))
    print("\nSeconds passed (seconds of processor time).\n")
    columns = PARTS if options.parts else WHOLE
    print(f"| landslides | elevation model | {' | '.join(columns)} |")
    print("|---" * (2 + len(columns)) + "|")
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        for count in options.landslides:
            polygons = landslides(count, options.seed)
            for crs in options.crs:
                for resolution_m in options.resolutions:
                    path = Path(work) / "dem.tif"
                    shape = write_hills(path, shapely.total_bounds(polygons), crs, resolution_m)
                    named = f"{resolution_m:g} m, {crs}, {shape[0]} x {shape[1]} px"
                    cells = timed(polygons, path) if options.parts else commands(polygons, path)
                    print(f"| {count:,} | {named} | {' | '.join(cells)} |", flush=True)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landslides", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--resolutions", type=float, nargs="+", default=[30.0, 5.0])
    parser.add_argument("--crs", nargs="+", default=["EPSG:32648", "EPSG:4326"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--parts", action="store_true", help="time the measuring alone")
    return parser.parse_args()


def commands(polygons: NDArray[np.object_], dem: Path) -> list[str]:
    """Run the commands on a file of polygons and return the cells of the table."""
    file, out = dem.with_name("landslides.gpkg"), dem.with_name("inventory")
    geopandas.GeoDataFrame(geometry=polygons, crs=MAP).to_file(file)
    given = (file, "--dem", dem, "--date", "2013-08-12")
    inventory = landslip("inventory", *given, "--out", out, "--overwrite")
    written_mb = sum(one.stat().st_size for one in out.iterdir()) / 1e6
    report = landslip("report", out)
    page_mb = (out / REPORT).stat().st_size / 1e6
    cells = (str(inventory), f"{inventory.peak_mb:.0f}", f"{written_mb:.0f}")
    return [*cells, str(report), f"{report.peak_mb:.0f}", f"{page_mb:.1f}"]


def landslip(*arguments: str | Path | float) -> Cost:
    """Run a command of landslip; its output goes to standard error."""
    command = [str(Path(sys.executable).with_name("landslip")), *(str(one) for one in arguments)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(
        seconds=time.perf_counter() - began,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
    )


def timed(polygons: NDArray[np.object_], dem: Path) -> list[str]:
    """Measure polygons over an elevation model and return the cells of the table."""
    begin = clocks()
    planar_measures(polygons, MAP)
    measured = clocks()
    with ElevationModel(dem) as terrain:
        attributes = terrain_attributes(polygons, MAP, terrain)
    end = clocks()
    if not (attributes.dem_share == 1).all():
        raise RuntimeError("the elevation model should cover all landslides")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps = [later - earlier for earlier, later in ((begin, measured), (measured, end))]
    return [*(f"{passed:.1f} ({worked:.1f})" for passed, worked in steps), f"{peak_mb:.0f}"]


def clocks() -> NDArray[np.float64]:
    """Return seconds of the clock on the wall and of this process's work."""
    return np.array([time.perf_counter(), time.process_time()])


def landslides(count: int, seed: int) -> NDArray[np.object_]:
    """Return tongues (count,) of 60 vertices, 20 to 120 m long, in rows and columns."""
    rng = np.random.default_rng(seed)
    across = int(np.ceil(np.sqrt(count)))
    row, col = np.divmod(np.arange(count), across)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    half_m = np.exp(rng.uniform(np.log(10), np.log(60), count))[:, np.newaxis]
    wobble = 1 + 0.15 * np.sin(3 * angle + rng.uniform(0, 6, (count, 1)))
    u, v = half_m * wobble * np.cos(angle), half_m / 3 * wobble * np.sin(angle)
    turn = rng.uniform(0, 2 * np.pi, (count, 1))
    x = CORNER[0] + SPACING_M * col[:, np.newaxis] + u * np.cos(turn) - v * np.sin(turn)
    y = CORNER[1] + SPACING_M * row[:, np.newaxis] + u * np.sin(turn) + v * np.cos(turn)
    return np.asarray(shapely.polygons(np.stack([x, y], axis=-1)), dtype=object)


def write_hills(
    path: Path, bounds: NDArray[np.float64], crs: str, resolution_m: float
) -> tuple[int, int]:
    """Write hills under bounds (of the map) and return the raster's shape."""
    low, high = bounds[:2] - MARGIN_M, bounds[2:] + MARGIN_M
    between = pyproj.Transformer.from_crs(MAP, crs, always_xy=True)
    left, bottom, right, top = between.transform_bounds(*low, *high)
    step = resolution_m / (111_320 if pyproj.CRS(crs).is_geographic else 1)
    height, width = (int(np.ceil(side / step)) for side in (top - bottom, right - left))
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": crs, "tiled": True}
    profile |= {"transform": Affine(step, 0, left, 0, -step, top), "compress": "deflate"}
    wave, col = 2_000 / resolution_m, np.arange(width)
    with rasterio.open(path, "w", width=width, height=height, **profile) as file:
        for first in range(0, height, 512):
            row = np.arange(first, min(first + 512, height))[:, np.newaxis]
            heights = 2000 + 600 * np.sin(col / wave) * np.cos(row / wave) + col * (600 / width)
            window = rasterio.windows.Window(0, first, width, len(row))
            file.write(heights.astype(np.float32), 1, window=window)
    return height, width


if __name__ == "__main__":
    main()
