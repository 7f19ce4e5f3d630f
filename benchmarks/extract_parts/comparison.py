"""What is measured side by side: whole processes, the model alone, and the matrix product."""

import json
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from extract_parts.processes import BENCHMARKS, ProcessCost, extract_command, run_json, run_measured

NAIVE, GEOAI = "naive loop", "geoai"
_SECONDS_SEARCH, _SECONDS_ROUND = 2.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What takes part.

    Attributes:
        scene: that is mapped.
        model: folder of the network.
        work: folder for what is written.
        precisions: that ours and the model alone run in.
        geoai: the Python of a virtual environment with geoai-py, None leaves it out.
    """

    scene: Path
    model: Path
    work: Path
    precisions: tuple[str, ...]
    geoai: Path | None

    @property
    def mpix(self) -> float:
        """10^6 pixels of the scene, nodata included."""
        with rasterio.open(self.scene) as file:
            return float(file.width * file.height / 1e6)

    def commands(self) -> dict[str, list[str]]:
        """Return the whole processes by name."""
        where = [str(self.scene), "--model", str(self.model)]
        naive = [sys.executable, str(BENCHMARKS / "naive_loop.py"), *where]
        found = {NAIVE: [*naive, "--out", str(self.out(NAIVE))]}
        if self.geoai is not None:
            source = f"PYTHONPATH={BENCHMARKS.parent / 'src'}"
            geoai = ["env", source, str(self.geoai), str(BENCHMARKS / "geoai_loop.py"), *where]
            found[GEOAI] = [*geoai, "--out", str(self.out(GEOAI))]
        for precision in self.precisions:
            found[ours(precision)] = extract_command(
                self.scene, self.model, self.out(ours(precision)), "--precision", precision
            )
        return found

    def out(self, name: str) -> Path:
        """Return the folder that a process writes."""
        return self.work / name.replace(" ", "_")


@dataclass(slots=True)
class Measurements:
    """What was measured, round by round.

    Attributes:
        costs: of whole processes, by name.
        alone: 10^6 pixels a second of the model alone, by precision.
        best_case: of the model alone, by precision.
        product: 10^9 operations a second of the matrix product, by precision.
        summaries: the ``summary.json`` of our last run, by precision.
    """

    costs: dict[str, list[ProcessCost]] = field(default_factory=dict)
    alone: dict[str, list[float]] = field(default_factory=dict)
    best_case: dict[str, str] = field(default_factory=dict)
    product: dict[str, list[float]] = field(default_factory=dict)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def seconds(self, name: str) -> float:
        """Return the median of a process's seconds."""
        return statistics.median(cost.seconds for cost in self.costs[name])

    def peak_mib(self, name: str) -> float:
        """Return the most memory of all rounds."""
        return max(cost.peak_mib for cost in self.costs[name])

    def ratio(self, name: str, to: str) -> float:
        """Return how many times as fast one is as another: the median over rounds."""
        pairs = zip(self.costs[name], self.costs[to], strict=True)
        return statistics.median(other.seconds / one.seconds for one, other in pairs)


def ours(precision: str) -> str:
    """Return the name of our process in a precision."""
    return f"landslip {precision}"


def run_comparison(contest: Comparison, rounds: int, seed: int) -> Measurements:
    """Find each precision's best case alone, then measure all in rounds, in an order drawn anew."""
    found = Measurements()
    for precision in contest.precisions:
        words = [str(contest.model), "--precision", precision, "--seconds", str(_SECONDS_SEARCH)]
        rates: dict[str, float] = run_json("extract_parts.model_alone", *words)
        found.best_case[precision] = max(rates, key=lambda case: rates[case])
        log(f"the model alone, {precision}: best is {found.best_case[precision]}")
    generator = np.random.default_rng(seed)
    for number in range(rounds):
        commands = contest.commands()
        names = [*commands, *contest.precisions]
        for at in generator.permutation(len(names)):
            name = names[at]
            if name in commands:
                _run_process(contest, name, commands[name], found)
            else:
                _run_alone(contest, name, found)
        log(f"round {number + 1} of {rounds} done")
    return found


def _run_process(contest: Comparison, name: str, command: list[str], found: Measurements) -> None:
    shutil.rmtree(contest.out(name), ignore_errors=True)
    cost = run_measured(command)
    found.costs.setdefault(name, []).append(cost)
    summary = contest.out(name) / "summary.json"
    if summary.exists():
        found.summaries[name.rsplit(maxsplit=1)[-1]] = json.loads(summary.read_text())
    log(f"{name}: {cost.seconds:.1f} s, {cost.peak_mib:.0f} MiB")


def _run_alone(contest: Comparison, precision: str, found: Measurements) -> None:
    words = ["--precision", precision, "--seconds", str(_SECONDS_ROUND)]
    case = found.best_case[precision]
    rates = run_json("extract_parts.model_alone", str(contest.model), *words, "--case", case)
    found.alone.setdefault(precision, []).append(rates[case])
    product = run_json("extract_parts.roofline", *words)["gflop_per_s"]
    found.product.setdefault(precision, []).append(product)
    log(f"{precision} alone: {rates[case]:.2f} MPix/s; matrix product {product:.0f} GFLOP/s")


def differing_fraction(one: Path, other: Path) -> float:
    """Return the share of pixels where one mask says landslide and the other does not."""
    masks = []
    for path in (one, other):
        with rasterio.open(path) as file:
            masks.append(file.read(1) == 1)
    return float(np.mean(masks[0] != masks[1]))


def log(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)
