"""Whether the fits of area recover the distributions of simulated inventories.

    python benchmarks/area_frequency.py [--inventories 500] [--draws 200] [--out table.json]
        [--picture docs/images/area_frequency.png]
    python benchmarks/area_frequency.py --layers INVENTORIES.gpkg [--draws 500] [--picture FILE]
    python benchmarks/area_frequency.py --layers LANDSLIDES.shp --by COLUMN [--draws 500]

With ``--layers`` the layers of a file of polygons, or the values of a column, are fitted instead,
each an inventory, and shown with their fits; the minimum mapping unit of each is taken to be the
greatest multiple of 50 m² under which fewer than 1 % of its landslides are.

Inventories of 500 and 2,000 landslides are drawn from the standard inverse gamma distribution
(Malamud et al. 2004), complete and without the landslides under 100 and 400 m², and from a power
law of exponent 2.4 above 1,000 m² with fewer and fewer landslides below (Clauset et al. 2009,
equation 3.10). Each is fitted with its minimum mapping unit known. Bias is that of the mean of the
estimates; coverage is how many of the 95 % bootstrap intervals contain the truth, for percentile
and for bias-corrected and accelerated (BCa) intervals.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyogrio
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from landslip.inventory.statistics.area_frequency import (
    bootstrap_power_law,
    fit_power_law,
    power_law_p_value,
)
from landslip.inventory.statistics.inverse_gamma import (
    CountedAreas,
    count_areas,
    fit_inverse_gamma,
    fit_inverse_gamma_many,
    usable_areas,
)
from landslip.inventory.statistics.result import InventoryStatistics
from landslip.inventory.statistics.summary import StatisticsRequest, statistics_of
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.metrics.inverse_gamma import MALAMUD_2004, InverseGamma

LEVEL, GROUPS = 0.95, 40
EXPONENT, FROM_M2 = 2.4, 1_000.0

Array = NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Of one inventory and parameter: estimate, and the two intervals."""

    value: float
    percentile: tuple[float, float]
    bca: tuple[float, float]


def main() -> None:
    """Simulate, print the table, write it and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inventories", type=int, default=500)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--layers", type=Path)
    parser.add_argument("--by", help="column that divides the polygons, instead of layers")
    options = parser.parse_args()
    if options.layers is not None:
        fit_layers(read_layers(options.layers, options.by), options.draws, options.picture)
        return
    started = time.process_time()
    rows = []
    print(
        "| drawn from | landslides | least m² | parameter | truth | mean | bias | median | "
        "coverage, percentile | coverage, BCa |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for landslides in (500, 2000):
        for least_m2 in (0.0, 100.0, 400.0):
            rows += gamma_rows(landslides, least_m2, options.inventories, options.draws)
        rows += tail_rows(landslides, options.inventories, options.draws)
    if options.out is not None:
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if options.picture is not None:
        picture(rows, options.picture)
    print(f"\nCPU time: {time.process_time() - started:.0f} s")


def gamma_rows(landslides: int, least_m2: float, inventories: int, draws: int) -> list[Row]:
    """Fit inverse gammas and return rows of the table."""
    truth = {
        "rho": MALAMUD_2004.rho,
        "a_m2": MALAMUD_2004.a_m2,
        "s_m2": MALAMUD_2004.s_m2,
        "rollover_m2": MALAMUD_2004.rollover_m2,
    }
    runs: dict[str, list[Run]] = {name: [] for name in truth}
    for number in range(inventories):
        generator = np.random.default_rng([number, landslides, int(least_m2)])
        areas = count_areas(np.sort(MALAMUD_2004.sample(landslides, generator, least_m2)))
        found = fit_inverse_gamma(areas, least_m2).distribution
        value = np.array([found.rho, found.a_m2, found.s_m2, found.rollover_m2])
        drawn = with_rollover(
            fit_inverse_gamma_many(areas, areas.resampled(draws, generator), least_m2)
        )
        groups = without_groups(areas, generator)
        left_out = with_rollover(fit_inverse_gamma_many(areas, groups, least_m2))
        for at, name in enumerate(truth):
            runs[name].append(run(value[at], drawn[:, at], left_out[:, at]))
    return [row("inverse gamma", landslides, least_m2, (n, truth[n]), runs[n]) for n in truth]


def tail_rows(landslides: int, inventories: int, draws: int) -> list[Row]:
    """Fit power laws and return rows of the table, and how often p is under 0.1."""
    runs: list[Run] = []
    rejected = tested = 0
    for number in range(inventories):
        generator = np.random.default_rng([number, landslides, 1])
        areas = np.sort(with_tail(landslides, generator))
        found = fit_power_law(areas)
        if found is None:
            continue
        drawn = bootstrap_power_law(areas, draws, generator)[:, 0]
        group = generator.permutation(landslides) % GROUPS
        rest = [fit_power_law(areas[group != out]) for out in range(GROUPS)]
        left_out = np.array([np.nan if one is None else one.exponent for one in rest])
        runs.append(run(found.exponent, drawn, left_out))
        if number % 5 == 0:
            tested += 1
            rejected += power_law_p_value(areas, found, 50, generator) < 0.1
    rows = [row("power law", landslides, 0.0, ("exponent", EXPONENT), runs)]
    print(f"| power law | {landslides} | | p < 0.1 | 10 % | {rejected / tested:.0%} | | | | |")
    return [
        *rows,
        {
            "drawn_from": "power law",
            "landslides": landslides,
            "rejected": rejected,
            "tested": tested,
        },
    ]


def with_tail(landslides: int, generator: np.random.Generator) -> Array:
    """Draw areas of Clauset's test: exp(-exponent (A / from - 1)) joined to a power law."""
    below, above = (np.exp(EXPONENT) - 1) / EXPONENT, 1 / (EXPONENT - 1)
    tail = int(generator.binomial(landslides, above / (below + above)))
    u = generator.uniform(size=landslides - tail)
    body = 1 - np.log(1 + u * (np.exp(EXPONENT) - 1)) / EXPONENT
    large = generator.uniform(size=tail) ** (-1 / (EXPONENT - 1))
    areas: Array = FROM_M2 * np.concatenate((np.maximum(body, 1e-6), large))
    return areas


