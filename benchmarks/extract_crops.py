"""Whether a cut-out of a scene gives what the whole scene gives.

    python benchmarks/extract_crops.py --scene SCENE --model MODEL [--crops 3] [--side 1536]
        [--overlaps 32 64 128] [--precision auto] [--seed 0] [--out PAGE.md]

Cut-outs lie anywhere in the scene, with no regard to blocks or windows. Their masks are compared
with the mask of the whole scene, pixel by pixel, where they are farther than 128 px from the
cut-out's edge. As a check that this can fail, they are extracted again with an origin that is
moved by 13 rows and 7 columns, so that the lattice of windows lies elsewhere on the ground.
"""

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from extract_parts.page import environment_lines, table_head
from extract_parts.processes import extract_command, run_measured

_EDGE_PX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of a scene: where it begins, its side, and how far its stated origin is moved."""

    row: int
    col: int
    side: int
    moved: tuple[int, int] = (0, 0)


def main() -> None:
    """Compare, print the table and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scene", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--crops", type=int, default=3)
    parser.add_argument("--side", type=int, default=1536)
    parser.add_argument("--overlaps", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cuts = drawn(options)
    lines = table_head("overlap, px", "windows", "of all pixels, %", "of the mask, %")
    with tempfile.TemporaryDirectory() as folder:
        for overlap in options.overlaps:
            words = ["--precision", options.precision, "--overlap", str(overlap)]
            lines += compared(options, cuts, words, Path(folder))
    page = [*environment_lines(options.seed), "", *lines]
    print("\n".join(page))
    if options.out is not None:
        options.out.write_text("\n".join(page) + "\n")


def drawn(options: argparse.Namespace) -> list[Cut]:
    """Draw cut-outs from the seed."""
    generator = np.random.default_rng(options.seed)
    with rasterio.open(options.scene) as scene:
        rows, cols = (side - options.side for side in scene.shape)
    return [
        Cut(row=int(generator.integers(rows)), col=int(generator.integers(cols)), side=options.side)
        for _ in range(options.crops)
    ]


def compared(
    options: argparse.Namespace, cuts: list[Cut], words: list[str], folder: Path
) -> list[str]:
    """Return the two rows of an overlap."""
    whole = mask_of(options.scene, options.model, folder / "whole", words)
    lines = []
    for kind, moved in (("on the map's lattice", (0, 0)), ("elsewhere", (13, 7))):
        unlike = found = px = 0
        for cut in cuts:
            scene = written(options.scene, replace(cut, moved=moved), folder / "cut.tif")
            mask = inner(mask_of(scene, options.model, folder / "cut", words))
            rows, cols = slice(cut.row, cut.row + cut.side), slice(cut.col, cut.col + cut.side)
            expected = inner(whole[rows, cols])
            unlike += int(np.count_nonzero(mask != expected))
            found += int(np.count_nonzero((mask == 1) | (expected == 1)))
            px += mask.size
        lines.append(f"| {words[-1]} | {kind} | {unlike / px:.4%} | {unlike / max(found, 1):.2%} |")
    return lines


def written(scene: Path, cut: Cut, path: Path) -> Path:
    """Write a cut-out."""
    with rasterio.open(scene) as source:
        window = Window(cut.col, cut.row, cut.side, cut.side)
        corner = source.window_transform(window) @ Affine.translation(*cut.moved[::-1])
        profile = source.profile | {
            "driver": "GTiff",
            "width": cut.side,
            "height": cut.side,
            "transform": corner,
        }
        with rasterio.open(path, "w", **profile) as target:
            target.write(source.read(window=window))
            target.descriptions, target.units = source.descriptions, source.units
            target.scales, target.offsets = source.scales, source.offsets
    return path


def mask_of(scene: Path, model: Path, out: Path, words: list[str]) -> NDArray[np.uint8]:
    """Extract a scene and return its mask."""
    run_measured([*extract_command(scene, model, out), *words, "--overwrite"])
    with rasterio.open(out / "mask.tif") as file:
        mask: NDArray[np.uint8] = file.read(1)
    return mask


def inner(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what is not near the edge."""
    return mask[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX]


if __name__ == "__main__":
    main()
