"""What a country costs: thousands of scenes on many machines, simulated from measured figures.

    python benchmarks/country.py [--page docs/scaling.md] [--chart docs/images/scaling.png]
        [--assume core_hour=0.05 store_gb_per_s=10 ...]

prints the tables; with ``--page`` they replace what the page has between the lines
``<!-- figures -->`` and ``<!-- end -->``. The measured figures are in ``country_measured.json``.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from country_simulation import (
    DriverSpec,
    FailureRates,
    MachineSpec,
    SceneSpec,
    SimulatedJob,
    TimeTotals,
    simulate,
)
from extract_parts.page import environment_lines
from landslip.core.errors import InputError
from landslip.inference.plan import WindowPlan
from landslip.models.engines.openvino import default_streams

SHAPE = (17920, 18432)  # 330 MPix
SCENE_BYTES, DELIVERED_BYTES = 1.2e9, 2.64e9
MACHINES, CORES = (1, 10, 100), (2, 16, 64)
_CHART_MACHINES = (1, 3, 10, 30, 100)
_COLOURS = ("#7a5195", "#ef5675", "#2f7f9f")
_DRIVER_CORES = 2
_HOUR = 3600.0
_SCENES_A_DRIVER = 100  # enough for the first and last ones not to count
_BEGIN, _END = "<!-- figures -->", "<!-- end -->"
_UNLIMITED = 1e15

FIGURES: dict[str, Any] = json.loads(Path(__file__).with_name("country_measured.json").read_text())
SPEEDS: list[dict[str, Any]] = FIGURES["speeds"]
POSTPROCESSING: dict[str, float] = FIGURES["postprocessing"]
OPENING: dict[str, float] = FIGURES["opening"]
PLAN = WindowPlan(
    shape=SHAPE,
    window=(FIGURES["window_px"][0], FIGURES["window_px"][1]),
    overlap=FIGURES["overlap_px"],
    corner=(0, 0),
)
SCENE = SceneSpec(plan=PLAN, bytes_per_px=SCENE_BYTES / math.prod(SHAPE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is not measured here; prices are examples.

    Attributes:
        sample: scenes that are simulated where all would take too long.
        spot_price: fraction of the price of a machine that may be taken away.
        lasts_h: mean lifetime of a spot machine.
        scaling: (cores, speed as a fraction of cores / 2 times the speed of two cores).
        process_cores: cores of each process where machines work without a cluster.
        spread, jitter: standard deviation of the logarithm of speeds, of machines and of blocks.
    """

    scenes: int = 10_000
    sample: int = 1_000
    core_hour: float = 0.04
    gpu_hour: float = 2.5
    spot_price: float = 0.35
    storage_month: float = 0.023
    store_gb_per_s: float = 5.0
    machine_gb_per_s: float = 1.25
    boot_s: float = 120.0
    replaced_s: float = 180.0
    remote_open_s: float = 0.3
    lasts_h: float = 6.0
    scenes_at_once: int = 3
    spread: float = 0.1
    jitter: float = 0.1
    scaling: tuple[tuple[int, float], ...] = ((2, 1.0), (16, 0.9), (64, 0.75))
    process_cores: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A way to do the job; without a driver, each process extracts a list of scenes by itself."""

    precision: int
    machines: int
    cores: int
    drivers: int = 0
    spot: bool = False

    def processes(self, assumed: Assumptions) -> int:
        """Return the number of processes on a machine."""
        return 1 if self.drivers else max(1, self.cores // assumed.process_cores)

    def job(self, assumed: Assumptions) -> SimulatedJob:
        """Return the job that is simulated."""
        speed, processes = SPEEDS[self.precision], self.processes(assumed)
        cores = self.cores / processes
        drivers = self.drivers or self.machines * processes
        fraction = dict(assumed.scaling).get(self.cores, 1.0)
        s_per_mpix = 1 / (speed["mpix_per_s"] * (cores / speed["cores"] * fraction))
        driver = DriverSpec(
            scenes_at_once=assumed.scenes_at_once,
            row_s_per_px=POSTPROCESSING["row_s_per_mpix"] / 1e6,
            end_s_per_px=POSTPROCESSING["end_s_per_mpix"] / 1e6,
            cores_busy=POSTPROCESSING["cores_busy"],
            open_s=OPENING["driver_s"] + assumed.remote_open_s,
            switch_s=OPENING["worker_s"] + assumed.remote_open_s,
            start_s=OPENING["driver_s"],
            check_s=OPENING["check_s"] + assumed.remote_open_s,
        )
        if not self.drivers:  # rows are postprocessed on the cores that compute
            s_per_mpix += POSTPROCESSING["row_s_per_mpix"] / cores
            driver = replace(
                driver, scenes_at_once=1, open_s=speed["start_s"], switch_s=0.0, is_local=True
            )
        return SimulatedJob(
            scene_spec=SCENE,
            scenes=min(assumed.scenes, max(assumed.sample, _SCENES_A_DRIVER * drivers)),
            machines=self.machines * processes,
            machine=MachineSpec(
                px_per_s=1e6 / s_per_mpix,
                streams=default_streams(int(cores)),
                start_s=assumed.boot_s + speed["start_s"],
                bytes_per_s=assumed.machine_gb_per_s * 1e9 / processes,
                spread=assumed.spread,
                jitter=assumed.jitter,
            ),
            drivers=drivers,
            driver=driver,
            store_bytes_per_s=assumed.store_gb_per_s * 1e9,
            failures=FailureRates(
                machine_s=assumed.lasts_h * _HOUR if self.spot else math.inf,
                replaced_s=assumed.replaced_s,
            ),
            seed=assumed.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """How a case goes; hours are those of all scenes, also where a sample was simulated."""

    job: SimulatedJob
    totals: TimeTotals
    hours: float
    core_hours: float
    cost: float

    @property
    def computing(self) -> float:
        """Fraction of the machines' time in which they compute what is stored."""
        return self.totals.computed_s / self.totals.alive_s

    @property
    def waiting(self) -> float:
        """Fraction of the machines' time in which they open scenes and wait for pixels."""
        return self.totals.waited_s / self.totals.alive_s

    @property
    def driver_busy(self) -> float:
        """Fraction of the drivers' capacity that is used."""
        capacity = self.totals.seconds * self.job.drivers * self.job.driver.cores_busy
        return self.totals.driver_s / capacity

    @property
    def limit(self) -> str:
        """What would make it faster if there were more of it."""
        if self.totals.store_s / self.totals.seconds > 0.85:
            return "the store's bandwidth"
        if self.computing > 0.8:
            return "computing"
        if self.driver_busy > 0.85:
            return "the driver's postprocessing"
        if self.job.driver.is_local:
            return "start and end of scenes"
        if self.waiting > 0.5 * (1 - self.computing):
            return "start of blocks"
        return "too few scenes open"


