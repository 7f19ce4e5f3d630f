"""The page of `review_curve.py`: tables with intervals over seeds and blocks of ground, a chart."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from landslip.metrics.bootstrap import bootstrap_weights, percentile_interval
from landslip.metrics.tile_scores import f1

DRAWS = 2000
SCORED = {"inventory": "corrected inventory", "model": "improved model"}
_COLOURS = {"information": "#962e1b", "random": "#7e8894", "largest first": "#3d5f7d"}
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What reviews brought, by order, number of polygons and seed.

    Attributes:
        cells: what was stored, by order and number, one for each seed.
        orders: in the tables' order.
        numbers: polygons that were judged.
        seeds: of all.
    """

    cells: dict[tuple[str, int], list[dict[str, Any]]]
    orders: tuple[str, ...]
    numbers: tuple[int, ...]
    seeds: tuple[int, ...]

    @classmethod
    def read(
        cls, work: Path, orders: Sequence[str], numbers: Sequence[int], seeds: Sequence[int]
    ) -> "Curve":
        """Read what a run stored."""
        cells = {
            (order, number): [
                json.loads((work / f"seed{seed}" / cell_name(order, number)).read_text())
                for seed in seeds
            ]
            for order in orders
            for number in numbers
        }
        return cls(cells=cells, orders=tuple(orders), numbers=tuple(numbers), seeds=tuple(seeds))

    def mean(self, order: str, number: int, what: str) -> float:
        """Return the mean over seeds of a number that was stored."""
        return float(np.mean([one[what] for one in self.cells[order, number]]))

    def gain(self, cell: dict[str, Any], at: int) -> float:
        """Return F1 of a cell's model less that of the model before, in points, of a seed."""
        before = self.cells[self.orders[0], 0][at]["model"]
        return 100 * float(f1(np.sum(cell["model"], axis=0)) - f1(np.sum(before, axis=0)))

    def draws(self, order: str, number: int, what: str) -> Floats | None:
        """Return F1 (1 + draws,), mean over seeds; the first is that of what was measured.

        A draw takes seeds with replacement, and of each seed blocks of ground with replacement, the
        same for all orders and numbers. None where it was not scored.
        """
        found = [one.get(what) for one in self.cells[order, number]]
        if any(one is None for one in found):
            return None
        tables = [np.array(one, dtype=np.float64) for one in found]
        generator = np.random.default_rng(0)
        by_seed = np.stack(
            [
                f1(
                    np.concatenate(
                        [
                            table.sum(axis=0, keepdims=True),
                            bootstrap_weights(len(table), DRAWS, generator) @ table,
                        ]
                    )
                )
                for table in tables
            ],
            axis=1,
        )
        chosen = bootstrap_weights(len(tables), DRAWS, generator) / len(tables)
        weights = np.concatenate([np.full((1, len(tables)), 1 / len(tables)), chosen])
        mean: Floats = (by_seed * weights).sum(axis=1)
        return mean


def cell_name(order: str, number: int) -> str:
    """Return the name of the file of a cell of the tables."""
    return f"{order.replace(' ', '_')}_{number}.json"


def findings(curve: Curve) -> Iterator[str]:
    """Yield what the tables say, in a few lines."""
    first, last = curve.orders[0], curve.numbers[-1]
    for what, name in SCORED.items():
        start, end = (with_interval(curve.draws(first, at, what)) for at in (0, last))
        others = ", ".join(
            f"{with_interval(_difference(curve, other, last, what), '+')} points over {other}"
            for other in curve.orders[1:]
        )
        yield (
            f"- F1 of the {name}: {start} before, {end} after {last} polygons in the order of "
            f"{first} ({curve.mean(first, last, 'minutes'):.0f} minutes); {others}."
        )
    outcomes = list(_outcomes(curve))
    better = [gain for verdict, gain in outcomes if verdict == "better"]
    wrong = sum(gain <= 0 for gain in better)
    missed = sum(gain > 0 for verdict, gain in outcomes if verdict != "better")
    yield (
        f"- Of {len(outcomes)} improved models {len(better)} were called better, {wrong} of them "
        f"wrongly; {missed} were better on scenes that nobody reviewed and not called so."
    )


def _difference(curve: Curve, other: str, number: int, what: str) -> Floats | None:
    """Return the draws of the first order's F1 less that of another."""
    one, two = (curve.draws(order, number, what) for order in (curve.orders[0], other))
    return None if one is None or two is None else one - two


def _outcomes(curve: Curve) -> Iterator[tuple[str, float]]:
    """Yield the verdict and the gain on scenes that nobody reviewed of each improved model."""
    for (_, number), cells in curve.cells.items():
        for at, cell in enumerate(cells):
            if cell.get("model") is not None and number > 0:
                improvement = cell.get("improvement")
                verdict = "refused" if improvement is None else improvement["comparison"]["verdict"]
                yield verdict, curve.gain(cell, at)


