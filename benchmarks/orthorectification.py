"""Do orthoimages of two views coincide on the ground?

    python benchmarks/orthorectification.py [--data ../shared/data] [--picture FILE.png]

Reads the Pleiades pair ``pleiades/`` below the data folder (also LANDSLIP_DATA). Both images are
brought onto one map of 0.5 m, over the surface model and over a flat one of its mean height, by
``landslip`` and by GDAL, and are matched in patches. Nothing is drawn at random.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject

from landslip.io.raster.readers import fill_gaps
from landslip.preprocessing.coregistration.matching import MatchSettings, match_images
from landslip.preprocessing.coregistration.shift_models import Residuals
from landslip.preprocessing.coregistration.tie_points import ImagePatch
from landslip.preprocessing.orthorectification.camera_refinement import (
    Refinement,
    RefinementRequest,
)
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.orthorectification.orthorectify import OrthoRequest, orthorectify

Pixels = NDArray[np.float32]
RESOLUTION_M, MAX_SHIFT_M = 0.5, 10.0
CROP = np.s_[240:440, 400:600]


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoPair:
    """The two images, the surface model, and a folder for what is made of them."""

    images: tuple[Path, Path]
    dem: Path
    folder: Path

    def mapped(self, number: int, name: str, **words: object) -> tuple[Path, Refinement | None]:
        """Bring the first (0) or second (1) image onto the map."""
        out = self.folder / f"{name}_{number}.tif"
        dem = words.pop("dem", self.dem)
        request = OrthoRequest(
            image=self.images[number],
            dem=DemRequest(path=Path(str(dem)), heights=HeightReference(), clip=True),
            out=out,
            resolution_m=RESOLUTION_M,
            **words,  # type: ignore[arg-type]
        )
        return out, orthorectify(request).refinement

    def by_gdal(self, number: int, grid_of: Path, dem: Path) -> Path:
        """Do the same by GDAL, on the grid of a map that is there."""
        with rasterio.open(grid_of) as file:
            profile = file.profile | {"driver": "GTiff", "dtype": "float32", "nodata": 0}
            shape, crs, transform = file.shape, file.crs, file.transform
        with rasterio.open(self.images[number]) as file:
            source, rpcs = file.read(1).astype(np.float32), file.rpcs
        ortho = np.zeros(shape, np.float32)
        reproject(
            source, ortho, rpcs=rpcs, src_crs="EPSG:4326", src_nodata=0, dst_crs=crs,
            dst_transform=transform, dst_nodata=0, resampling=Resampling.cubic, tolerance=0.0,
            RPC_DEM=str(dem),
        )  # fmt: skip
        out = self.folder / f"gdal_{dem.stem}_{number}.tif"
        with rasterio.open(out, "w", **profile) as file:
            file.write(ortho, 1)
        return out


def main() -> None:
    """Print the table."""
    default = Path(os.environ.get("LANDSLIP_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--picture", type=Path, help="PNG of both maps in red and cyan")
    options = parser.parse_args()
    folder = options.data / "pleiades"
    with tempfile.TemporaryDirectory() as scratch:
        pair = StereoPair(
            images=(folder / "reunion_img_01.tif", folder / "reunion_img_02.tif"),
            dem=folder / "reunion_dsm.tif",
            folder=Path(scratch),
        )
        compare(pair, options.picture)


def compare(pair: StereoPair, picture: Path | None) -> None:
    """Make all maps, print how well they coincide, and draw them."""
    flat, filled = other_models(pair)
    first, before = (pair.mapped(number, "dsm")[0] for number in (0, 1))
    level = [pair.mapped(number, "flat", dem=flat)[0] for number in (0, 1)]
    shift = RefinementRequest(path=first, max_shift_m=MAX_SHIFT_M)
    after, refinement = pair.mapped(1, "shifted", reference=shift)
    gdal = [pair.by_gdal(number, first, filled) for number in (0, 1)]
    gdal_flat = [pair.by_gdal(number, first, flat) for number in (0, 1)]
    print("| maps of images 1 and 2 | patches | median, px | 95 %, px | mean dx, dy, px |")
    print("|---|---|---|---|---|")
    rows = {
        "surface model, RPCs as delivered": (first, before),
        "surface model, image 2 shifted by `--reference`": (first, after),
        "flat ground, RPCs as delivered": (level[0], level[1]),
        "GDAL, surface model, RPCs as delivered": (gdal[0], gdal[1]),
        "GDAL, flat ground, RPCs as delivered": (gdal_flat[0], gdal_flat[1]),
    }
    for name, (one, other) in rows.items():
        found = apart(other, one)
        print(
            f"| {name} | {found.kept} | {found.median_px:.3f} | {found.p95_px:.3f} "
            f"| {found.mean_dx_px:+.3f}, {found.mean_dy_px:+.3f} |"
        )
    for name, ours, theirs in (
        ("1", first, gdal[0]),
        ("2", before, gdal[1]),
    ):
        found = apart(ours, theirs)
        print(
            f"| image {name}: `landslip` and GDAL | {found.kept} | {found.median_px:.3f} "
            f"| {found.p95_px:.3f} | {found.mean_dx_px:+.3f}, {found.mean_dy_px:+.3f} |"
        )
    if refinement is not None:
        _, _, col, _, _, row = refinement.correction.coefficients
        print(f"\nshift in the image: {col:+.3f} columns, {row:+.3f} rows")
    print_speed(pair, first, filled)
    if picture is not None:
        draw(picture, {"flat ground": level, "surface model": [first, before],
                       "surface model, shifted": [first, after]})  # fmt: skip


def other_models(pair: StereoPair) -> tuple[Path, Path]:
    """Write a model of one height, the mean of the surface model, and that model without gaps.

    GDAL needs the latter: with gaps of NaN it maps nothing at all.
    """
    with rasterio.open(pair.dem) as file:
        profile, heights = file.profile, file.read(1)
    level = np.full(heights.shape, np.nanmean(heights), np.float32)
    made = pair.folder / "flat.tif", pair.folder / "filled.tif"
    for path, values in zip(made, (level, fill_gaps(heights, 100)), strict=True):
        with rasterio.open(path, "w", **profile) as file:
            file.write(values, 1)
    return made


def apart(moving: Path, reference: Path) -> Residuals:
    """Match two maps of one grid in patches of 96 px and describe what lies between them."""
    (one, known), (other, given) = (read(path) for path in (moving, reference))
    settings = MatchSettings(patch_px=96, count=9, search_px=30)
    ties = match_images(ImagePatch(one, known), ImagePatch(other, given), settings)
    return Residuals.of(ties.shifts, np.ones(len(ties), np.bool_))


def read(path: Path) -> tuple[Pixels, NDArray[np.bool_]]:
    """Return a map's band and where it holds data."""
    with rasterio.open(path) as file:
        return file.read(1).astype(np.float32), file.read_masks(1) != 0


