"""Histories of landslides: how many are right, whether ids stay, speed, real inventories.

python benchmarks/tracking.py synthetic --seeds 3
python benchmarks/tracking.py series --data SERIES
python benchmarks/tracking.py speed
python benchmarks/tracking.py real --data DATA
python benchmarks/tracking.py terrain --data TRACKS --dem DEM.tif [--picture FILE.webp]

TRACKS are histories of inventories that were made with the elevation model.
"""

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas
import matplotlib as mpl
import numpy as np
import pandas as pd
import rasterio
import shapely
from matplotlib import pyplot as plt
from matplotlib.colors import LightSource
from rasterio.features import shapes
from shapely import affinity

import landslip
from landslip.core.map_distances import azimuths_deg
from landslip.preprocessing.elevation_model import ElevationModel

CRS, EAST, NORTH = "EPSG:32648", 400_000, 3_400_000
DAYS = ("2013-08-12", "2014-10-02", "2015-08-05", "2016-09-01", "2017-09-01", "2018-09-01")
CELL_M, PIXEL_M = 200.0, 2.0
# what a kind of landslide does, date by date: scale of its area, or parts
LIVES: dict[str, tuple[float | str, ...]] = {
    "persisting": (1, 1, 1, 1, 1, 1),
    "enlarged": (1, 1, 1.6, 1.6, 1.6, 1.6),
    "shrinking": (1, 0.7, 0.7, 0.4, 0.4, 0),
    "recovering": (1, 1, 0, 0, 0, 0),
    "reactivated": (1, 0, 0, 1, 1, 1),
    "regrown": (1, 1, 0.5, 0.5, 0.9, 0.9),
    "late": (0, 0, 1, 1, 1, 0),
    "split": (1, 1, "split", "split", "split", "split"),
    "merged": ("split", "split", 1, 1, 1, 1),
    "flickering": ("split", 1, "split", 1, "split", "split"),
}
EXPECTED = {
    "persisting": ["new persisting persisting persisting persisting persisting"],
    "enlarged": ["new persisting enlarged persisting persisting persisting"],
    "shrinking": ["new shrinking persisting shrinking persisting recovered"],
    "recovering": ["new persisting recovered recovered recovered recovered"],
    "reactivated": ["new recovered recovered reactivated persisting persisting"],
    "regrown": ["new persisting shrinking persisting reactivated persisting"],
    "late": ["new persisting persisting recovered"],
    "split": [
        "new persisting split persisting persisting persisting",
        "split persisting persisting persisting",
    ],
    "merged": ["new persisting merged persisting persisting persisting", "new persisting merged"],
    "flickering": [
        "new merged split merged split persisting",
        "new merged split merged split persisting",
    ],
}