@cache
def solve(case: Case, assumed: Assumptions, failures: FailureRates | None = None) -> CaseResult:
    """Simulate a case."""
    job = case.job(assumed)
    if failures is not None:
        job = replace(job, failures=failures)
    totals, start = simulate(job), job.machine.start_s
    seconds = start + (totals.seconds - start) * assumed.scenes / job.scenes
    hours = totals.alive_s / totals.seconds * seconds / _HOUR / case.processes(assumed)
    price = case.cores * assumed.core_hour * (assumed.spot_price if case.spot else 1.0)
    drivers = case.drivers * _DRIVER_CORES * assumed.core_hour * seconds / _HOUR
    return CaseResult(
        job=job,
        totals=totals,
        hours=seconds / _HOUR,
        core_hours=hours * case.cores,
        cost=hours * price + drivers,
    )


def table(titles: str, rows: Iterator[tuple[object, ...]]) -> list[str]:
    """Return the lines of a table; titles are separated by ``|``."""
    names = titles.split("|")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]


def short(number: float) -> str:
    """Return three digits, or all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def measured() -> Iterator[tuple[object, ...]]:
    """Yield what the simulation starts from."""
    for speed in SPEEDS:
        figure = f"{speed['mpix_per_s']:.3g} MPix/s; {speed['start_s']:.1f} s to start"
        name = f"windows, {speed['engine']} {speed['precision']}, {speed['cores']} cores"
        yield name, figure, _source(speed)
    post, size, opening = POSTPROCESSING, FIGURES["bytes"], OPENING
    rate = post["cores_busy"] / (post["row_s_per_mpix"] + post["end_s_per_mpix"])
    yield (
        "postprocessing, one driver",
        (
            f"{post['row_s_per_mpix'] * 1e3:.1f} + {post['end_s_per_mpix'] * 1e3:.1f} ms/MPix "
            f"(rows + end), {post['cores_busy']:.2f} cores busy: {rate:.0f} MPix/s"
        ),
        _source(post),
    )
    yield (
        "written",
        (
            f"{size['window_bytes_per_px']:.3f} B/px of windows, "
            f"{size['result_bytes_per_px']:.3f} B/px of results"
        ),
        _source(size),
    )
    yield (
        "opening a scene",
        (
            f"driver {opening['driver_s']:.2f} s, worker {opening['worker_s']:.2f} s, a finished "
            f"one {opening['check_s']:.2f} s"
        ),
        _source(opening),
    )


def _source(figure: dict[str, Any]) -> str:
    return f"{figure['where']}{' **provisional**' if figure['provisional'] else ''}"


def assumptions(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield what is assumed."""
    scaling = ", ".join(f"{cores}: {fraction:.0%}" for cores, fraction in assumed.scaling)
    yield "price of a core, a GPU for an hour", f"{assumed.core_hour}, {assumed.gpu_hour}"
    yield "spot price", f"{assumed.spot_price:.0%} of it"
    yield "price of 1 GB for a month", assumed.storage_month
    yield "speed of a machine by its cores, of cores / 2 x two cores", scaling
    store = f"{assumed.store_gb_per_s:g} GB/s; {assumed.machine_gb_per_s:g} GB/s"
    yield "bandwidth of the store; of a machine", store
    boot = f"{assumed.boot_s:g} s; {assumed.replaced_s:g} s"
    yield "machine starts after; replaces a lost one after", boot
    yield "opening a scene over the network", f"{assumed.remote_open_s:g} s more"
    yield "a spot machine lasts", f"{assumed.lasts_h:g} h on average (exponential)"
    spread = f"machines {assumed.spread:.0%}, blocks {assumed.jitter:.0%}"
    yield "speeds vary (log-normal)", spread


