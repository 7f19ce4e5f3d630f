"""Measures a synthetic series: sizes against their law, touching landslides, clouds, seasons.

    python benchmarks/synthetic_series.py SERIES [--picture PICTURE.png]

SERIES is a folder of `landslip synthetic --preset recovery`. The law is fitted to the areas of
first failures; a picture shows all scenes in natural colours, two pixels as one.
"""

import argparse
from datetime import date
from pathlib import Path

import cv2
import geopandas
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from landslip.inventory.statistics.inverse_gamma import (
    count_areas,
    fit_inverse_gamma,
    usable_areas,
)
from landslip.metrics.inverse_gamma import MALAMUD_2004, InverseGamma
from landslip.synthetic.history_table import STATES
from landslip.synthetic.observation import PixelQuality

OLD_LEAST_M2 = 1_200.0
WHITE, GAMMA, COLUMNS = 0.22, 1.8, 3


def main() -> None:
    """Print the tables and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    histories = geopandas.read_file(options.series / "histories.gpkg")
    print_sizes(histories)
    print("date       states v/f/rec/red      new  enl  rea  obs   touch overlap least_m2")
    for day, rows in histories.groupby("date"):
        print_landslides(date.fromisoformat(day), rows)
    print("date       outside cloud c.shadow t.shadow  ndvi vegetated/fresh/recovering/recovered")
    days = [day.replace("-", "") for day in sorted(histories.date.unique())]
    scenes = [print_pixels(options.series, day) for day in days]
    if options.picture:
        rows = [np.hstack(scenes[at : at + COLUMNS]) for at in range(0, len(scenes), COLUMNS)]
        cv2.imwrite(str(options.picture), np.vstack(rows))


def print_sizes(histories: geopandas.GeoDataFrame) -> None:
    """Print the law of first failures: of slopes that have not failed yet, or fail just now."""
    first = histories[(histories.state == "vegetated")].drop_duplicates("id")
    areas = usable_areas(first.area_m2)
    found = fit_inverse_gamma(count_areas(areas)).distribution
    for name, law in (("law", MALAMUD_2004), ("fit", found)):
        print(f"{name}: rho {law.rho:.2f}, rollover {law.rollover_m2:.0f} m2, ", end="")
        print(f"over 3000 m2 {fraction_over(law, 3000):.2f}")
    small, expected = (areas < OLD_LEAST_M2).mean(), 1 - fraction_over(MALAMUD_2004, OLD_LEAST_M2)
    print(f"{len(areas)} first failures, {areas[0]:.0f} to {areas[-1]:.0f} m2, ", end="")
    print(f"{small:.0%} under {OLD_LEAST_M2:.0f} m2 (law {expected:.0%})")


def fraction_over(law: InverseGamma, area_m2: float) -> float:
    """Return the share of landslides over an area, of those over 16 m2."""
    over = law.fraction_over(np.array([area_m2, 16.0]))
    return float(over[0] / over[1])


def print_landslides(day: date, rows: geopandas.GeoDataFrame) -> None:
    """Print how many there are in each state, what happened, and which of the bare ones touch."""
    states = [int((rows.state == state).sum()) for state in STATES]
    events = [int((rows.event == event).sum()) for event in ("new", "enlarged", "reactivated")]
    bare = rows[rows.state.isin(["fresh", "recovering"])]
    outlines = bare.geometry.to_numpy()
    one, other = shapely.STRtree(outlines).query(outlines, "dwithin", distance=2.0)
    pairs = np.column_stack([one, other])[one < other]
    overlaps = shapely.area(shapely.intersection(outlines[pairs[:, 0]], outlines[pairs[:, 1]]))
    least = f"{bare.area_m2.min():.0f}" if len(bare) else "-"
    print(f"{day} {'/'.join(map(str, states)):20} ", *(f"{one:4}" for one in events), end="")
    print(f"  {rows['observed'].mean():.2f} {len(pairs):6} {(overlaps > 4).sum():7} {least:>8}")


def print_pixels(series: Path, day: str) -> NDArray[np.uint8]:
    """Print what is seen of a scene and its vegetation index by state; return its picture."""
    with rasterio.open(series / f"scene_{day}.tif") as file:
        scene = file.read().astype(np.float32) / 10_000
    with rasterio.open(series / f"quality_{day}.tif") as file:
        quality = file.read(1)
    with rasterio.open(series / f"states_{day}.tif") as file:
        states = file.read(1)
    index = (scene[3] - scene[2]) / np.maximum(scene[3] + scene[2], 1e-6)
    shares = [(quality == kind).mean() for kind in PixelQuality if kind is not PixelQuality.GROUND]
    medians = [
        np.median(index[chosen]) if chosen.any() else np.nan
        for chosen in ((states == code) & (quality == 0) for code in range(len(STATES)))
    ]
    print(day, *(f"{share:8.3f}" for share in shares), "   ", *(f"{one:6.2f}" for one in medians))
    bright = (np.clip(scene[:3] / WHITE, 0, 1) ** (1 / GAMMA) * 255).astype(np.uint8)
    natural = np.moveaxis(bright, 0, 2)
    half = cv2.resize(natural, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)


if __name__ == "__main__":
    main()
