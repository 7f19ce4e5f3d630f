"""How right are histories that are tracked through the states of a series?

    landslip synthetic --preset recovery-small --no-products --seed 3 --out SYNTHETIC
    landslip series SYNTHETIC/scene_*.tif --out SERIES
    python benchmarks/tracked_states.py SYNTHETIC SERIES --work FOLDER

The maps of probabilities are simulated as in `states.py`. Tracked are the states that are found in
them with and without triggers, and, beside that, what each map alone says (0.5 or more, from
100 m2 on). A found polygon is of the true landslide with which it shares most, if they share 30 %
of the smaller one; a history is false if none of its polygons is of a landslide. A bracket is right
if a failure is within it, so that it says new, enlarged or reactivated between the dates before and
after.
"""

from collections.abc import Mapping
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely
from rasterio.features import shapes

import landslip
from landslip.inventory.request import DEFAULT_MIN_AREA_M2
from landslip.multitemporal.series.folder import Series, open_series
from states import FRESH, PRIOR, TRIGGERS, one_date, parser_of_ground, read_truth, simulate_maps

LEAST_SHARED = 0.3
EVENTS = ("new", "enlarged", "reactivated")
SIZES = ((0, 400), (400, 2000), (2000, np.inf))  # m2


def true_histories(synthetic: Path, shift_m: tuple[float, float]) -> geopandas.GeoDataFrame:
    """Return the true landslides on all dates, where the series has them."""
    truth = geopandas.read_file(synthetic / "histories.gpkg")
    truth["geometry"] = truth.geometry.translate(*shift_m)
    truth["date"] = truth["date"].astype(str).str[:10]
    truth["mapped"] = truth["observed"] & truth["state"].isin(["fresh", "recovering"])
    days = sorted(truth["date"].unique())
    truth["previous"] = truth["date"].map(dict(zip(days, ["1900-01-01", *days], strict=False)))
    return truth


