"""How long it takes to make the polygons of an inventory, step by step.

    python benchmarks/inventory_polygons.py [--side 8000] [--grain 5]

The raster of probabilities is smooth noise, so landslides are ragged blobs, many of which touch.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.inventory.polygons.polygonize import polygonize
from landslip.inventory.request import CleaningOptions

THRESHOLD_SIGMAS = 1.25


class Slope:
    """A plane that falls to the south."""

    def heights_on(self, grid: Grid) -> NDArray[np.float32]:
        """Return heights at the centres of pixels."""
        rows = np.arange(grid.shape[0]) + 0.5
        heights = 0.4 * (grid.transform.f + grid.transform.e * rows)
        return np.repeat(heights[:, None], grid.shape[1], axis=1).astype(np.float32)


def write_probability(path: Path, side: int, grain_px: float) -> None:
    """Write smooth noise as probabilities, in connected bands."""
    noise = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain_px)
    sigmas = smooth / smooth.std() - THRESHOLD_SIGMAS
    steps = np.clip(125 + 100 * sigmas, 0, 250).astype(np.uint8)
    frame = {"crs": "EPSG:32648", "transform": Affine(2, 0, 400_000, 0, -2, 3_500_000)}
    shape = {"count": 1, "height": side, "width": side, "dtype": "uint8", "nodata": 255}
    with rasterio.open(path, "w", tiled=True, compress="deflate", **frame, **shape) as file:
        file.write(steps, 1)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8000)
    parser.add_argument("--grain", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probability.tif"
        write_probability(path, given.side, given.grain)
        print("| what | polygons | of split ones | seconds | of one core |")
        print("|---|---|---|---|---|")
        usual: dict[str, Any] = {"low": 0.5, "high": 0.6}
        for name, cleaning, heights in (
            ("pixels", CleaningOptions(**usual, smooth=False, split=False), None),
            ("smooth", CleaningOptions(**usual, split=False), None),
            ("split and smooth", CleaningOptions(**usual), None),
            ("split along the slope and smooth", CleaningOptions(**usual), Slope()),
        ):
            start, core = time.perf_counter(), time.process_time()
            made = polygonize(path, cleaning, heights)
            wall_s, core_s = time.perf_counter() - start, time.process_time() - core
            split = int(np.count_nonzero(np.bincount(made.region)[made.region] > 1))
            print(f"| {name} | {len(made)} | {split} | {wall_s:.1f} | {core_s:.1f} |", flush=True)


if __name__ == "__main__":
    main()