def print_speed(pair: StereoPair, grid_of: Path, dem: Path) -> None:
    """Print seconds for one map, best of 3."""
    numbers = iter(range(100))
    ours = best_seconds(lambda: pair.mapped(0, f"speed{next(numbers)}"))
    theirs = best_seconds(lambda: pair.by_gdal(0, grid_of, dem))
    print(f"\none map of {RESOLUTION_M} m: landslip {ours:.2f} s, with its file as COG; "
          f"GDAL without approximation, one thread, {theirs:.2f} s")  # fmt: skip


def best_seconds(step: Callable[[], object], rounds: int = 3) -> float:
    """Return the least time a step takes."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        step()
        found.append(time.perf_counter() - started)
    return min(found)


def draw(path: Path, pairs: dict[str, list[Path]]) -> None:
    """Draw a crop of each pair, the first map in red and the second in cyan, twice as large."""
    panels = []
    for name, (one, other) in pairs.items():
        shades = []
        for image in (one, other):
            crop = read(image)[0][CROP]
            low, high = np.percentile(crop, [1, 99])
            shades.append((np.clip((crop - low) / (high - low), 0, 1) * 255).astype(np.uint8))
        blended = np.dstack([shades[1], shades[1], shades[0]])
        large = cv2.resize(blended, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        cv2.rectangle(large, (0, 0), (large.shape[1], 26), (0, 0, 0), -1)
        white = (255, 255, 255)
        cv2.putText(large, name, (8, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.6, white, 1, cv2.LINE_AA)
        panels.append(cv2.copyMakeBorder(large, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=white))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.hstack(panels))


if __name__ == "__main__":
    main()
