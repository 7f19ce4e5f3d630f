"""How well are states and recovery found on synthetic ground whose history is known?

    landslip synthetic --preset recovery-small --no-products --seed 1 --out SYNTHETIC
    landslip series SYNTHETIC/scene_*.tif --out SERIES
    python benchmarks/states.py SYNTHETIC SERIES --work FOLDER

The probabilities are simulated: drawn from the truth, so that they are calibrated by construction,
with errors that are alike over 16 m and half the same on all dates. They say what the states make
of such maps, not how good a network is.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import rasterio
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

import landslip
from landslip.core.choices import LandslideState
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.io.raster import OutputBand, write_scene
from landslip.multitemporal.series.folder import Series, Validity, open_series

PRIOR = 0.1
TRIGGERS = "2008-05-12,2017-08-08,2018-06-26,2019-08-20,2020-08-17"
# mean of the logit of a network by state, and its spread
_MEANS, _SPREAD = (-4.0, 2.5, -0.5, -3.5), 2.0
_ALIKE_PX, _SAME_SHARE = 8.0, 0.5
_LABELLED = (0.0, 1.0, 0.5, 0.0)
VEGETATED, FRESH, RECOVERING, RECOVERED = range(4)
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The ground of a series' dates: states (dates, height, width), and the shift of its grid."""

    states: Codes
    shift_px: tuple[float, float]


def read_truth(synthetic: Path, series: Series) -> Truth:
    """Read the states of all dates on the grid of a series, which is that of its reference."""
    facts = {day_of(one): one for one in json.loads((synthetic / "truth.json").read_text())}
    shift = facts[date.fromisoformat(series.card.reference)]["conditions"]["shift_px"]
    states = []
    for day in series.days:
        with rasterio.open(synthetic / f"states_{day:%Y%m%d}.tif") as file:
            moved = ndimage.shift(file.read(1), (shift[1], shift[0]), order=0, mode="nearest")
            states.append(moved)
    return Truth(states=np.stack(states), shift_px=(shift[0], shift[1]))


def day_of(facts: dict[str, str]) -> date:
    """Return the day of an overpass, in Beijing."""
    return (pd.Timestamp(facts["utc"]) + pd.Timedelta(hours=8)).date()


def simulate_maps(truth: Truth, series: Series, work: Path, seed: int) -> list[str]:
    """Write a map of probabilities of each date, and return ``DATE=FOLDER``."""
    generator = np.random.default_rng(seed)
    shape = truth.states.shape[1:]

    def field() -> NDArray[np.float64]:
        noise = ndimage.gaussian_filter(generator.standard_normal(shape), _ALIKE_PX / 2)
        white = generator.standard_normal(shape)
        return np.asarray(0.8 * noise / noise.std() + 0.6 * white)

    same, texts = field(), []
    for day, states in zip(series.days, truth.states, strict=True):
        noise = np.sqrt(_SAME_SHARE) * same + np.sqrt(1 - _SAME_SHARE) * field()
        logit = np.array(_MEANS)[states] + _SPREAD * noise
        texts.append(f"{day}={write_map(work / f'map_{day}', series, calibrated(logit))}")
    return texts


