"""Does an earlier date help to find landslides, fresh and recovering ones?

    python benchmarks/two_dates.py --work FOLDER --encoder-weights resnet18.safetensors
        [--train-areas 0,1] [--test-area 2] [--epochs 4] [--seed 0]

Synthetic valleys (preset recovery-small) as series on one grid. The networks are trained on all
dates after the earthquake but the last of some areas, and tested on all dates of another one, so
that ground and the last date are held out together. The earlier image is that of the first date, a
year before the earthquake. Compared with equal steps, learning rate and crops: LinkNet of one date;
LinkNet of both dates' bands stacked; the two-date LinkNet, also on scenes whose earlier image is
missing; the difference of vegetation indices, cut where F1 is best on the training areas; and on
top of each network's maps the states through time. What is in FOLDER is not made again.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

import landslip
from landslip.core.bands import normalised_difference
from landslip.io.raster import OutputBand, write_scene
from landslip.multitemporal.series.folder import Series, open_series
from landslip.synthetic.series import write_series
from landslip.synthetic.study_areas import small_recovery_area
from states import (
    FRESH,
    RECOVERING,
    TRIGGERS,
    VEGETATED,
    one_date,
    read_states,
    read_truth,
    seen_on,
)

NETWORKS = {"one date": "linknet", "stacked bands": "linknet", "two dates": "two-date-linknet"}
TWO_DATES = "two dates"
SETTINGS = {
    "optimizer": "adamw",
    "learning_rate": 5e-4,
    "weight_decay": 0.01,
    "warmup_epochs": 0.5,
    "head": "leaky",
}
Codes = NDArray[np.uint8]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--encoder-weights", default="imagenet")
    parser.add_argument("--train-areas", default="0,1")
    parser.add_argument("--test-area", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    areas = [int(text) for text in options.train_areas.split(",")]
    for area in (*areas, options.test_area):
        make_area(options.work / f"area{area}", area)
    models = {name: network(options, name, arch, areas) for name, arch in NETWORKS.items()}
    folder = options.work / f"area{options.test_area}"
    with open_series(folder / "series") as series:
        truth = read_truth(folder / "truth", series).states
        seen = seen_on(series)
        found = {"difference of NDVI": difference(options.work, areas, series)}
        for name, model in models.items():
            maps = extracted(options, name, model, series)
            found[name] = one_date(maps)
            found[f"{name}, states"] = states(options, name, maps, series)
        blind = extracted(options, TWO_DATES, models[TWO_DATES], series, blind=True)
        found[f"{TWO_DATES}, without before"] = one_date(blind)
        after = slice(1, None)  # the first date is the earlier image
        for title, part in (("all dates but the first", after), ("the last date", slice(-1, None))):
            rows = {
                name: score(codes[part], truth[part], seen[part]) for name, codes in found.items()
            }
            print(f"\n{title}\n\n{pd.DataFrame(rows).T.round(1).to_string()}")


def make_area(folder: Path, seed: int) -> None:
    """Make a synthetic area and its series, unless they exist."""
    if not (folder / "truth").exists():
        write_series(small_recovery_area(seed), folder / "truth", products=False)
    if not (folder / "series").exists():
        landslip.series(
            sorted((folder / "truth").glob("scene_*.tif")), out=folder / "series"
        ).close()


def labels_of(folder: Path, series: Series, position: int) -> Path:
    """Write where a date shows fresh or recovering ground, and 255 where it does not see."""
    file = folder / f"labels_{series.days[position]}.tif"
    if not file.exists():
        state = read_truth(folder / "truth", series).states[position]
        label = np.isin(state, (FRESH, RECOVERING)).astype(np.uint8)
        label[~seen_on(series)[position]] = 255
        layer = OutputBand(description="landslide", nodata=255)
        write_scene(file, label[np.newaxis], series.grid, (layer,))
    return file


def scene_of(series: Series, position: int) -> Path:
    """Return the file of a date."""
    return Path(series.path) / series.card.dates[position].scene


def tiles_of(work: Path, areas: list[int], kind: str) -> Path:
    """Cut the training areas' dates into tiles, with the earlier image or without."""
    merged, folders = work / f"tiles_{kind}", []
    if merged.exists():
        return merged
    for area in areas:
        folder = work / f"area{area}"
        with open_series(folder / "series") as series:
            for position in range(1, len(series.days) - 1):
                out = folder / f"tiles_{kind}_{series.days[position]}"
                folders.append(out)
                if out.exists():
                    continue
                landslip.datasets.from_scene(
                    scene_of(series, position),
                    labels_of(folder, series, position),
                    out=out,
                    tile=128,
                    test_share=0.0,
                    val_share=0.15,
                    before=None if kind == "one" else scene_of(series, 0),
                )
    landslip.datasets.merge(folders, out=merged)
    return merged