def with_rollover(parameters: Array) -> Array:
    """Append the rollover to rho, a and s (draws, 3)."""
    rho, a, s = parameters.T
    return np.column_stack([parameters, a / (rho + 1) + s])


def run(value: float, drawn: Array, left_out: Array) -> Run:
    """Return an estimate and both of its intervals."""
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Run(
        value=float(value),
        percentile=(float(low), float(high)),
        bca=bca_interval(float(value), drawn, left_out, LEVEL),
    )


def bca_interval(
    value: float, drawn: NDArray[np.float64], left_out: NDArray[np.float64], level: float
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval (Efron 1987, doi 10.2307/2289144).

    Args:
        value: estimate from all.
        drawn: (draws,) estimates from bootstrap draws.
        left_out: (groups,) estimates with one group left out after another, for the acceleration.
        level: of the interval.
    """
    drawn, left_out = drawn[np.isfinite(drawn)], left_out[np.isfinite(left_out)]
    under = (np.count_nonzero(drawn < value) + 0.5 * np.count_nonzero(drawn == value)) / len(drawn)
    edge = 0.5 / len(drawn)
    bias = ndtri(np.clip(under, edge, 1 - edge))
    pull = left_out.mean() - left_out
    spread = np.sum(pull**2)
    acceleration = np.sum(pull**3) / (6 * spread**1.5) if spread > 0 else 0.0
    tails = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    shares = ndtr(bias + tails / np.maximum(1 - acceleration * tails, 1e-6))
    low, high = np.quantile(drawn, shares)
    return float(low), float(high)


def without_groups(areas: CountedAreas, generator: np.random.Generator) -> Array:
    """Return the counts (groups, n) with one random group of landslides after another out."""
    owner = np.repeat(np.arange(len(areas.counts)), areas.counts.astype(np.int64))
    group = generator.permutation(len(owner)) % GROUPS
    out = np.zeros((GROUPS, len(areas.counts)))
    np.add.at(out, (group, owner), 1)
    return areas.counts - out


def row(
    source: str, landslides: int, least_m2: float, what: tuple[str, float], runs: list[Run]
) -> Row:
    """Print a row of the table and return it."""
    name, truth = what
    values = np.array([one.value for one in runs])
    covered = {
        kind: float(
            np.mean([low <= truth <= high for low, high in (getattr(one, kind) for one in runs)])
        )
        for kind in ("percentile", "bca")
    }
    mean, middle = float(values.mean()), float(np.median(values))
    both = " | ".join(f"{covered[kind]:.1%}" for kind in ("percentile", "bca"))
    print(
        f"| {source} | {landslides} | {least_m2:g} | {name} | {truth:.4g} | {mean:.4g} | "
        f"{mean - truth:+.3g} | {middle:.4g} | {both} |",
        flush=True,
    )
    return {
        "drawn_from": source,
        "landslides": landslides,
        "least_m2": least_m2,
        "parameter": name,
        "truth": truth,
        "mean": mean,
        "median": middle,
        "sd": float(values.std(ddof=1)),
        "runs": len(runs),
        "coverage": covered,
        "values": values.tolist(),
        "width": float(np.median([one.percentile[1] - one.percentile[0] for one in runs])),
    }


def picture(rows: list[Row], path: Path) -> None:
    """Draw the spread of the estimates about the truth."""
    mpl.use("Agg")
    names = ("rho", "a_m2", "s_m2", "rollover_m2", "exponent")
    labels = ("rho", "a, m²", "s, m²", "rollover, m²", "exponent (power law)")
    figure, axes = plt.subplots(1, 5, figsize=(15, 3.6), layout="constrained")
    for axis, name, label in zip(axes, names, labels, strict=True):
        chosen = [one for one in rows if one.get("parameter") == name]
        axis.boxplot(
            [one["values"] for one in chosen],
            orientation="horizontal",
            widths=0.6,
            whis=(2.5, 97.5),
            showfliers=False,
        )
        axis.axvline(chosen[0]["truth"], color="tab:red", lw=1)
        axis.set_yticklabels([f"{one['landslides']}, ≥ {one['least_m2']:g}" for one in chosen])
        axis.set_title(label, fontsize=10)
        axis.invert_yaxis()
    axes[0].set_ylabel("landslides, least area in m²")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def read_layers(path: Path, column: str | None) -> dict[str, Array]:
    """Return the areas of each layer of a file, or of each value of a column."""
    if column is None:
        frames = {
            str(name): pyogrio.read_dataframe(path, layer=name)
            for name, _ in pyogrio.list_layers(path)
        }
    else:
        frames = {str(value): of for value, of in pyogrio.read_dataframe(path).groupby(column)}
    return {name: usable_areas(frame.geometry.area) for name, frame in frames.items()}


def fit_layers(layers: dict[str, Array], draws: int, chart: Path | None) -> None:
    """Print a table of the fits of each layer, and draw them."""
    found = {}
    print(
        "| layer | landslides | area, km² | least, m² | mL by number | mL by large ones | "
        "tail exponent, rho + 1 | rollover, m² | KS | power law from, m² | exponent | p |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for layer, areas in layers.items():
        least_m2 = 50 * float(np.quantile(areas, 0.01) // 50)
        kept = areas[areas >= least_m2]
        found[layer] = statistics_of(
            StatisticsRequest(areas_m2=kept, least_m2=least_m2, draws=draws)
        )
        print_layer(layer, found[layer], len(areas) - len(kept))
    for layer, statistics in found.items():
        for note in statistics.notes:
            print(f"- {layer}: {note}")
    if chart is not None:
        draw_layers(found, chart)


def print_layer(layer: str, found: InventoryStatistics, slivers: int) -> None:
    """Print a row of the table."""
    parts = found.area_frequency
    if parts is None or parts.inverse_gamma is None or parts.power_law is None:
        print(f"| {layer} | {found.landslides} | too few to fit |")
        return
    gamma, tail, magnitude = parts.inverse_gamma, parts.power_law, found.magnitude
    large = None if magnitude is None else magnitude.from_large
    cells = [
        layer,
        f"{found.landslides}" + (f" (+{slivers})" if slivers else ""),
        f"{(found.area_m2 or 0) / 1e6:.2f}",
        f"{gamma.least_m2:g}",
        "" if magnitude is None or magnitude.from_count is None else f"{magnitude.from_count:.2f}",
        "" if large is None else interval(large, 2),
        interval(gamma.rho, 2, by=1),
        interval(gamma.rollover_m2, 0),
        f"{gamma.ks_distance:.3f}",
        f"{tail.from_m2.value:.0f} ({tail.landslides})",
        interval(tail.exponent, 2),
        "" if tail.p_value is None else "< 0.01" if tail.p_value < 0.01 else f"{tail.p_value:.2f}",
    ]
    print("| " + " | ".join(cells) + " |")


def interval(one: IntervalEstimate, digits: int, by: float = 0.0) -> str:
    """Return a value and its interval as text, moved by a constant."""
    if one.value is None:
        return "none"
    value, low, high = (
        "" if part is None else f"{part + by:.{digits}f}" for part in (one.value, one.low, one.high)
    )
    return f"{value} ({low} to {high})"


def draw_layers(found: dict[str, InventoryStatistics], path: Path) -> None:
    """Draw the density of area of each layer with its fits."""
    mpl.use("Agg")
    rows = -(-len(found) // 4)
    figure, axes = plt.subplots(
        rows, 4, figsize=(14, 3.4 * rows), layout="constrained", sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axis, (layer, statistics) in zip(axes.flat, found.items(), strict=False):
        parts = statistics.area_frequency
        if parts is None or parts.histogram is None:
            continue
        edges, seen = np.array(parts.histogram.edges_m2), np.array(parts.histogram.density_per_m2)
        areas = np.geomspace(edges[0], edges[-1], 400)
        middles = np.sqrt(edges[1:] * edges[:-1])
        axis.loglog(middles[seen > 0], seen[seen > 0], "o", ms=4, color="black", label="mapped")
        gamma, tail = parts.inverse_gamma, parts.power_law
        if gamma is not None and gamma.rho.value and gamma.a_m2.value:
            law = InverseGamma(
                rho=gamma.rho.value, a_m2=gamma.a_m2.value, s_m2=gamma.s_m2.value or 0.0
            )
            shown = areas[areas >= gamma.least_m2]
            axis.loglog(shown, law.density(shown, gamma.least_m2), label="inverse gamma")
        if tail is not None and tail.exponent.value and tail.from_m2.value:
            start, slope = tail.from_m2.value, tail.exponent.value
            shown = areas[areas >= start]
            share = tail.landslides / statistics.landslides
            line = share * (slope - 1) / start * (shown / start) ** -slope
            axis.loglog(shown, line, "--", label="power law")
        axis.set_title(f"{layer}: {statistics.landslides} landslides", fontsize=10)
        axis.set_ylim(1e-9, 1e-2)
    axes[0, 0].legend(fontsize=8)
    figure.supxlabel("area, m²")
    figure.supylabel("probability density, 1/m²")
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