def country(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield hours and cost of machines that work for themselves, and hours of one cluster."""
    mpix = math.prod(SHAPE) / 1e6 * assumed.scenes
    for n, speed in enumerate(SPEEDS):
        for cores in CORES:
            for machines in MACHINES:
                case = Case(precision=n, machines=machines, cores=cores)
                alone = solve(case, assumed)
                spot = solve(replace(case, spot=True), assumed)
                cluster = solve(replace(case, drivers=1), assumed)
                yield (
                    f"{machines} x {cores}",
                    speed["precision"],
                    short(mpix / alone.hours / 3600),
                    short(alone.hours),
                    f"{alone.core_hours:,.0f}",
                    f"{alone.cost:,.0f}",
                    alone.limit,
                    short(spot.hours),
                    f"{spot.cost:,.0f}",
                    f"{spot.totals.lost_fraction:.2%}",
                    short(cluster.hours),
                    cluster.limit,
                )


def machines_a_driver(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield how many machines one driver can serve."""
    for count in (1, 2, 5, 10, 20, 50, 100, 0):
        found = solve(Case(precision=0, machines=100, cores=2, drivers=count), assumed)
        yield (
            f"{100 // count}" if count else "no cluster",
            count or "-",
            f"{found.hours:.3g}",
            f"{found.computing:.0%}",
            f"{found.waiting:.0%}",
            f"{found.driver_busy:.0%}" if count else "-",
            found.limit,
        )


def processes_a_machine(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield how a large machine is best divided."""
    case = Case(precision=0, machines=10, cores=64)
    for cores in (64, 32, 16, 8, 4, 2):
        divided = replace(assumed, process_cores=cores)
        found = solve(case, divided)
        hours, computing = f"{found.hours:.3g}", f"{found.computing:.0%}"
        yield cores, case.processes(divided), hours, computing, found.limit


def few_scenes(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield how soon a few scenes are extracted on machines that run already."""
    case = Case(precision=0, machines=10, cores=16)
    for count in (1, 4, 12, 40, 120):
        running = replace(assumed, scenes=count, boot_s=0.0)
        cluster = solve(replace(case, drivers=1), running)
        minutes = short(solve(case, running).hours * 60), short(cluster.hours * 60)
        yield count, *minutes, cluster.limit


def scenes_at_once(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield the effect of more open scenes."""
    case = Case(precision=0, machines=10, cores=2, drivers=1)
    for count in (1, 2, 3, 4, 6, 12):
        found = solve(case, replace(assumed, scenes_at_once=count))
        busy = f"{found.computing:.0%}", f"{found.driver_busy:.0%}"
        yield count, f"{found.hours:.3g}", *busy, found.limit


def bandwidth(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield where the store becomes the limit."""
    case = Case(precision=len(SPEEDS) - 1, machines=100, cores=64)
    for rate in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        found = solve(case, replace(assumed, store_gb_per_s=rate))
        read = found.totals.read_bytes / found.totals.seconds / 1e9
        yield (
            f"{rate:g}",
            f"{found.hours:.3g}",
            f"{read:.2f}",
            f"{found.computing:.0%}",
            found.limit,
        )


def failures(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield the cost of machines and drivers that die."""
    case, inf = Case(precision=0, machines=10, cores=2, drivers=1), math.inf
    lifetimes = ((inf, inf), (24, inf), (6, inf), (1, inf), (inf, 6), (inf, 1), (1, 1))
    for machine_h, driver_h in lifetimes:
        rates = FailureRates(machine_s=machine_h * 3600, driver_s=driver_h * 3600)
        found = solve(case, assumed, rates)
        yield (
            *(
                "for ever" if math.isinf(hours) else f"{hours:g} h"
                for hours in (machine_h, driver_h)
            ),
            found.totals.deaths,
            found.totals.driver_deaths,
            f"{found.hours:.3g}",
            f"{found.totals.lost_fraction:.2%}",
        )


def storage(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield what is stored and what goes over the network."""
    rows = SCENE.read_bytes(0, SCENE.windows)
    blocks = sum(SCENE.read_bytes(n, 2) for n in range(0, SCENE.windows, 2))
    for name, amount in (
        ("as delivered (given)", DELIVERED_BYTES),
        ("compressed COG (given)", SCENE_BYTES),
        (f"read, whole rows of windows: {rows / SCENE_BYTES:.2f} x the COG", rows),
        (f"read, blocks of 2 windows: {blocks / SCENE_BYTES:.2f} x the COG", blocks),
        (
            "windows until a scene is finished",
            FIGURES["bytes"]["window_bytes_per_px"] * math.prod(SHAPE),
        ),
        ("results", FIGURES["bytes"]["result_bytes_per_px"] * math.prod(SHAPE)),
    ):
        month = amount * assumed.scenes / 1e9 * assumed.storage_month
        is_stored = "given" in name or name == "results"
        total = f"{amount * assumed.scenes / 1e12:.2f}"
        yield name, f"{amount / 1e9:.3f}", total, f"{month:,.0f}" if is_stored else "-"


def checks(assumed: Assumptions) -> Iterator[tuple[object, ...]]:
    """Yield the simulation beside a formula: equal speeds, no failures, no limit of bandwidth.

    By the formula, a process takes its start and, for each of its scenes, opening, windows, the
    rows that the last windows complete, and the end.
    """
    for machines in MACHINES:
        job = Case(precision=0, machines=machines, cores=2).job(assumed)
        machine = replace(job.machine, spread=0.0, jitter=0.0, bytes_per_s=_UNLIMITED)
        job = replace(job, machine=machine, store_bytes_per_s=_UNLIMITED, failures=FailureRates())
        streams, (rows, cols) = machine.streams, PLAN.count
        size = math.ceil(cols / streams) * streams
        last = (SCENE.windows - 1) // size * size
        rounds = math.ceil(SCENE.windows / streams)
        end = sum(SCENE.row_px(row) for row in range(last // cols, rows)) * job.driver.row_s_per_px
        end += SCENE.px * job.driver.end_s_per_px
        scene_s = job.driver.open_s + rounds * streams * SCENE.window_px / machine.px_per_s
        scene_s += end / job.driver.cores_busy
        # the first scene is opened while the machine starts
        expected = max(machine.start_s - job.driver.open_s, 0.0)
        expected += math.ceil(job.scenes / job.machines) * scene_s
        simulated = simulate(job).seconds
        yield (
            (
                f"formula, {machines} x 2 cores, {SPEEDS[0]['precision']}, equal speeds: "
                f"{job.scenes:,} scenes"
            ),
            f"{simulated / 3600:.2f} h",
            f"{expected / 3600:.2f} h",
            f"{abs(simulated / expected - 1):.2%}",
        )
    yield "measured run on a cluster", "-", "not measured yet", "-"


def page(assumed: Assumptions) -> list[str]:
    """Return all tables with their titles."""
    fast, last = SPEEDS[0]["precision"], SPEEDS[-1]["precision"]
    scenes, opened = f"{assumed.scenes:,} scenes", f"{assumed.scenes_at_once} scenes open"
    sample = f"{min(assumed.sample, assumed.scenes):,} scenes or more, hours scaled to all"
    few = "10 machines of 2 cores, one driver"
    parts: list[tuple[str, str, Iterator[tuple[object, ...]]]] = [
        ("What is measured", "measured|figure|where", measured()),
        ("What is assumed", "assumed|value", assumptions(assumed)),
        (
            f"{scenes} (simulated)",
            (
                "machines x cores|precision|MPix/s|hours|core-hours|cost|limit|spot: hours|"
                "spot: cost|spot: work lost|one cluster: hours|its limit"
            ),
            country(assumed),
        ),
        (
            f"Machines a driver: 100 machines of 2 cores, {fast}, {opened}; {sample}",
            "machines a driver|drivers|hours|machines compute|they start blocks|drivers busy|limit",
            machines_a_driver(assumed),
        ),
        (
            f"Processes a machine: 10 machines of 64 cores, no cluster, {fast}",
            "cores a process|processes|hours|machines compute|limit",
            processes_a_machine(assumed),
        ),
        (
            f"A few scenes: 10 machines of 16 cores that run already, {fast}",
            "scenes|lists: minutes|one cluster: minutes|its limit",
            few_scenes(assumed),
        ),
        (
            f"Scenes open at once: {few}, {fast}; {sample}",
            "scenes open|hours|machines compute|driver busy|limit",
            scenes_at_once(assumed),
        ),
        (
            f"Bandwidth: 100 machines of 64 cores, each for itself, {last}",
            "store, GB/s|hours|read, GB/s|machines compute|limit",
            bandwidth(assumed),
        ),
        (
            f"Deaths: {few}, {fast}, {opened}; {sample}",
            "a machine lasts|the driver lasts|machines lost|drivers lost|hours|work lost",
            failures(assumed),
        ),
        (
            "Storage and traffic",
            f"bytes|one scene, GB|{scenes}, TB|cost a month",
            storage(assumed),
        ),
        (
            "The simulation beside a formula and beside reality",
            "check|simulated|expected|difference",
            checks(assumed),
        ),
    ]
    lines = environment_lines(assumed.seed)
    for title, titles, rows in parts:
        lines += ["", f"### {title}", "", *table(titles, rows)]
    return lines


def draw(assumed: Assumptions, path: Path) -> None:
    """Plot hours against machines, a panel for each precision."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(SPEEDS), 4.2), layout="constrained")
    panels = figure.subplots(1, len(SPEEDS), sharey=True, squeeze=False)[0]
    for n, panel in enumerate(panels):
        for cores, colour in zip(CORES, _COLOURS, strict=True):
            for drivers, style, marker in ((0, "-", "o"), (1, "--", "x")):
                cases = (
                    Case(precision=n, machines=machines, cores=cores, drivers=drivers)
                    for machines in _CHART_MACHINES
                )
                hours = [solve(case, assumed).hours for case in cases]
                panel.plot(_CHART_MACHINES, hours, style, marker=marker, color=colour, markersize=5)
        panel.set(xscale="log", yscale="log", title=SPEEDS[n]["precision"], xlabel="machines")
        panel.set_xticks(_CHART_MACHINES, [str(count) for count in _CHART_MACHINES])
        panel.yaxis.set_major_formatter("{x:g}")
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(f"hours for {assumed.scenes:,} scenes")
    for cores, colour in zip(CORES, _COLOURS, strict=True):
        panels[-1].plot([], [], color=colour, label=f"{cores} cores each")
    panels[-1].plot([], [], "k-", marker="o", markersize=5, label="a list of scenes each")
    panels[-1].plot([], [], "k--", marker="x", markersize=5, label="one cluster, one driver")
    panels[-1].legend(fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Simulate and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--assume", nargs="*", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    kinds: dict[str, Any] = {item.name: type(item.default) for item in fields(Assumptions)}
    changes: dict[str, str] = dict(item.split("=", 1) for item in options.assume)
    assumed = Assumptions(**{name: kinds[name](value) for name, value in changes.items()})
    lines = page(assumed)
    if options.page is None:
        print("\n".join(lines))
    else:
        before, begin, rest = options.page.read_text().partition(_BEGIN)
        _, end, after = rest.partition(_END)
        if not (begin and end):
            raise InputError(f"{options.page}: lacks the lines {_BEGIN} and {_END}")
        options.page.write_text("\n".join([before + begin, "", *lines, "", end + after]))
    if options.chart is not None:
        draw(assumed, options.chart)


if __name__ == "__main__":
    main()
