"""How often does the check of band orders find a wrong order, and how often is it wrong itself?

    python benchmarks/band_order.py --data DATA --demo DEMO

DATA is the folder of real data, DEMO what `landslip demo` wrote. The pixels of each whole source
stand for a model's training data; its parts, and the parts of all other sources that have its
bands, for scenes. Each is named in every order.
"""

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.band_order import match_band_order
from landslip.core.bands import Bands
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions

Pixels = NDArray[np.float32]
_MOST_PX = 30_000


def main() -> None:
    """Print a row for each model, on its own sensor and on the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--demo", type=Path, required=True)
    options = parser.parse_args()
    found = dict(sources(options.data, options.demo))
    print(
        "| model | correlations | scenes | right orders | wrong orders | refused | or warned of |"
    )
    print("|---|---|---|---|---|---|---|")
    for (name, (bands, parts)), known in itertools.product(found.items(), (True, False)):
        pixels = np.concatenate(parts, axis=1)
        quantiles = [tuple(row) for row in np.quantile(pixels, (0.01, 0.5, 0.99), axis=1).T]
        correlations = np.atleast_2d(np.corrcoef(pixels)).tolist() if known else None
        for is_own in (True, False):
            counts: Counter[tuple[bool, str]] = Counter()
            for other, (other_bands, scenes) in found.items():
                if (other == name) != is_own or not {*bands} <= {*other_bands}:
                    continue
                for scene in scenes:
                    values = scene[list(other_bands.positions_of(bands))]
                    for order in itertools.permutations(range(len(bands))):
                        match = match_band_order(
                            values[list(order)],
                            bands,
                            quantiles,
                            correlations,
                        )
                        is_right = order == tuple(range(len(bands)))
                        counts[is_right, "all"] += 1
                        if match is not None and match.is_wrong:
                            counts[is_right, "refused"] += 1
                        elif match is not None and match.is_doubtful:
                            counts[is_right, "warned"] += 1
            right, wrong = counts[True, "all"], counts[False, "all"]
            alarms = f"{right}, false alarms {counts[True, 'refused']} + {counts[True, 'warned']}"
            print(
                f"| {name} | {'own' if known else 'typical'} | {'own' if is_own else 'others'} "
                f"| {alarms} | {wrong} | {counts[False, 'refused'] / max(wrong, 1):.0%} "
                f"| {counts[False, 'warned'] / max(wrong, 1):.0%} |"
            )


def sources(data: Path, demo: Path) -> Iterator[tuple[str, tuple[Bands, list[Pixels]]]]:
    """Yield sources by name: bands, and the pixels (bands, n) of their parts."""
    whole = {
        "demo (synthetic)": (next(demo.glob("scenes/*/*.tif")), "blue,green,red,nir"),
        "PlanetScope": (data / "planetscope_villangad/scene_rgbn_uint16.tif", "red,green,blue,nir"),
        "GF-2 forest": (data / "gf2/ms_suburb.tif", "blue,green,red,nir"),
        "GF-2 city": (data / "gf2/ms_downtown.tif", "blue,green,red,nir"),
    }
    for name, (path, bands) in whole.items():
        yield name, (Bands.parse(bands), list(quarters(path, Bands.parse(bands))))
    folders = {
        "Tianshui": (data / "tianshui_geoeye", "train_???.jpg", "nir,red,green", 1),
        "Bijie": (data / "bijie/landslide", "**/*.webp", "red,green,blue", 40),
    }
    for name, (folder, pattern, bands, together) in folders.items():
        paths = sorted(folder.glob(pattern))
        tiles = [next(quarters(path, Bands.parse(bands), 1)) for path in paths]
        groups = [tiles[at : at + together] for at in range(0, len(tiles), together)]
        yield name, (Bands.parse(bands), [np.concatenate(group, axis=1) for group in groups])


def quarters(path: Path, bands: Bands, per_axis: int = 2) -> Iterator[Pixels]:
    """Yield some valid pixels (bands, n) of each part of a raster."""
    with Scene(path, SceneOptions(bands=bands)) as scene:
        height, width = (side // per_axis for side in scene.grid.shape)
        for row, col in itertools.product(range(per_axis), repeat=2):
            stored, valid = scene.read(Window(col * width, row * height, width, height))
            pixels = scene.radiometry.values(stored[:, valid])
            yield pixels[:, :: max(1, pixels.shape[1] // _MOST_PX)]


if __name__ == "__main__":
    main()
