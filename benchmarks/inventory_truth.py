"""How well attributes and confidence of an inventory fit those of the truth, as Markdown tables.

    python benchmarks/inventory_truth.py INVENTORY TRUTH COMPARED --area AREA.gpkg

INVENTORY and TRUTH are folders of `landslip inventory` (TRUTH that of the known outlines, over the
same elevation model), COMPARED is what `landslip compare INVENTORY TRUTH --area AREA.gpkg` wrote.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inventory.comparison.result import LAYERS
from landslip.inventory.fields import FIELDS_BY_NAME
from landslip.inventory.record import GEOPACKAGE, LANDSLIDES

ATTRIBUTES = (
    *("area_m2", "surface_m2", "perimeter_m", "length_m", "width_m", "elongation", "slope_deg"),
    *("aspect_deg", "elevation_range_m", "runout_m", "h_over_l"),
)
CONFIDENCES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("inventory", "truth", "compared"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--area", type=Path, required=True, help="polygons where truth is whole")
    given = parser.parse_args()
    inventory, truth = (landslides(folder) for folder in (given.inventory, given.truth))
    pairs = geopandas.read_file(given.compared / LAYERS, layer="matched")
    print_attributes(inventory.loc[pairs["inventory_id"]], truth.loc[pairs["reference_id"]])
    area = geopandas.read_file(given.area).to_crs(inventory.crs).union_all()
    inside = inventory[shapely.within(np.asarray(inventory.geometry.values), area)]
    print_confidence(inside, truth)


def landslides(folder: Path) -> geopandas.GeoDataFrame:
    """Return the landslides of an inventory by number."""
    return geopandas.read_file(folder / GEOPACKAGE, layer=LANDSLIDES).set_index("id")


def print_attributes(found: geopandas.GeoDataFrame, true: geopandas.GeoDataFrame) -> None:
    """Print differences of matched landslides, row by row of one of the other."""
    print(f"{len(found)} pairs; inventory minus truth\n")
    print("| attribute | median of the true ones | median difference | middle 80 % |")
    print("|---|---|---|---|")
    for name in ATTRIBUTES:
        difference = found[name].to_numpy() - true[name].to_numpy()
        if name == "aspect_deg":
            difference = (difference + 180) % 360 - 180
        low, middle, high = np.nanpercentile(difference, (10, 50, 90))
        field, usual = FIELDS_BY_NAME[name], float(np.nanmedian(true[name]))
        print(
            f"| {field.english}, {field.unit or '1'} | {usual:.2f} | {middle:.2f} | "
            f"{low:.2f} to {high:.2f} |"
        )


def print_confidence(inside: geopandas.GeoDataFrame, truth: geopandas.GeoDataFrame) -> None:
    """Print how much of the landslides' area is true, by confidence."""
    known = shapely.union_all(shapely.make_valid(np.asarray(truth.geometry.values)))
    outlines = np.asarray(inside.geometry.values)
    area = shapely.area(outlines)
    right = shapely.area(shapely.intersection(outlines, known))
    confidence = inside["confidence"].to_numpy()
    print("\n| confidence | landslides | median area, m² | mean, by area | right | half true |")
    print("|---|---|---|---|---|---|")
    classes = np.digitize(confidence, CONFIDENCES[1:-1])
    for at, (low, high) in enumerate(pairwise(CONFIDENCES)):
        chosen = classes == at
        if chosen.any():
            print(_line(f"{low:g} to {high:g}", area[chosen], right[chosen], confidence[chosen]))
    print(_line("all", area, right, confidence))
    small = area < 400
    print(f"\nunder 400 m²: {_line('', area[small], right[small], confidence[small])}")


def _line(
    name: str,
    area: NDArray[np.float64],
    right: NDArray[np.float64],
    confidence: NDArray[np.float64],
) -> str:
    half = float(np.mean(right >= 0.5 * area))
    mean = float(np.average(confidence, weights=area))
    share = right.sum() / area.sum()
    middle = np.median(area)
    return f"| {name} | {len(area)} | {middle:,.0f} | {mean:.3f} | {share:.3f} | {half:.1%} |"


if __name__ == "__main__":
    main()