def outline(rng: np.random.Generator, radius_m: float, stretch: float) -> shapely.Polygon:
    """Return an oval around (0, 0) with a wave in it."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radii = radius_m * (1 + 0.12 * np.sin(2 * angles + rng.uniform(0, 6)) * rng.uniform(0.5, 1))
    return shapely.Polygon(
        np.column_stack([radii * np.cos(angles) / stretch, radii * np.sin(angles) * stretch])
    )


def parts_of(shape: shapely.Polygon, scale: float | str) -> list[shapely.Geometry]:
    """Return what is left of a landslide at a scale of its area, or its two parts."""
    if scale == "split":
        west, south, east, north = shape.bounds
        cut = south + 0.4 * (north - south)
        boxes = shapely.box(west, cut + 3, east, north), shapely.box(west, south, east, cut - 3)
        return [shape.intersection(box) for box in boxes]
    if scale == 0:
        return []
    side = float(scale) ** 0.5
    return [affinity.scale(shape, side, side)]


def make_histories(
    folder: Path,
    seed: int,
    *,
    count: int = 300,
    shift_px: float = 0.0,
    noise_m: float = 0.3,
    clouds: float = 0.0,
) -> dict[str, tuple[str, bool]]:
    """Write files of the dates and footprints; return each slide's kind, and if it is seen."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    kinds = [list(LIVES)[number % len(LIVES)] for number in range(count)]
    slides = [
        outline(rng, float(np.clip(rng.lognormal(3.1, 0.5), 10, 70)), rng.uniform(1, 1.5))
        for _ in kinds
    ]
    middles = [
        (EAST + CELL_M * (n % side + 0.5), NORTH + CELL_M * (n // side + 0.5)) for n in range(count)
    ]
    area = shapely.box(EAST, NORTH, EAST + CELL_M * side, NORTH + CELL_M * side)
    hidden = set()
    searched = []
    for position, day in enumerate(DAYS):
        angle = rng.uniform(0, 2 * np.pi)
        shift = shift_px * PIXEL_M * np.array([np.cos(angle), np.sin(angle)]) * (position > 0)
        clear: shapely.Geometry = area
        if clouds and position in (1, 3, 4):
            blobs: list[shapely.Geometry] = []
            while not blobs or shapely.union_all(blobs).area < clouds * area.area:
                place = rng.uniform(0, CELL_M * side, 2)
                radius = rng.uniform(100, 400)
                blobs.append(shapely.Point(EAST + place[0], NORTH + place[1]).buffer(radius))
            clear = area - shapely.union_all(blobs)
        rows = []
        for number, (kind, shape, (x, y)) in enumerate(zip(kinds, slides, middles, strict=True)):
            placed = affinity.translate(shape, x, y)
            if not shapely.covers(clear, placed.buffer(10)):
                hidden.add(number)
            for part, polygon in enumerate(parts_of(shape, LIVES[kind][position])):
                points = shapely.get_coordinates(polygon) + np.array([x, y]) + shift
                points[1:-1] += rng.normal(0, noise_m, points[1:-1].shape)
                drawn = shapely.make_valid(shapely.Polygon(points)).intersection(clear)
                if drawn.area > 20:
                    rows.append((f"{number}-{part}", drawn))
        order = rng.permutation(len(rows))
        frame = geopandas.GeoDataFrame(
            {"slide": [rows[at][0] for at in order]},
            geometry=[rows[at][1] for at in order],
            crs=CRS,
        )
        frame.to_file(folder / f"mapped_{day}.gpkg")
        searched.append(clear)
    geopandas.GeoDataFrame({"date": DAYS}, geometry=searched, crs=CRS).to_file(
        folder / "footprints.gpkg"
    )
    return {str(number): (kind, number not in hidden) for number, kind in enumerate(kinds)}


def track(folder: Path, days: tuple[str, ...] = DAYS, **options: Any) -> landslip.Tracks:
    """Track some dates of `make_histories`."""
    files = [folder / f"mapped_{day}.gpkg" for day in days]
    options = {"footprints": folder / "footprints.gpkg"} | options
    return landslip.track(files, **options)


def right_histories(
    found: landslip.Tracks, truth: dict[str, tuple[str, bool]]
) -> tuple[Counter[str], Counter[str]]:
    """Count slides by kind, and those whose histories (states on all dates) are right.

    Where clouds hide one, what is right is that nothing was called recovered or new but what was,
    and that one id goes through.
    """
    rows = found.landslides
    seen = rows[rows["track_observed"]].copy()
    seen["number"] = seen["slide"].str.partition("-")[0]
    states = found.tracks.set_index("track_id")["states"].str.replace(", ", " ")
    total, right = Counter[str](), Counter[str]()
    for number, ids in seen.groupby("number")["track_id"]:
        kind, visible = truth[number]
        name = kind if visible else "partly hidden"
        total[name] += 1
        if visible:
            right[name] += sorted(states[[*{*ids}]]) == sorted(EXPECTED[kind])
        else:
            own = [set(one.split()) for one in states[[*{*ids}]].str.replace("not observed", "")]
            may_recover = 0 in LIVES[kind]
            right[name] += len({*ids}) == len(EXPECTED[kind]) and (
                may_recover or not any("recovered" in one for one in own)
            )
    return total, right


def ids_of(found: landslip.Tracks) -> dict[tuple[str, str], str]:
    """Return the id of each polygon's history."""
    rows = found.landslides
    rows = rows[rows["track_observed"]]
    keys = zip(rows["slide"], rows["track_date"], strict=True)
    return dict(zip(keys, rows["track_id"], strict=True))


def synthetic(seeds: int) -> None:
    """Print the share of histories that are right, and how many ids stay."""
    cases: dict[str, dict[str, Any]] = {
        "exact": {},
        "1 px": {"shift_px": 1.0},
        "2 px": {"shift_px": 2.0},
        "3 px": {"shift_px": 3.0},
        "outlines noisy by 1 m": {"noise_m": 1.0},
        "clouds over a third of 3 dates": {"clouds": 0.33},
        "3 px and clouds": {"clouds": 0.33, "shift_px": 3.0},
    }
    print("| case | histories right | of them | by kind, where not all |\n|---|---|---|---|")
    for name, options in cases.items():
        total, right = Counter[str](), Counter[str]()
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                truth = make_histories(Path(folder), seed, **options)
                for counter, counts in zip(
                    (total, right), right_histories(track(Path(folder)), truth), strict=True
                ):
                    counter.update(counts)
        wrong = ", ".join(
            f"{kind} {right[kind]}/{total[kind]}" for kind in total if right[kind] < total[kind]
        )
        share = right.total() / total.total()
        print(f"| {name} | {share:.1%} | {total.total()} | {wrong} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        make_histories(Path(folder), 0, clouds=0.33, shift_px=2.0)
        whole = ids_of(track(Path(folder)))
        turned = ids_of(track(Path(folder), DAYS[::-1]))
        shorter = ids_of(track(Path(folder), DAYS[:4]))
        later = ids_of(track(Path(folder), DAYS[1:]))
        track(Path(folder), DAYS[1:], out=Path(folder) / "later")
        carried = ids_of(track(Path(folder), previous=Path(folder) / "later"))
    for name, others, ids in (
        ("inputs in another order", turned, whole),
        ("two dates added later", shorter, whole),
        ("an earlier date added", later, whole),
        ("the same with --previous", later, carried),
    ):
        same = sum(ids[key] == value for key, value in others.items())
        print(f"ids, {name}: {same} of {len(others)} polygons keep theirs")


def speed(count: int, dates: int) -> None:
    """Track many polygons at the same places, and at others on each date, in this process."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radii = rng.lognormal(3, 0.6, count)
    for name in ("same places", "other places"):
        with tempfile.TemporaryDirectory() as folder:
            middles = rng.uniform(0, 40_000, (count, 2))
            files = []
            for number in range(dates):
                if name == "other places":
                    middles = rng.uniform(0, 40_000, (count, 2))
                reach = radii[:, None] * (1 + 0.1 * rng.standard_normal((count, 40)))
                rings = np.stack([reach * np.cos(angles), 1.5 * reach * np.sin(angles)], axis=-1)
                outlines = shapely.polygons(rings + middles[:, None] + np.array([EAST, NORTH]))
                files.append(Path(folder) / f"mapped_{2010 + number}.gpkg")
                frame = geopandas.GeoDataFrame({"n": np.arange(count)}, geometry=outlines, crs=CRS)
                frame.to_file(files[-1])
            start, used = time.perf_counter(), time.process_time()
            found = landslip.track(files)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
            print(
                f"{dates} x {count:,} polygons, {name}: {found.record.tracks:,} histories, "
                f"{time.perf_counter() - start:.0f} s ({time.process_time() - used:.0f} s of CPU), "
                f"peak {peak:.2f} GiB",
                flush=True,
            )
            start, used = time.perf_counter(), time.process_time()
            page = found.report()
            print(
                f"its page: {page.stat().st_size / 1e6:.1f} MB in "
                f"{time.perf_counter() - start:.0f} s ({time.process_time() - used:.0f} s of CPU)",
                flush=True,
            )


def real(data: Path) -> None:
    """Print the states of real inventories."""
    for name, file, date_column in (
        ("Balakot", "balakot/landslides.shp", "Year_obs"),
        ("Wenchuan", "inventories_wenchuan/wenchuan_predicted.gpkg", None),
    ):
        found = landslip.track(data / file, date_column=date_column)
        sightings = Counter(found.tracks["sightings"])
        print(f"{name}: {found.record.tracks:,} histories; by dates with a polygon {sightings}")
        print("| date | polygons | states |\n|---|---|---|")
        for one in found.record.dates:
            states = ", ".join(f"{count:,} {state}" for state, count in one.states.items())
            print(f"| {one.stated} | {one.polygons:,} | {states} |")


TERRAIN = {
    "slope, degrees": "slope_deg",
    "lowest point, m": "elevation_min_m",
    "relief, m": "elevation_range_m",
    "fall over reach": "h_over_l",
    "under 3 pixels of the DEM": "dem_coarse",
}


def quartiles(values: "pd.Series[float]") -> str:
    """Return median and quartiles as text."""
    low, middle, high = values.astype(float).quantile((0.25, 0.5, 0.75))
    digits = 2 if high < 10 else 0
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def mean_aspect(aspect_deg: "pd.Series[float]") -> str:
    """Return the mean direction and the length of the mean vector (0: all directions alike)."""
    mean = np.exp(1j * np.radians(aspect_deg.dropna().to_numpy(dtype=float))).mean()
    return f"{np.degrees(np.angle(mean)) % 360:.0f} ({abs(mean):.2f})"


def ground_between(outlines: Any, crs: Any, dem: Path) -> pd.DataFrame:
    """Return slope, aspect and height of 20,000 random points in the hull of all landslides."""
    hull = shapely.convex_hull(shapely.union_all(shapely.centroid(outlines)))
    west, south, east, north = hull.bounds
    drawn = np.random.default_rng(0).uniform((west, south), (east, north), (40_000, 2))
    points = drawn[shapely.contains_xy(hull, *drawn.T)][:20_000]
    with ElevationModel(dem) as model:
        heights, gradients = model.sample(points, crs)
    steepness = np.hypot(*gradients.T)
    return pd.DataFrame(
        {
            "slope_deg": np.degrees(np.arctan(steepness)),
            "aspect_deg": azimuths_deg(-gradients),
            "elevation_min_m": heights,
        }
    )


def terrain(folder: Path, dem: Path, picture: Path | None) -> None:
    """Print attributes of terrain by date of first sighting, beside the ground between them."""
    rows = landslip.open_tracks(folder).landslides
    first = rows[rows["state"] == "new"]
    ground = ground_between(first.geometry.values, first.crs, dem)
    names = ["date", "new", "area, km2", "median area, m2", "aspect (length)", *TERRAIN]
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for date, of in [*first.groupby("track_date"), ("all", first), ("ground", ground)]:
        cells = [str(date), f"{len(of):,}"]
        if "track_area_m2" in of:
            cells += [
                f"{of['track_area_m2'].sum() / 1e6:.2f}",
                f"{of['track_area_m2'].median():.0f}",
            ]
        else:
            cells += ["", ""]
        cells.append(mean_aspect(of["aspect_deg"]))
        for column in TERRAIN.values():
            if column not in of:
                cells.append("")
            elif column == "dem_coarse":
                cells.append(f"{of[column].astype(float).mean():.0%}")
            else:
                cells.append(quartiles(of[column]))
        print("| " + " | ".join(cells) + " |")
    if picture is not None:
        draw_terrain(first, ground, dem, picture)


def draw_terrain(
    first: geopandas.GeoDataFrame, ground: pd.DataFrame, dem: Path, path: Path
) -> None:
    """Draw landslides by date over shaded relief, and their slopes and heights."""
    mpl.use("Agg")
    figure, axes = plt.subplot_mosaic(
        [["place", "slope"], ["place", "height"]],
        figsize=(12, 7.6),
        width_ratios=(1.25, 1),
        layout="constrained",
    )
    place = axes["place"]
    with rasterio.open(dem) as file:
        west, south, east, north = file.bounds
        heights = file.read(1, masked=True).filled(np.nan)
        pixel_m = file.res[0]
    shade = LightSource(315, 45).hillshade(heights, dx=pixel_m, dy=pixel_m, vert_exag=1)
    extent = (west, east, south, north)
    place.imshow(shade, cmap="gray", extent=extent, alpha=0.6)
    dates = sorted(first["track_date"].unique())
    shades = mpl.colormaps["turbo"](np.linspace(0.02, 0.98, len(dates)))
    colours = dict(zip(dates, shades, strict=True))
    for date in sorted(dates, key=lambda one: -(first["track_date"] == one).sum()):
        of = first[first["track_date"] == date]
        middles = of.geometry.centroid
        size = np.maximum(of.geometry.area / 600, 2)
        place.scatter(middles.x, middles.y, s=size, color=colours[date], lw=0)
    for date in dates:
        count = (first["track_date"] == date).sum()
        place.scatter([], [], s=30, color=colours[date], label=f"{date}: {count:,}")
    place.legend(loc="upper left", fontsize=8, framealpha=0.9)
    place.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[])
    for axis, column, label, bins in zip(
        (axes["slope"], axes["height"]),
        ("slope_deg", "elevation_min_m"),
        ("slope, degrees", "height of the lowest point, m"),
        ([*range(0, 61, 3)], [*range(750, 4300, 150)]),
        strict=True,
    ):
        axis.hist(ground[column], bins, density=True, color="0.85", label="ground between them")
        for date in dates:
            of = first[first["track_date"] == date]
            if len(of) > 100:
                axis.hist(
                    of[column].dropna(), bins, density=True, histtype="step", color=colours[date],
                    lw=1.5, label=date,
                )  # fmt: skip
        axis.set(xlabel=label, yticks=[])
    axes["slope"].legend(fontsize=8)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def seen_ground(folder: Path) -> geopandas.GeoDataFrame:
    """Return what the scenes of a synthetic series show, without clouds and shadows."""
    parts = []
    for file in sorted(folder.glob("quality_*.tif")):
        day = pd.Timestamp(file.stem.partition("_")[2]).date().isoformat()
        with rasterio.open(file) as quality:
            seen, crs = quality.read(1) == 0, quality.crs
            found = shapes(seen.astype(np.uint8), mask=seen, transform=quality.transform)
            parts += [(day, shapely.geometry.shape(ground)) for ground, _ in found]
    days, ground = zip(*parts, strict=True)
    return geopandas.GeoDataFrame({"date": days}, geometry=[*ground], crs=crs)


def series(folder: Path) -> None:
    """Track what a perfect mapper draws on a synthetic series, and compare with its truth."""
    truth = geopandas.read_file(folder / "histories.gpkg")
    searched = folder / "searched.gpkg"
    seen_ground(folder).to_file(searched)
    drawn = [
        np.array(one["conditions"]["shift_px"]) * (PIXEL_M, -PIXEL_M)
        for one in json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    ]
    for footprints in (folder / "footprints.gpkg", searched):
        tracks = landslip.track(sorted(folder.glob("mapped_*.gpkg")), footprints=footprints)
        rows = tracks.landslides.assign(date=lambda one: one["date"].astype(str))
        seen = rows[rows["track_observed"]]
        one_id = (seen.groupby("id")["track_id"].nunique() == 1).sum()
        alone = (seen.groupby("track_id")["id"].nunique() == 1).sum()
        print(f"{footprints.name}: {one_id} of {seen['id'].nunique()} landslides have one id,")
        print(f"  {alone} of {seen['track_id'].nunique()} ids are of one landslide")
        both = rows.merge(truth, on=["id", "date"], suffixes=("", "_true"))
        mapped = both[both["track_observed"]]
        print(pd.crosstab(mapped["event"], mapped["state"]).to_string())
        gone = both[~both["track_observed"]]
        print(pd.crosstab([gone["observed"], gone["state_true"]], gone["state"]).to_string())
    for one, shift in zip(tracks.record.dates, drawn, strict=True):
        found, true = one.displacement, shift - drawn[1]  # the first date has one landslide
        print(
            f"  {one.stated}: {found.x_m:+.2f}, {found.y_m:+.2f} m measured on {found.pairs}, "
            f"{true[0]:+.2f}, {true[1]:+.2f} m drawn"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("synthetic", "series", "speed", "real", "terrain"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--dates", type=int, default=8)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--dem", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    if given.part == "synthetic":
        synthetic(given.seeds)
    elif given.part == "speed":
        speed(given.count, given.dates)
    elif given.part == "series":
        series(given.data)
    elif given.part == "terrain":
        terrain(given.data, given.dem, given.picture)
    else:
        real(given.data)
