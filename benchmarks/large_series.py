"""Memory and time of `landslip states` and `landslip recovery` on large series.

    landslip synthetic --preset recovery --no-products --seed 3 --out SYNTHETIC
    landslip series SYNTHETIC/scene_*.tif --out SERIES
    python benchmarks/states.py SYNTHETIC SERIES --work MAPS --maps-only
    python benchmarks/large_series.py SERIES SYNTHETIC/landslides_20171003.gpkg --maps MAPS \
        --sides 2048 4096 --work FOLDER

The ground of a series, its maps of probabilities and its landslides are repeated to squares of so
many pixels a side.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import geopandas
import pandas as pd

from inventory_speed import Cost, landslip
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY
from landslip.multitemporal.recovery.record import RECORD as RECOVERY_RECORD
from landslip.multitemporal.series.card import CARD
from landslip.multitemporal.series.folder import open_series
from landslip.multitemporal.states.record import RECORD as STATES_RECORD
from series import repeated
from states import PRIOR, TRIGGERS

FAILED = "2017-08-08"


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeInputs:
    """What both commands are given: a series, landslides, and ``DATE=FOLDER`` of each map."""

    series: Path
    landslides: Path
    maps: list[str]


def make_large(series: Path, landslides: Path, maps: Path, folder: Path, side: int) -> LargeInputs:
    """Repeat everything to a square of ``side`` pixels."""
    return LargeInputs(
        series=large_series(series, folder / "SERIES", side),
        landslides=large_landslides(landslides, series, folder / "landslides.gpkg", side),
        maps=[
            f"{one.name.partition('_')[2]}={large_map(one, folder / one.name, side)}"
            for one in sorted(maps.glob("map_*"))
        ],
    )


def large_series(source: Path, out: Path, side: int) -> Path:
    """Write a series of repeated ground."""
    out.mkdir()
    card = json.loads((source / CARD).read_text(encoding="utf-8"))
    for one in card["dates"]:
        for name in (one["scene"], one["validity"]):
            repeated(source / name, out / name, side)
    text = json.dumps(card | {"shape": [side, side]})
    (out / CARD).write_text(text, encoding="utf-8")
    return out


def large_map(source: Path, out: Path, side: int) -> Path:
    """Write the folder of an extraction with repeated probabilities."""
    out.mkdir()
    repeated(source / PROBABILITY, out / PROBABILITY, side)
    summary = json.loads((source / SUMMARY).read_text(encoding="utf-8"))
    text = json.dumps(summary | {"width": side, "height": side})
    (out / SUMMARY).write_text(text, encoding="utf-8")
    return out


def large_landslides(source: Path, series: Path, out: Path, side: int) -> Path:
    """Write the landslides of repeated ground."""
    with open_series(series) as opened:
        step, (height, width) = opened.grid.resolution_m or 1.0, opened.grid.shape
    frame = geopandas.read_file(source)
    copies = [
        frame.set_geometry(frame.geometry.translate(col * width * step, -row * height * step))
        for row in range(-(-side // height))
        for col in range(-(-side // width))
    ]
    together = pd.concat([one[["geometry"]] for one in copies], ignore_index=True)
    geopandas.GeoDataFrame(together, crs=frame.crs).to_file(out, layer="landslides")
    return out


def cells(cost: Cost, record: Path, mpix: float) -> str:
    """Return the cells of a row; a command's own record knows its memory."""
    peak_mb = json.loads(record.read_text(encoding="utf-8"))["memory_peak_mb"]
    return f"{peak_mb} | {cost.cpu_s:.0f} | {cost.cpu_s / mpix:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=Path)
    parser.add_argument("landslides", type=Path)
    parser.add_argument("--maps", type=Path, required=True)
    parser.add_argument("--sides", type=int, nargs="+", default=[2048, 4096])
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    print("| px a date | command | peak memory, MiB | processor seconds | a MPix |")
    print("|---|---|---|---|---|", flush=True)
    for side in options.sides:
        with tempfile.TemporaryDirectory(dir=options.work) as name:
            folder, mpix = Path(name), side**2 / 1e6
            made = make_large(options.series, options.landslides, options.maps, folder, side)
            size, out = f"{side} x {side}", folder / "RECOVERY"
            how = ("--failed", FAILED, "--series", made.series, "--out", out)
            cost = landslip("recovery", made.landslides, *how)
            shown = cells(cost, out / RECOVERY_RECORD, mpix)
            print(f"| {size} | recovery | {shown}", flush=True)
            maps, out = [word for one in made.maps for word in ("--maps", one)], folder / "STATES"
            known = ("--prior", PRIOR, "--triggers", TRIGGERS, "--out", out)
            cost = landslip("states", made.series, *maps, *known)
            shown = cells(cost, out / STATES_RECORD, mpix)
            print(f"| {size} | states | {shown}", flush=True)


if __name__ == "__main__":
    main()
