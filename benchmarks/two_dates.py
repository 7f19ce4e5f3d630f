"""Do an earlier date, the states through time and terrain help to find landslides?

    python benchmarks/two_dates.py --work FOLDER --encoder-weights resnet18.safetensors
        [--train-areas 0,1] [--test-areas 3,4] [--epochs 12] [--seeds 0,1,2] [--methods NAMES]

Synthetic valleys (preset recovery-small) as series on one grid. The networks are trained on all
dates after the earthquake but the last of some areas, and tested on all dates of other ones, so
that ground and the last date are held out together. The earlier image is that of the first date, a
year before the earthquake. Compared with equal learning rate and crops: LinkNet of one date, also
trained for twice as long; LinkNet of both dates' bands stacked; the two-date LinkNet from ImageNet
and from the finished network of one date, also on scenes whose earlier image is missing; bands of
terrain, for LinkNet and for the improved U-Net; the difference of vegetation indices, cut where F1
is best on the training areas; and on top of each network's maps the states through time.

Scores are means over the seeds. Intervals (95 %) draw blocks of 256 px of the test areas, each with
all of its dates, and are those of the differences where a method is compared with another. What is
in FOLDER is not made again.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

import landslip
from landslip.core.bands import normalised_difference
from landslip.core.choices import LandslideState
from landslip.io.raster import OutputBand, write_scene
from landslip.metrics.bootstrap import bootstrap_weights, percentile_interval
from landslip.multitemporal.series.folder import Series, open_series
from landslip.synthetic.series import write_series
from landslip.synthetic.study_areas import small_recovery_area
from states import (
    FRESH,
    RECOVERED,
    RECOVERING,
    TRIGGERS,
    VEGETATED,
    dates_of_failure,
    one_date,
    read_states,
    read_truth,
    seen_on,
)

SETTINGS = {
    "optimizer": "adamw",
    "learning_rate": 5e-4,
    "weight_decay": 0.01,
    "warmup_epochs": 0.5,
}
LEAKY = {"head": "leaky"}
BLOCK_PX, DRAWS = 256, 2000
Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A network and what it sees.

    Attributes:
        name: in tables.
        arch: of the network.
        before: whether it sees the earlier image.
        terrain: bands of terrain that it sees.
        start: method whose finished network it begins as.
        is_blind: the network of the method ``start``, on scenes whose earlier image is missing.
        has_states: whether the states through time are made of its maps too.
    """

    name: str
    arch: str = "linknet"
    before: bool = False
    terrain: str | None = None
    start: str | None = None
    is_blind: bool = False
    has_states: bool = True

    @property
    def key(self) -> str:
        """Its name in paths."""
        return self.name.replace(",", "").replace(" ", "_")


