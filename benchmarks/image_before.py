"""How well `landslip stack --before` brings an image before to a scene's radiometry.

``python benchmarks/image_before.py`` takes the synthetic pairs of `benchmarks/series.py`, the
second date as the scene, once as reflectance and once as 8-bit numbers without units, and prints
how far the gains and offsets are from the true ones. ``--before B2.tif,B3.tif --scene B2.tif,B3.tif
--bands blue,green`` prints the lines of a real pair. Residuals are root mean squares over the
bands, of all pixels that did not change (synthetic), and medians of their absolute values of all
pixels that both images see (real, where nobody knows what changed), in the scene's units.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.io.raster import Scene
from landslip.io.raster.location import Location
from landslip.io.raster.vrt import VrtBand, write_vrt
from landslip.preprocessing.stack.before import BeforeAlignment, BeforeBands, measure_alignment
from landslip.synthetic.series import write_series
from landslip.synthetic.study_areas import small_area
from series import GAINS, OFFSETS, SHIFT_PX, write_dates

Values = NDArray[np.floating]
EIGHT_BIT = 255 / 0.45


@contextmanager
def pair(before: Path, scene: Path) -> Iterator[tuple[Scene, Scene]]:
    """Open an image before and its scene."""
    with Scene(before) as earlier, Scene(scene) as later:
        yield earlier, later


def seen_twice(
    before: Scene, scene: Scene, alignment: BeforeAlignment
) -> tuple[Values, Values, NDArray[np.bool_]]:
    """Return both images (bands, height, width) and where both are known."""
    bands, window = Bands(alignment.bands), scene.grid.window
    earlier = BeforeBands(before, scene.grid, alignment).read(window, alignment.bands)
    stored, valid = scene.read(window, bands)
    return (
        earlier,
        scene.radiometry_of(bands).values(stored),
        valid & np.isfinite(earlier).all(axis=0),
    )


def as_bytes(scene: Path) -> Path:
    """Write a scene as 8-bit numbers without units."""
    path = scene.with_name(f"bytes_{scene.name}")
    with rasterio.open(scene) as file:
        profile, names = file.profile, file.descriptions
        values = file.read() * file.scales[0] * EIGHT_BIT
    with rasterio.open(path, "w", **(profile | {"dtype": "uint8", "nodata": 0})) as file:
        file.write(np.clip(np.rint(values), 1, 255).astype(np.uint8))
        file.descriptions = names
    return path


def recovered(before: Path, scene: Path, unchanged: NDArray[np.bool_], per_unit: float) -> str:
    """Return cells of the table for a pair whose true lines are known."""
    with pair(before, scene) as (earlier, later):
        try:
            alignment = measure_alignment(earlier, later)
        except InputError:
            return "refused | | | "
        values, wanted, known = seen_twice(earlier, later, alignment)
    gain = np.abs(np.divide(alignment.gain, GAINS * per_unit) - 1).max()
    offset = np.abs(np.divide(alignment.offset, per_unit) - OFFSETS).max()
    # the outermost pixels were mirrored when the date was moved
    inner = np.zeros_like(known)
    inner[8:-8, 8:-8] = True
    same = known & unchanged & inner
    rms = np.sqrt(np.mean((values - wanted)[:, same] ** 2)) / per_unit
    notes = ", ".join(note.key for note in alignment.notes) or "none"
    return f"{gain:.1%} | {offset:.4f} | {rms:.4f} | {notes}"


def synthetic(seeds: int) -> None:
    """Print the table of the synthetic pairs."""
    print("| scene | changed | seed | largest error of a gain | of an offset | rms | notes |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for seed in range(seeds):
            made = write_series(small_area(seed), Path(name) / f"ground_{seed}", products=False)
            paths = [one.reflectance for one in made.dates]
            for share in (0.0, 0.2, 0.4, 0.7):
                before, scene, changed = write_dates(paths, Path(name), share, seed)
                unchanged = ~ndimage.shift(changed, SHIFT_PX[::-1], order=0, mode="mirror")
                for kind, later, per_unit in (
                    ("reflectance", scene, 1.0),
                    ("8-bit", as_bytes(scene), EIGHT_BIT),
                ):
                    cells = recovered(before, later, unchanged, per_unit)
                    print(f"| {kind} | {share:.0%} | {seed} | {cells} |", flush=True)


def real(before: str, scene: str, bands: str) -> None:
    """Print the lines of a real pair."""
    names = bands.split(",")
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / "before.vrt", Path(folder) / "scene.vrt"]
        for text, place in zip((before, scene), places, strict=True):
            write_vrt(
                [
                    VrtBand(name=n, source=Location.of(f))
                    for n, f in zip(names, text.split(","), strict=True)
                ],
                place,
            )
        with pair(*places) as (earlier, later):
            alignment = measure_alignment(earlier, later)
            values, wanted, known = seen_twice(earlier, later, alignment)
            plain, _, _ = seen_twice(earlier, later, replace(alignment, lines=None))
    for note in alignment.notes:
        print(f"note: {note.text()}")
    print("| band | line | median residual before | after |")
    print("|---|---|---|---|")
    for at, name in enumerate(alignment.bands):
        before_, after = (
            np.median(np.abs(one[at, known] - wanted[at, known])) for one in (plain, values)
        )
        line = f"x {alignment.gain[at]:.3f} {alignment.offset[at]:+.4g}"
        print(f"| {name} | {line} | {before_:.4g} | {after:.4g} |")


def main() -> None:
    """Print the table of synthetic pairs, or of a real one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--before")
    parser.add_argument("--scene")
    parser.add_argument("--bands", default="blue,green,red")
    options = parser.parse_args()
    if options.before is None:
        synthetic(options.seeds)
    else:
        real(options.before, options.scene, options.bands)


if __name__ == "__main__":
    main()
