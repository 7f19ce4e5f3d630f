"""How well `landslip series` recovers a shift and gains, and a change map of a series.

``python benchmarks/series.py`` makes two dates of synthetic ground (`landslip synthetic --preset
small`), lowers the second one's reflectance by a third, moves it by 2.3 px, hides a part under
patches of other ground, and prints what is recovered. ``--map SERIES --picture FILE.png`` draws the
first and the last date of a series, and by how many residuals a pixel is brighter (red) or darker
(blue). ``--map SERIES --truth FOLDER`` compares a series of the scenes in FOLDER, which `landslip
synthetic --preset recovery` (or ``recovery-small``) made, with their truth. ``--large 2500 10000
--work FOLDER`` repeats the ground of both dates to scenes of so many pixels a side, and prints
memory and time of `landslip series` on them.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import landslip
from landslip.core.bands import Bands
from landslip.core.resources import peak_memory_mb
from landslip.io.visualization import rgb_composite
from landslip.multitemporal.series.folder import Series, Validity
from landslip.synthetic.series import write_series
from landslip.synthetic.study_areas import small_area

SHIFT_PX = (2.3, -1.6)
GAINS, OFFSETS = np.array([0.66, 0.67, 0.68, 0.64]), np.array([0.012, 0.006, 0.003, 0.0])
NOISE = 0.002
_PICTURE_PX = 520


def write_dates(
    paths: list[Path], folder: Path, changed_share: float, seed: int
) -> tuple[Path, Path, NDArray[np.bool_]]:
    """Write the second date again; its changed share, the mask returned, shows other ground."""
    with rasterio.open(paths[1]) as file:
        profile, names, scales = file.profile, file.descriptions, file.scales
        ground = file.read().astype(np.float64) * scales[0]
    generator = np.random.default_rng(seed)
    patches = ndimage.gaussian_filter(generator.normal(size=ground.shape[1:]), 12)
    changed = patches > np.quantile(patches, 1 - changed_share)
    ground[:, changed] = ground[:, ::-1, ::-1][:, changed] * 1.4 + 0.05
    moved = np.stack(
        [ndimage.shift(band, SHIFT_PX[::-1], order=3, mode="mirror") for band in ground]
    )
    seen = GAINS[:, None, None] * moved + OFFSETS[:, None, None]
    seen += generator.normal(0, NOISE, seen.shape)
    second = folder / f"changed_{seed}_{changed_share:.2f}_20150805.tif"
    with rasterio.open(second, "w", **profile) as file:
        file.write(np.clip(np.rint(seen / scales[0]), 1, 65_535).astype(np.uint16))
        file.descriptions, file.scales = names, scales
    return paths[0], second, changed


def recovered(paths: list[Path], folder: Path, changed_share: float, seed: int) -> str:
    """Return a row of the table."""
    *scenes, _ = write_dates(paths, folder, changed_share, seed)
    out = folder / f"series_{seed}_{changed_share:.2f}"
    with landslip.series(scenes, out=out, reference=scenes[0]) as series:
        date = series.card.dates[1]
    shift = "not measured"
    if date.shift_px is not None:
        off = np.hypot(*np.subtract(date.shift_px, SHIFT_PX))
        shift = f"{date.shift_px[0]:.2f}, {date.shift_px[1]:.2f} | {off:.3f}"
    if date.normalisation is None:
        return f"| {changed_share:.0%} | {seed} | {shift} | not normalised: {date.warnings[-1]} |"
    lines = list(date.normalisation.values())
    gain = max(abs(line.gain * g - 1) for line, g in zip(lines, GAINS, strict=True))
    offset = max(abs(line.offset + o / g) for line, g, o in zip(lines, GAINS, OFFSETS, strict=True))
    before, after = (
        np.sqrt(np.mean([getattr(line, name) ** 2 for line in lines]))
        for name in ("rms_before", "rms_after")
    )
    return (
        f"| {changed_share:.0%} | {seed} | {shift} | {gain:.1%} | {offset:.4f} | {before:.4f} | "
        f"{after:.4f} | {date.unchanged_share:.0%} | {lines[0].pixels} | "
        f"{'yes' if date.warnings else 'no'} |"
    )


def change(series: Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how many residuals each pixel changed by, and where both dates saw it.

    It is the root mean square over the bands, below 0 where the last date is darker.
    """
    window, last = series.grid.window, len(series.days) - 1
    (first, seen), (second, seen_too) = series.read(0, window), series.read(last, window)
    lines = next(one.normalisation for one in series.card.dates if one.normalisation is not None)
    residual = np.array([lines[name].rms_after for name in series.bands])
    by_band = (second - first) / residual[:, None, None]
    size = np.sqrt(np.mean(by_band**2, axis=0)) * np.sign(by_band.mean(axis=0))
    return size, (seen == Validity.VALID) & (seen_too == Validity.VALID)


def draw(folder: Path, picture: Path) -> None:
    """Draw both dates on one stretch, and the change."""
    with landslip.open_series(folder) as series:
        window, last = series.grid.window, len(series.days) - 1
        (first, seen), (second, seen_too) = series.read(0, window), series.read(last, window)
        size, both = change(series)
        stacked = np.concatenate([first, second], axis=2)
        known = np.concatenate([seen, seen_too], axis=1) == Validity.VALID
        colours = rgb_composite(stacked, known, Bands(series.bands.names))
    brighter, darker = np.clip(size / 10, 0, 1), np.clip(-size / 10, 0, 1)
    change_colours = 255 * np.stack([brighter, brighter**3 + darker**3, darker], axis=-1)
    change_colours[~both] = 96
    panels = [*np.split(colours, 2, axis=1), change_colours.astype(np.uint8)]
    gap = np.full((colours.shape[0], 8, 3), 255, dtype=np.uint8)
    image = Image.fromarray(np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=1))
    width = 3 * _PICTURE_PX
    image.resize((width, round(width * image.height / image.width)), Image.Resampling.BOX).quantize(
        64
    ).save(picture, optimize=True)
    print(
        f"{picture}: of the ground seen twice {np.mean(size[both] > 5):.1%} is brighter and "
        f"{np.mean(size[both] < -5):.1%} darker by over 5 residuals"
    )