def network(options: argparse.Namespace, name: str, arch: str, areas: list[int]) -> Path:
    """Train a network and calibrate it on the validation tiles, unless it is trained."""
    out: Path = options.work / f"model_{name}_{options.seed}".replace(" ", "_").replace(",", "")
    if out.exists():
        return out
    tiles = tiles_of(options.work, areas, "one" if name == "one date" else "both")
    landslip.train(
        tiles,
        out=out,
        arch=arch,
        epochs=options.epochs,
        seed=options.seed,
        encoder=options.encoder,
        encoder_weights=options.encoder_weights,
        config=SETTINGS,
    )
    landslip.calibrate(out, tiles)
    return out


def extracted(
    options: argparse.Namespace, name: str, model: Path, series: Series, *, blind: bool = False
) -> list[str]:
    """Extract all dates of the test area, and return ``DATE=MAP``."""
    maps = []
    for position, day in enumerate(series.days):
        kind = f"{model.name}_blind" if blind else model.name
        out = options.work / f"map_{kind}_{day}"
        sees_both = name != "one date" and not blind
        if not out.exists():
            before = scene_of(series, 0) if sees_both else None
            landslip.extract(scene_of(series, position), model, out=out, before=before, force=True)
        maps.append(f"{day}={out}")
    return maps


def states(options: argparse.Namespace, name: str, maps: list[str], series: Series) -> Codes:
    """Return the most likely states through time of a network's maps."""
    out = options.work / f"states_{name}_{options.seed}".replace(" ", "_").replace(",", "")
    if not out.exists():
        landslip.states(series, maps=maps, triggers=TRIGGERS, out=out)
    return read_states(out, series)


def difference(work: Path, areas: list[int], series: Series) -> Codes:
    """Return the change of vegetation index, cut where F1 is best on the training areas."""
    drops, labels = [], []
    for area in areas:
        with open_series(work / f"area{area}" / "series") as known:
            truth = read_truth(work / f"area{area}" / "truth", known).states
            where = seen_on(known)
            drop = ndvi_drop(known)
            for position in range(1, len(known.days) - 1):
                both = where[position] & where[0]
                drops.append(drop[position][both])
                labels.append(np.isin(truth[position][both], (FRESH, RECOVERING)))
    values, label = np.concatenate(drops), np.concatenate(labels)
    cuts = np.linspace(0.02, 0.6, 59)
    best = max(cuts, key=lambda cut: f1(values >= cut, label))
    return np.where(ndvi_drop(series) >= best, FRESH, VEGETATED).astype(np.uint8)


def ndvi_drop(series: Series) -> NDArray[np.float64]:
    """Return how far the vegetation index of each date is under that of the first, 3 px mean."""
    red, nir = (series.bands.names.index(name) for name in ("red", "nir"))
    window = series.grid.window
    index = []
    for position in range(len(series.days)):
        reflectance, _ = series.read(position, window)
        value = normalised_difference(reflectance[nir], reflectance[red])
        index.append(ndimage.uniform_filter(np.nan_to_num(value), 3))
    return np.stack([index[0] - one for one in index])


def f1(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return F1."""
    return 2 * float((found & truth).sum()) / max(float(found.sum() + truth.sum()), 1.0)


def score(found: Codes, truth: Codes, where: NDArray[np.bool_]) -> dict[str, float]:
    """Return F1 of fresh and recovering pixels, what is found of each, and false pixels, in %."""
    bare, real = (np.isin(codes[where], (FRESH, RECOVERING)) for codes in (found, truth))
    state = truth[where]

    def share(chosen: NDArray[np.bool_]) -> float:
        return 100 * float(bare[chosen].mean())

    return {
        "F1": 100 * f1(bare, real),
        "precision": 100 * float(real[bare].mean()) if bare.any() else 0.0,
        "fresh found": share(state == FRESH),
        "recovering found": share(state == RECOVERING),
        "recovered, falsely": share(state == 3),
        "vegetated, falsely": share(state == VEGETATED),
    }


if __name__ == "__main__":
    main()