def matched(found: geopandas.GeoDataFrame, truth: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Return pairs of a found row and a true row of one date that share enough of the smaller."""
    parts = []
    for day, true in truth.groupby("date"):
        own = found[found["date"] == day]
        at, of = shapely.STRtree(own.geometry.values).query(true.geometry.values)
        shared = shapely.area(
            shapely.intersection(own.geometry.values[of], true.geometry.values[at])
        )
        smaller = np.minimum(own.geometry.area.values[of], true.geometry.area.values[at])
        of_day = pd.DataFrame({"found": own.index[of], "true": true.index[at], "shared": shared})
        parts.append(of_day[shared >= LEAST_SHARED * smaller])
    pairs: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return pairs


def ids(seen: geopandas.GeoDataFrame, truth: geopandas.GeoDataFrame) -> dict[str, str]:
    """Return how many landslides are found, have one id, and how many histories are false."""
    visible = truth[truth["mapped"]]
    pairs = matched(seen, visible)
    best = pairs.sort_values("shared").groupby("true").last()
    found = visible.loc[best.index, ["id"]].assign(
        track=seen.loc[best["found"], "track_id"].to_numpy()
    )
    dates = found.groupby("id").size()
    tracks = found.groupby("id")["track"].nunique()
    largest = visible.groupby("id")["area_m2"].max()
    several = dates[dates > 1].index
    # an outline that has recovered, or is half hidden, makes no false history
    anything = matched(seen, truth[truth["state"] != "vegetated"])
    true_tracks = set(seen.loc[anything["found"], "track_id"])
    false = {*seen["track_id"]} - true_tracks
    cells = {
        "landslides": f"{len(largest)}",
        "found on a date": f"{100 * len(dates) / len(largest):.0f} %",
    }
    for low, high in SIZES:
        of_size = largest[(largest >= low) & (largest < high)].index
        name = f"{low} to {high} m2" if np.isfinite(high) else f"from {low} m2"
        cells[f"of {name}"] = f"{100 * of_size.isin(dates.index).mean():.0f} %"
    cells["found on several dates"] = f"{len(several)}"
    cells["with one id"] = f"{100 * (tracks[several] == 1).mean():.0f} %"
    cells["histories"] = f"{seen['track_id'].nunique()}"
    area_km2 = float(seen.attrs["area_km2"])
    cells["false a km2"] = f"{len(false) / area_km2:.1f}"
    once = seen.groupby("track_id").size() == 1
    cells["false, seen once"] = f"{100 * once[[*false]].mean():.0f} %" if false else "none"
    return cells


def brackets(rows: geopandas.GeoDataFrame, truth: geopandas.GeoDataFrame) -> dict[str, str]:
    """Return how many failures have a right bracket, of those that a date saw later."""
    seen = rows[rows["track_observed"]]
    visible = truth[truth["mapped"]]
    pairs = matched(seen, visible)
    tracks = (
        pd.DataFrame(
            {
                "id": visible.loc[pairs["true"], "id"].to_numpy(),
                "track": seen.loc[pairs["found"], "track_id"].to_numpy(),
            }
        )
        .groupby("id")["track"]
        .agg(set)
    )
    events = rows[rows["state"].isin(EVENTS)]
    cells = {}
    for kind in EVENTS:
        counts = dict.fromkeys(("right", "other", "unknown", "none"), 0)
        first = truth["date"].min()
        for one in truth[(truth["event"] == kind) & (truth["date"] > first)].itertuples():
            later = visible[(visible["id"] == one.id) & (visible["date"] >= one.date)]
            if later.empty:
                continue
            days = [day for day in one.failures.split(",") if one.previous < day <= one.date]
            own = events[events["track_id"].isin(tracks.get(one.id, set()))]
            after = own["track_after"].astype(str)
            within = np.zeros(len(own), dtype=bool)
            for day in days:
                within |= (own["track_by"].astype(str) >= day) & (after < day)
            if within.any():
                counts["right"] += 1
            elif own.empty:
                counts["none"] += 1
            elif (own["track_after"].isna() & (own["track_by"].astype(str) >= days[0])).any():
                counts["unknown"] += 1
            else:
                counts["other"] += 1
        total = sum(counts.values())
        cells[f"{kind} ({total})"] = ", ".join(
            f"{100 * count / total:.0f} % {name}" for name, count in counts.items() if count
        )
    return cells


def confusion(rows: geopandas.GeoDataFrame, truth: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Return found states by true state and event, of landslides that a date saw."""
    outlined = rows[rows["state"] != "not observed"]
    known = truth[truth["observed"]]
    pairs = matched(outlined, known)
    best = pairs.sort_values("shared").groupby("true").last()
    table = known.assign(found="nothing")
    table.loc[best.index, "found"] = outlined.loc[best["found"], "state"].to_numpy()
    return pd.crosstab([table["event"], table["state"]], table["found"])


def polygons_of_maps(maps: list[str], series: Series, work: Path) -> list[Path]:
    """Write what the map of each date says alone: from 0.5, from the minimum mapping unit on."""
    files = []
    for text, codes in zip(maps, one_date(maps), strict=True):
        found = shapes(codes, mask=codes == FRESH, transform=series.grid.transform)
        outlines = np.array([shapely.geometry.shape(outline) for outline, _ in found])
        outlines = outlines[shapely.area(outlines) >= DEFAULT_MIN_AREA_M2]
        files.append(work / f"mapped_{text.partition('=')[0]}.gpkg")
        frame = geopandas.GeoDataFrame(geometry=outlines, crs=series.card.crs)
        frame.to_file(files[-1])
    return files


def rows_of(tracks: landslip.Tracks, area_km2: float) -> geopandas.GeoDataFrame:
    """Return the rows of histories, with dates as text."""
    rows = tracks.landslides
    rows["date"] = rows["date"].astype(str).str[:10]
    rows.attrs["area_km2"] = area_km2
    return rows


def print_table(title: str, cells: Mapping[str, Mapping[str, str]]) -> None:
    """Print rows of cells as a table."""
    names = next(iter(cells.values())).keys()
    print(f"\n| {title} | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for name, row in cells.items():
        print(f"| {name} | " + " | ".join(row.values()) + " |")


def main() -> None:
    """Print tables."""
    options = parser_of_ground(__doc__).parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    runs = {}
    with open_series(options.series) as series:
        truth = read_truth(options.synthetic, series)
        maps = simulate_maps(truth, series, options.work, options.seed)
        step = series.grid.resolution_m or 2.0
        area_km2 = float(np.prod(series.grid.shape)) * step**2 / 1e6
        cols, rows = truth.shift_px
        histories = true_histories(options.synthetic, (step * cols, -step * rows))
        files = polygons_of_maps(maps, series, options.work)
        runs["each map alone"] = rows_of(landslip.track([series, *files]), area_km2)
        for name, triggers in (("states without triggers", None), ("states", TRIGGERS)):
            states = landslip.states(
                series,
                maps=maps,
                prior=PRIOR,
                triggers=triggers,
                out=options.work / "STATES",
                overwrite=True,
            )
            runs[name] = rows_of(landslip.track([series, states]), area_km2)
    print_table(
        "ids", {name: ids(one[one["track_observed"]], histories) for name, one in runs.items()}
    )
    print_table("failures", {name: brackets(one, histories) for name, one in runs.items()})
    for name, one in runs.items():
        print(f"\n{name}\n{confusion(one, histories).to_string()}")


if __name__ == "__main__":
    main()