def tables(curve: Curve) -> Iterator[str]:
    """Yield the lines of the tables."""
    for what, name in SCORED.items():
        numbers = [
            one for one in curve.numbers if curve.draws(curve.orders[0], one, what) is not None
        ]
        yield f"\n## F1 of the {name}\n"
        yield "| polygons judged | " + " | ".join(curve.orders) + " |"
        yield "|---|" + "---|" * len(curve.orders)
        for number in numbers:
            values = [with_interval(curve.draws(order, number, what)) for order in curve.orders]
            yield f"| {number} | " + " | ".join(values) + " |"
        first, *others = curve.orders
        yield "\nDifference of F1, in points:\n"
        yield "| polygons judged | " + " | ".join(f"{first} - {one}" for one in others) + " |"
        yield "|---|" + "---|" * len(others)
        for number in numbers:
            if number == 0:
                continue
            values = [
                with_interval(_difference(curve, order, number, what), "+") for order in others
            ]
            yield f"| {number} | " + " | ".join(values) + " |"
    yield "\n## What it costs\n"
    yield "Minutes of the reviewer, cells looked at and landslides drawn; means over seeds.\n"
    yield "| polygons judged | " + " | ".join(curve.orders) + " |"
    yield "|---|" + "---|" * len(curve.orders)
    for number in curve.numbers:
        values = [
            f"{curve.mean(order, number, 'minutes'):.0f} min, "
            f"{curve.mean(order, number, 'cells'):.0f} cells, "
            f"{curve.mean(order, number, 'drawn'):.0f} drawn"
            for order in curve.orders
        ]
        yield f"| {number} | " + " | ".join(values) + " |"
    yield from _verdicts(curve)


def _verdicts(curve: Curve) -> Iterator[str]:
    """Yield how often an improved model was called better, and what it was elsewhere."""
    yield "\n## Is it called better when it is?\n"
    yield (
        "Of each improved model, in points: the differences of F1 and of average precision on "
        "held-out reviewed ground by which `landslip improve` decides, and that of F1 on the "
        "scenes that nobody reviewed.\n"
    )
    yield "| order | polygons judged | seed | F1 | average precision | verdict | not reviewed |"
    yield "|---|---|---|---|---|---|---|"
    for (order, number), cells in curve.cells.items():
        for seed, cell in zip(curve.seeds, cells, strict=True):
            if cell.get("model") is None or number == 0:
                continue
            gain = curve.gain(cell, curve.seeds.index(seed))
            if "improvement" in cell:
                one = cell["improvement"]["comparison"]
                held = [_stored_interval(one[name]) for name in ("f1", "average_precision")]
                verdict = one["verdict"]
            else:
                held, verdict = ["", ""], "too little ground"
            yield f"| {order} | {number} | {seed} | {' | '.join(held)} | {verdict} | {gain:+.1f} |"


def _stored_interval(found: Mapping[str, float | None]) -> str:
    """Write a difference of a comparison with its interval, in points."""
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if value is None:
        return ""
    limits = "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{100 * value:+.1f}{limits}"


def with_interval(values: Floats | None, sign: str = "") -> str:
    """Write the first value with the interval of the others, in percent."""
    if values is None:
        return ""
    low, high = percentile_interval(100 * values[1:], 0.95)
    return f"{100 * values[0]:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def draw_chart(curve: Curve, file: Path) -> None:
    """Draw F1 of inventory and model against polygons and minutes."""
    mpl.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6.4), sharey="row", layout="constrained")
    for row, (what, name) in enumerate(SCORED.items()):
        for column, by in enumerate(("polygons", "minutes")):
            axis = axes[row, column]
            for order in curve.orders:
                points = [
                    (curve.mean(order, number, by), curve.draws(order, number, what))
                    for number in curve.numbers
                ]
                known = [(x, values) for x, values in points if values is not None]
                places = [x for x, _ in known]
                ends = [percentile_interval(values[1:], 0.95) for _, values in known]
                low, high = (np.array([one[at] for one in ends], dtype=float) for at in (0, 1))
                colour = _COLOURS.get(order)
                axis.plot(
                    places, [values[0] for _, values in known], "o-", color=colour, label=order
                )
                axis.fill_between(places, low, high, color=colour, alpha=0.12, linewidth=0)
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(color="#e4e6ea", linewidth=0.7)
            axis.set_title(f"{name}", loc="left", fontsize=10, fontweight="bold")
            axis.set_xlabel("polygons judged" if by == "polygons" else "minutes of the reviewer")
            if column == 0:
                axis.set_ylabel("F1")
    axes[0, 0].legend(frameon=False, loc="lower right")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    pyplot.close(figure)