METHODS = (
    Method(name="one date"),
    Method(name="both dates stacked", before=True),
    Method(name="two dates", arch="two-date-linknet", before=True),
    Method(name="one date, twice as long", start="one date"),
    Method(name="two dates, from one date", arch="two-date-linknet", before=True, start="one date"),
    Method(name="the same, without before", start="two dates, from one date", is_blind=True),
    Method(
        name="one date and terrain", terrain="slope,northness,eastness,curvature", has_states=False
    ),
    Method(name="improved U-Net", arch="improved-unet", has_states=False),
    Method(
        name="improved U-Net and terrain",
        arch="improved-unet",
        terrain="elevation,slope,northness,eastness",
        has_states=False,
    ),
)
DIFFERENCE = "difference of NDVI"
CONTRASTS = (
    ("two dates", "one date"),
    ("both dates stacked", "one date"),
    ("two dates, from one date", "one date, twice as long"),
    ("the same, without before", "one date, twice as long"),
    ("one date, states", "one date"),
    ("two dates, from one date, states", "two dates, from one date"),
    ("two dates, from one date, states", "one date, twice as long, states"),
    ("one date and terrain", "one date"),
    ("improved U-Net and terrain", "improved U-Net"),
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--encoder-weights", default="imagenet")
    parser.add_argument("--train-areas", default="0,1")
    parser.add_argument("--test-areas", default="3,4")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--methods", help="some of them, divided by semicolons")
    options = parser.parse_args()
    seeds, areas, tests = (
        [int(one) for one in text.split(",")]
        for text in (options.seeds, options.train_areas, options.test_areas)
    )
    for area in (*areas, *tests):
        make_area(options.work / f"area{area}", area)
    chosen = options.methods.split(";") if options.methods else None
    methods = [one for one in METHODS if chosen is None or one.name in chosen]
    trials = []
    for seed in seeds:
        for method in methods:
            network(options, method, areas, seed)
        trials.append([pd.DataFrame(tested(options, methods, areas, at, seed)) for at in tests])
    show(trials)


def tested(
    options: argparse.Namespace, methods: Sequence[Method], areas: list[int], test: int, seed: int
) -> dict[str, pd.Series]:
    """Return the counts of all methods on a test area, and what they say of dates of failures."""
    folder = options.work / f"area{test}"
    with open_series(folder / "series") as series:
        truth, seen = read_truth(folder / "truth", series).states, seen_on(series)
        found = {DIFFERENCE: difference(options.work, areas, series)}
        for method in methods:
            maps = extracted(options, method, folder, series, seed)
            found[method.name] = one_date(maps)
            if method.has_states:
                found[f"{method.name}, states"] = states(method, folder, maps, series, seed)
        return {
            name: pd.Series(
                {"counts": counts(codes, truth, seen), "dates": dates_of_failure(codes, truth)}
            )
            for name, codes in found.items()
        }


def counts(found: Codes, truth: Codes, seen: NDArray[np.bool_]) -> Floats:
    """Return pixels (blocks, dates, true state, found state) that the dates saw."""
    pairs = np.where(seen, 4 * truth + found, 16)
    height, width = truth.shape[1:]
    rows = []
    for top in range(0, height, BLOCK_PX):
        for left in range(0, width, BLOCK_PX):
            block = pairs[:, top : top + BLOCK_PX, left : left + BLOCK_PX]
            rows.append([np.bincount(one.ravel(), minlength=17)[:16] for one in block])
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(truth), 4, 4)


def measures(pixels: Floats) -> dict[str, Floats]:
    """Return measures in percent of counts (..., true state, found state)."""
    bare = pixels[..., FRESH] + pixels[..., RECOVERING]
    total = pixels.sum(axis=-1)
    real = [FRESH, RECOVERING]
    right = bare[..., real].sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 100 * bare / total
        return {
            "F1": 200 * right / (bare.sum(axis=-1) + total[..., real].sum(axis=-1)),
            "precision": 100 * right / bare.sum(axis=-1),
            "fresh found": share[..., FRESH],
            "recovering found": share[..., RECOVERING],
            "recovered, falsely": share[..., RECOVERED],
            "vegetated, falsely": share[..., VEGETATED],
        }


def show(trials: list[list[pd.DataFrame]]) -> None:
    """Print the tables of trials (seeds, test areas) of methods in columns."""
    names = list(trials[0][0].columns)
    by_method = {
        name: np.stack([np.concatenate([area[name]["counts"] for area in one]) for one in trials])
        for name in names
    }
    blocks = next(iter(by_method.values())).shape[1]
    weights = bootstrap_weights(blocks, DRAWS, np.random.default_rng(0))
    weights = np.concatenate([np.ones((1, blocks)), weights])  # the first draw: as it is
    after = slice(1, None)  # the first date is the earlier image
    for title, part in (("all dates but the first", after), ("the last date", slice(-1, None))):
        drawn = {
            name: {
                measure: values.mean(axis=1)  # over seeds
                for measure, values in measures(
                    np.einsum("db,sbtf->dstf", weights, pixels[:, :, part].sum(axis=2))
                ).items()
            }
            for name, pixels in by_method.items()
        }
        print(f"\n{title}: {len(trials)} seeds, {blocks} blocks\n")
        rows = {
            name: {measure: with_interval(values) for measure, values in one.items()}
            for name, one in drawn.items()
        }
        print(pd.DataFrame(rows).T.to_string())
        rows = {
            f"{one} - {other}": {
                measure: with_interval(drawn[one][measure] - drawn[other][measure], sign="+")
                for measure in drawn[one]
            }
            for one, other in CONTRASTS
            if one in drawn and other in drawn
        }
        print(f"\ndifferences\n\n{pd.DataFrame(rows).T.to_string()}")
    print(f"\nF1 of each seed\n\n{pd.DataFrame(f1_of_seeds(by_method)).T.round(1).to_string()}")
    print("\nfirst date of a failure, mean\n")
    for name in names:
        dates = pd.DataFrame([area[name]["dates"] for one in trials for area in one])
        print(f"{name}: {dates.drop(columns='pixels').mean().round(1).to_dict()}")
    for name in names:
        if name.endswith("states"):
            print(f"\n{name}: true states in rows, found ones in columns, %\n")
            table = by_method[name][:, :, 1:].sum(axis=(0, 1, 2))
            percent = 100 * table / table.sum(axis=1, keepdims=True)
            words = [str(one) for one in LandslideState]
            print(pd.DataFrame(percent, index=words, columns=words).round(1).to_string())