def compare_with_truth(folder: Path, truth: Path) -> None:
    """Print how a series of the preset ``recovery`` differs from its truth."""
    facts = {
        f"{one['utc'][:10]}": one["conditions"]
        for one in json.loads((truth / "truth.json").read_text())
    }
    print("| date | shift off by, px | gains off, b g r n | clouds found | shadows | clear lost |")
    with landslip.open_series(folder) as series:
        reference = np.array(facts[series.card.reference]["gains"])
        for position, one in enumerate(series.card.dates):
            if one.date == series.card.reference:
                continue
            shift = np.hypot(*np.subtract(one.shift_px or np.nan, facts[one.date]["shift_px"]))
            lines = one.normalisation or {}
            wanted = reference / facts[one.date]["gains"]
            gains = [line.gain / w - 1 for line, w in zip(lines.values(), wanted, strict=False)]
            day = one.date.replace("-", "")
            with rasterio.open(truth / f"quality_{day}.tif") as file:
                quality = file.read(1)
            _, validity = series.read(position, series.grid.window)
            shares = [
                f"{np.isin(validity[quality == code], found).mean():.0%}"
                if (quality == code).any()
                else "-"
                for code, found in ((2, (0, 2, 3)), (3, (0, 2, 3)), (0, (2, 3)))
            ]
            text = " ".join(f"{gain:+.1%}" for gain in gains)
            print(f"| {one.date} | {shift:.3f} | {text} | {' | '.join(shares)} |")


def repeated(path: Path, out: Path, side: int, pixel_m: float | None = None) -> Path:
    """Write a scene whose ground is repeated to a square of ``side`` pixels, block by block."""
    with rasterio.open(path) as file:
        profile, pixels = file.profile, file.read()
        names, scales = file.descriptions, file.scales
    _, height, width = pixels.shape
    square = {"width": side, "height": side, "tiled": True, "blockxsize": 512, "blockysize": 512}
    if pixel_m is not None:
        square["transform"] = profile["transform"] @ Affine.scale(pixel_m / profile["transform"].a)
    with rasterio.open(out, "w", **(profile | square)) as file:
        for top in range(0, side, 512):
            rows = np.arange(top, min(top + 512, side))
            strip = np.take(pixels, rows % height, axis=1)
            repeats = np.take(strip, np.arange(side) % width, axis=2)
            file.write(repeats, window=((top, top + len(rows)), (0, side)))
        file.descriptions, file.scales = names, scales
    return out


def measure_large(sides: list[int], pixel_m: float, work: Path) -> None:
    """Print a table of memory and time for scenes of several sizes, each in its own process."""
    print("| px a date | peak memory, MiB | seconds | processor seconds for each MPix of a date |")
    print("|---|---|---|---|", flush=True)
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        made = write_series(small_area(0), folder / "ground", products=False)
        first, second, _ = write_dates([one.reflectance for one in made.dates], folder, 0.1, 0)
        for side in sides:
            scenes = [
                repeated(path, folder / f"large_{day}.tif", side, pixel_m)
                for path, day in ((first, "20130812"), (second, "20150805"))
            ]
            out = folder / "SERIES"
            command = [sys.executable, __file__, "--measured", *map(str, scenes), str(out)]
            started = time.monotonic()
            found = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds = time.monotonic() - started
            memory, processor = map(float, found.stdout.split()[-2:])
            per_mpix = processor / (len(scenes) * side**2 / 1e6)
            print(
                f"| {side} x {side} | {memory:.0f} | {seconds:.0f} | {per_mpix:.2f} |", flush=True
            )
            shutil.rmtree(out)


def run_measured(first: str, second: str, out: str) -> None:
    """Make a series, and print the peak memory in MiB and the processor's seconds."""
    landslip.series([first, second], out=out).close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(peak_memory_mb(), used.ru_utime + used.ru_stime)


def main() -> None:
    """Print the table, or draw the map."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--map", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--picture", type=Path, default=Path("series.png"))
    parser.add_argument("--large", type=int, nargs="+", metavar="SIDE")
    parser.add_argument("--pixel-m", type=float, default=2.0, help="of --large")
    parser.add_argument("--work", type=Path, default=Path())
    parser.add_argument("--measured", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measured is not None:
        run_measured(*options.measured)
        return
    if options.large is not None:
        measure_large(options.large, options.pixel_m, options.work)
        return
    if options.map is not None and options.truth is not None:
        compare_with_truth(options.map, options.truth)
        return
    if options.map is not None:
        draw(options.map, options.picture)
        return
    print(
        "changed | seed | shift found, px | off by, px | gain off | offset off | rms before | after"
    )
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.seeds):
            made = write_series(small_area(seed), Path(name) / f"ground_{seed}", products=False)
            paths = [one.reflectance for one in made.dates]
            for share in (0.0, 0.2, 0.4, 0.7):
                print(recovered(paths, Path(name), share, seed), flush=True)


if __name__ == "__main__":
    main()