def calibrated(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of landslide by Bayes' rule, with the prior of the training data."""

    def density(mean: float) -> NDArray[np.float64]:
        return np.exp(-0.5 * ((logit - mean) / _SPREAD) ** 2)

    landslide = (density(_MEANS[FRESH]) + 0.5 * density(_MEANS[RECOVERING])) / 1.5
    other = density(_MEANS[VEGETATED])
    ratio = np.log(np.maximum(landslide, 1e-300)) - np.log(np.maximum(other, 1e-300))
    probability: NDArray[np.float64] = expit(ratio + np.log(PRIOR / (1 - PRIOR)))
    return probability


def write_map(folder: Path, series: Series, probability: NDArray[np.float64]) -> Path:
    """Write probabilities as the folder of an extraction."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    layer = OutputBand(description="probability of landslide", nodata=255, scale=0.004)
    levels = np.rint(250 * probability).astype(np.uint8)
    write_scene(folder / PROBABILITY, levels[np.newaxis], series.grid, (layer,))
    height, width = levels.shape
    numbers = dict.fromkeys(
        (
            "min_area_m2",
            "landslides",
            "landslide_area_m2",
            "landslide_px",
            "overlap_px",
            "windows",
            "skipped_windows_share",
            "kept_windows_share",
            "seconds",
            "mpix_per_s",
            "memory_peak_mb",
        ),
        0,
    )
    summary = ExtractionSummary(
        scene="simulated",
        scene_place="simulated",
        read_as={},
        model="simulated",
        model_weights_sha256="",
        calibration="simulated",
        bands=list(series.bands),
        crs=None,
        width=width,
        height=height,
        resolution_m=series.grid.resolution_m,
        threshold=0.5,
        area_method=None,
        valid_px=levels.size,
        engine="none",
        precision="none",
        window_px=[0, 0],
        engine_busy_share=None,
        job_sha256="",
        warnings=[],
        code_version="",
        **numbers,  # type: ignore[arg-type]
    )
    summary.write(folder / SUMMARY)
    return folder


def read_states(folder: Path, series: Series) -> Codes:
    """Return the most likely states of all dates."""
    states = []
    for day in series.days:
        with rasterio.open(folder / f"{day}_state.tif") as file:
            states.append(file.read(1))
    return np.stack(states)


def one_date(maps: list[str]) -> Codes:
    """Return what a map alone says: fresh from a probability of 0.5, else vegetated."""
    states = []
    for text in maps:
        with rasterio.open(Path(text.partition("=")[2]) / PROBABILITY) as file:
            states.append(np.where(file.read(1) >= 125, FRESH, VEGETATED).astype(np.uint8))
    return np.stack(states)


def seen_on(series: Series) -> NDArray[np.bool_]:
    """Return what each date saw (dates, height, width)."""
    window = series.grid.window
    return np.stack(
        [series.read(at, window)[1] == Validity.VALID for at in range(len(series.days))]
    )


def scores(found: Codes, truth: Codes, where: NDArray[np.bool_]) -> dict[str, float]:
    """Return F1 of bare ground (fresh or recovering) and of each state, in percent."""
    found, truth = found[where], truth[where]
    rows = {"landslide": (np.isin(found, (FRESH, RECOVERING)), np.isin(truth, (FRESH, RECOVERING)))}
    for name, state in (("fresh", FRESH), ("recovering", RECOVERING), ("recovered", RECOVERED)):
        rows[name] = (found == state, truth == state)
    result = {}
    for name, (one, other) in rows.items():
        both = int((one & other).sum())
        result[name] = 200 * both / max(int(one.sum() + other.sum()), 1)
    bare = np.isin(found, (FRESH, RECOVERING))
    for name, state in (("of fresh", FRESH), ("of recovering", RECOVERING)):
        result[f"{name} found"] = 100 * float(bare[truth == state].mean())
    result["of the rest false"] = 100 * float(bare[np.isin(truth, (VEGETATED, RECOVERED))].mean())
    return result


def confusion(found: Codes, truth: Codes, where: NDArray[np.bool_]) -> pd.DataFrame:
    """Return pixels by true (rows) and found state, in percent of the row."""
    names = [str(one) for one in LandslideState]
    pairs = np.bincount(4 * truth[where].astype(np.int64) + found[where], minlength=16)
    table = pairs.reshape(4, 4)
    percent = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(percent.round(1), index=names, columns=names).assign(
        pixels=table.sum(axis=1)
    )


def dates_of_failure(found: Codes, truth: Codes) -> dict[str, float]:
    """Return how the first date that shows a failure compares, of pixels that failed in between."""
    bare = (FRESH, RECOVERING)
    first = np.isin(truth, bare).argmax(axis=0)
    failed = (truth[0] == VEGETATED) & np.isin(truth, bare).any(axis=0)
    seen = np.isin(found, bare)
    difference = np.where(seen.any(axis=0), seen.argmax(axis=0) - first, 99)[failed]
    return {
        "pixels": int(failed.sum()),
        "right %": 100 * float((difference == 0).mean()),
        "earlier %": 100 * float((difference < 0).mean()),
        "later %": 100 * float(((difference > 0) & (difference < 99)).mean()),
        "never %": 100 * float((difference == 99).mean()),
    }


def recovery_errors(synthetic: Path, series: Series, truth: Truth, work: Path) -> Iterator[str]:
    """Yield lines on recovery rates and half-lives of landslides against the truth."""
    frame = geopandas.read_file(synthetic / "histories.gpkg")
    frame["date"] = frame["date"].astype(str).str[:10]
    whole = {}
    for number, rows in frame.sort_values("date").groupby("id"):
        events = rows[rows["event"] != "none"]
        if len(events) and rows["state"].iloc[0] == "vegetated":
            whole[number] = (events["date"].iloc[-1], events["geometry"].iloc[-1], rows)
    step = series.grid.resolution_m or 2.0
    moved = [
        shapely.affinity.translate(one[1], truth.shift_px[0] * step, -truth.shift_px[1] * step)
        for one in whole.values()
    ]
    input_file = work / "failures.gpkg"
    landslides = geopandas.GeoDataFrame(
        {"id": list(whole), "date": [one[0] for one in whole.values()]},
        geometry=moved,
        crs=frame.crs,
    )
    landslides.to_file(input_file, layer="landslides", driver="GPKG")
    made = landslip.recovery(input_file, series=series, out=work / "RECOVERY", overwrite=True)
    yield f"{made.record.landslides} landslides, {made.record.measured} with a rate, "
    rows = []
    by_date = made.trajectories.assign(date=made.trajectories["date"].astype(str))
    for number, (start, _, history) in whole.items():
        facts = history.set_index("date")
        known = by_date[(by_date["id"] == str(number)) & by_date["rate"].notna()]
        if len(known) < 2:
            continue
        relative = (facts["ndvi"] - 0.1) / (facts["ndvi_undisturbed"] - 0.1)
        after, last = known["date"].iloc[0], known["date"].iloc[-1]
        before = relative[facts.index < start].mean()
        expected = (relative[last] - relative[after]) / (before - relative[after])
        rows.append((number, expected, known["rate"].iloc[-1], facts["area_m2"].max()))
    table = pd.DataFrame(rows, columns=["id", "true", "found", "area_m2"])
    for name, least, most in (
        ("all", 0, 1e9),
        ("under 400 m2", 0, 400),
        ("over 2000 m2", 2000, 1e9),
    ):
        part = table[(table["area_m2"] >= least) & (table["area_m2"] < most)]
        error = part["found"] - part["true"]
        low, high = error.quantile((0.25, 0.75))
        yield (
            f"| {name} | {len(part)} | {error.median():+.3f} | {low:+.3f} to {high:+.3f} | "
            f"{error.abs().median():.3f} |"
        )


def parser_of_ground(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of synthetic ground, its series, and how probabilities are simulated."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("synthetic", type=Path)
    parser.add_argument("series", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main() -> None:
    """Print tables."""
    parser = parser_of_ground(__doc__)
    parser.add_argument("--maps-only", action="store_true", help="write the maps, measure nothing")
    options = parser.parse_args()
    with open_series(options.series) as series:
        truth = read_truth(options.synthetic, series)
        maps = simulate_maps(truth, series, options.work, options.seed)
        if options.maps_only:
            print(*maps, sep="\n")
            return
        seen = seen_on(series)
        everywhere = np.ones_like(seen)
        none = [f"{text}" for text in maps[:1]]
        runs = {"map of one date": one_date(maps)}
        for name, chosen, triggers in (
            ("states, no triggers", maps, None),
            ("states", maps, TRIGGERS),
            ("states, NDVI and one map", none, TRIGGERS),
        ):
            found = landslip.states(
                series,
                maps=chosen,
                prior=PRIOR,
                triggers=triggers,
                out=options.work / "STATES",
                overwrite=True,
            )
            print(f"{name}: {found.record.seconds_per_mpix:.2f} s/MPix, {len(series.days)} dates")
            runs[name] = read_states(found.folder, series)
        for title, where in (("seen", seen), ("not seen", ~seen), ("all", everywhere)):
            table = pd.DataFrame(
                {name: scores(found, truth.states, where) for name, found in runs.items()}
            ).T
            print(f"\n{title}: {int(where.sum()):,} pixels\n{table.round(1).to_string()}")
        print(f"\n{confusion(runs['states'], truth.states, seen).to_string()}")
        table = pd.DataFrame(
            {name: dates_of_failure(found, truth.states) for name, found in runs.items()}
        ).T
        print(f"\nfirst date of a failure\n{table.round(1).to_string()}\n")
        for line in recovery_errors(options.synthetic, series, truth, options.work):
            print(line)


if __name__ == "__main__":
    main()
