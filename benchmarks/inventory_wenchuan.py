"""Inventories of many years: statistics, run time, reports, and overlap of consecutive years.

    python benchmarks/inventory_wenchuan.py INVENTORIES.gpkg --out FOLDER [--seed 0]

Each layer of the GeoPackage (one a year) goes through `landslip inventory` and `landslip report`,
and `landslip compare` with the layer before it as the reference. The minimum mapping unit is taken
from the data: the greatest multiple of 50 m² under which fewer than 1 % of a layer's polygons are.
The last layer's report is made in Chinese too. Prints tables; the results stay in FOLDER.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pyogrio

from extract_parts.page import environment_lines
from inventory_speed import Cost, landslip
from landslip.inventory.comparison.result import COMPARISON, InventoryComparison
from landslip.inventory.record import REPORT, STATISTICS
from landslip.inventory.statistics.result import InventoryStatistics
from landslip.metrics.bootstrap import IntervalEstimate

HEADER = """| year | landslides | area, km² | mL by number | mL by large ones | rho | a, m² \
| s, m² | rollover, m² | power law exponent | from, m² |
|---|---|---|---|---|---|---|---|---|---|---|"""
COST_HEADER = """| year | inventory, s | peak MB | report, s | page, MB | compare, s |
|---|---|---|---|---|---|"""
COMPARED_HEADER = """| year | against | shared, km² | share of the year in the earlier one \
| share of the earlier one still there | IoU | of the earlier one's landslides half is there |
|---|---|---|---|---|---|---|"""


def main() -> None:
    """Run the commands and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    years = sorted(str(name) for name, _ in pyogrio.list_layers(options.file))
    costs: dict[str, list[Cost]] = {}
    for year in years:
        costs[year] = made(options.file, year, options.out, options.seed)
    zh = options.out / "zh.html"
    landslip("report", options.out / years[-1], "--lang", "zh", "--out", zh, "--overwrite")
    pairs = list(itertools.pairwise(years))
    for before, year in pairs:
        costs[year].append(compared(options.out, year, before, options.seed))
    print("\n".join(environment_lines(options.seed)), "", HEADER, sep="\n")
    for year in years:
        print(statistics_row(options.out / year, year))
    print("", COMPARED_HEADER, sep="\n")
    for before, year in pairs:
        print(compared_row(options.out, year, before))
    print("\nSeconds passed (seconds of processor time).", "", COST_HEADER, sep="\n")
    for year in years:
        print(cost_row(options.out / year, year, costs[year]))


def made(file: Path, year: str, out: Path, seed: int) -> list[Cost]:
    """Make the inventory of a year and its page."""
    least_m2 = least_area_m2(file, year)
    inventory = landslip(
        *("inventory", file, "--layer", year, "--out", out / year, "--overwrite"),
        *("--min-area", least_m2, "--seed", seed),
    )
    return [inventory, landslip("report", out / year)]


def least_area_m2(file: Path, year: str) -> float:
    """Return the least area that somebody kept."""
    areas_m2 = pyogrio.read_dataframe(file, layer=year).geometry.area
    return 50 * float(np.quantile(areas_m2, 0.01) // 50)


def compared(out: Path, year: str, before: str, seed: int) -> Cost:
    """Compare a year with the one before."""
    into = ("--out", out / f"{year}_{before}", "--overwrite", "--seed", seed)
    return landslip("compare", out / year, out / before, *into)


def statistics_row(folder: Path, year: str) -> str:
    """Return a year's figures as a row."""
    text = (folder / STATISTICS).read_text(encoding="utf-8")
    found = InventoryStatistics.model_validate_json(text)
    if found.area_frequency is None or found.magnitude is None or found.area_m2 is None:
        raise SystemExit(f"{folder}: no landslides")
    gamma, tail = found.area_frequency.inverse_gamma, found.area_frequency.power_law
    cells = [
        year.removeprefix("y"),
        f"{found.landslides:,}",
        f"{found.area_m2 / 1e6:.2f}",
        f"{found.magnitude.from_count:.2f}",
        interval(found.magnitude.from_large, 2),
        *(
            ["", "", "", ""]
            if gamma is None
            else [
                interval(gamma.rho, 2),
                interval(gamma.a_m2, 0),
                interval(gamma.s_m2, 0),
                interval(gamma.rollover_m2, 0),
            ]
        ),
        *(
            ["", ""]
            if tail is None
            else [
                interval(tail.exponent, 2),
                interval(tail.from_m2, 0),
            ]
        ),
    ]
    return f"| {' | '.join(cells)} |"


def interval(one: IntervalEstimate | None, digits: int) -> str:
    """Write an estimate with its interval."""
    if one is None or one.value is None:
        return "none"
    text = f"{one.value:,.{digits}f}"
    if one.low is None or one.high is None:
        return text
    return f"{text} ({one.low:,.{digits}f} to {one.high:,.{digits}f})"


def compared_row(out: Path, year: str, before: str) -> str:
    """Return the agreement of two years as a row."""
    text = (out / f"{year}_{before}" / COMPARISON).read_text(encoding="utf-8")
    found = InventoryComparison.model_validate_json(text)
    shared_m2 = found.areas.shared_m2 or 0.0
    cells = [
        year.removeprefix("y"),
        before.removeprefix("y"),
        f"{shared_m2 / 1e6:.2f}",
        percent(found.areas.precision),
        percent(found.areas.recall),
        percent(found.areas.iou),
        percent(found.landslides.detection_rate),
    ]
    return f"| {' | '.join(cells)} |"


def percent(one: IntervalEstimate) -> str:
    """Write a share with its interval."""
    if one.value is None or one.low is None or one.high is None:
        return "none"
    return f"{100 * one.value:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"


def cost_row(folder: Path, year: str, costs: list[Cost]) -> str:
    """Return what a year took as a row."""
    page_mb = (folder / REPORT).stat().st_size / 1e6
    inventory, report, *compare = costs
    cells = [
        year.removeprefix("y"),
        str(inventory),
        f"{inventory.peak_mb:.0f}",
        str(report),
        f"{page_mb:.2f}",
        "".join(str(one) for one in compare),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