def f1_of_seeds(by_method: dict[str, Floats]) -> dict[str, Floats]:
    """Return F1 of all dates but the first of each seed."""
    return {
        name: measures(pixels[:, :, 1:].sum(axis=(1, 2)))["F1"]
        for name, pixels in by_method.items()
    }


def with_interval(values: Floats, sign: str = "") -> str:
    """Write the first value with the interval of the others."""
    low, high = percentile_interval(values[1:], 0.95)
    return f"{values[0]:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


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


def before_of(method: Method, series: Series) -> Path | None:
    """Return the earlier image that a method sees."""
    return scene_of(series, 0) if method.before else None


def dem_of(method: Method, folder: Path) -> Path | None:
    """Return the elevation model of which a method sees bands."""
    return folder / "truth" / "dem.tif" if method.terrain else None


def tiles_of(work: Path, areas: list[int], method: Method) -> Path:
    """Cut the training areas' dates into tiles of what a method sees."""
    kind = f"{'both' if method.before else 'one'}_{method.terrain or ''}".replace(",", "_")
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
                    before=before_of(method, series),
                    dem=dem_of(method, folder),
                    terrain=method.terrain,
                )
    landslip.datasets.merge(folders, out=merged)
    return merged


def model_of(options: argparse.Namespace, method: Method, seed: int) -> Path:
    """Return the folder of a method's network."""
    work: Path = options.work
    if method.is_blind:
        method = next(one for one in METHODS if one.name == method.start)
    return work / f"model_{method.key}_{seed}"


def network(options: argparse.Namespace, method: Method, areas: list[int], seed: int) -> None:
    """Train a method's network and calibrate it on the validation tiles, unless it is trained."""
    out = model_of(options, method, seed)
    if out.exists() or method.is_blind:
        return
    start = next((one for one in METHODS if one.name == method.start), None)
    is_linknet = method.arch.endswith("linknet")
    is_new = is_linknet and start is None
    tiles = tiles_of(options.work, areas, method)
    landslip.train(
        tiles,
        out=out,
        arch=method.arch,
        epochs=options.epochs,
        seed=seed,
        start_from=None if start is None else model_of(options, start, seed),
        config={**SETTINGS, **(LEAKY if is_linknet else {})},
        encoder=options.encoder if is_new else None,
        encoder_weights=options.encoder_weights if is_new else None,
    )
    landslip.calibrate(out, tiles)


def extracted(
    options: argparse.Namespace, method: Method, folder: Path, series: Series, seed: int
) -> list[str]:
    """Extract all dates of a test area, and return ``DATE=MAP``."""
    maps, model = [], model_of(options, method, seed)
    for position, day in enumerate(series.days):
        out = folder / f"map_{method.key}_{seed}_{day}"
        if not out.exists():
            landslip.extract(
                scene_of(series, position),
                model,
                out=out,
                force=True,
                before=before_of(method, series) if position > 0 else None,
                dem=dem_of(method, folder),
            )
        maps.append(f"{day}={out}")
    return maps


def states(method: Method, folder: Path, maps: list[str], series: Series, seed: int) -> Codes:
    """Return the most likely states through time of a network's maps."""
    out = folder / f"states_{method.key}_{seed}"
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


if __name__ == "__main__":
    main()
