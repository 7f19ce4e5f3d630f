"""The tables of what a whole country costs."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from country_parts.cases import (
    RAW_BYTES,
    SCENE_BYTES,
    SHAPE,
    Assumed,
    Case,
    Outcome,
    form_of,
    job_of,
    outcome_of,
)
from country_parts.checks import by_formula, ray_run
from country_parts.figures import Figures

MACHINES, CORES = (1, 10, 100), (2, 16, 64)
_NOT_YET = " **provisional**"


def head(*titles: str) -> list[str]:
    """Return a table's first two lines."""
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]


def row(*cells: object) -> str:
    """Return a table's line."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def measured(figures: Figures) -> Iterator[str]:
    """Yield what the simulation starts from."""
    yield from head("measured", "figure", "where")
    for speed in figures.speeds:
        unit = "GPU" if speed.device == "gpu" else f"{speed.cores} cores"
        what = f"windows, {speed.engine} {speed.name}, {unit}"
        figure = f"{speed.mpix_per_s:.3g} MPix/s; {speed.start_s:.1f} s to start"
        yield row(what, figure, _where(speed.where, speed.provisional))
    finishing, size, opening = figures.finishing, figures.bytes, figures.opening
    per = finishing.row_s_per_mpix + finishing.end_s_per_mpix
    rate = finishing.cores_busy / per
    yield row(
        "finishing, one driver",
        f"{finishing.row_s_per_mpix * 1e3:.1f} + {finishing.end_s_per_mpix * 1e3:.1f} ms/MPix "
        f"(rows + end), {finishing.cores_busy:.2f} cores busy: {rate:.0f} MPix/s",
        _where(finishing.where, finishing.provisional),
    )
    yield row(
        "written",
        f"{size.window_bytes_per_px:.3f} B/px of windows, {size.result_bytes_per_px:.3f} B/px of "
        "results",
        _where(size.where, size.provisional),
    )
    yield row(
        "beginning with a scene",
        f"driver {opening.driver_s:.2f} s, worker {opening.worker_s:.2f} s, one that is finished "
        f"{opening.check_s:.2f} s",
        _where(opening.where, opening.provisional),
    )


def _where(where: str, provisional: bool) -> str:
    return where + (_NOT_YET if provisional else "")


def assumptions(assumed: Assumed) -> Iterator[str]:
    """Yield what is assumed."""
    more = ", ".join(f"{cores}: {share:.0%}" for cores, share in assumed.linear)
    yield from head("assumed", "value")
    yield row("price of a core, a GPU for an hour", f"{assumed.core_hour}, {assumed.gpu_hour}")
    yield row("spot price", f"{assumed.spot_price:.0%} of it")
    yield row("price of 1 GB for a month", assumed.storage_month)
    yield row("speed of a machine of so many cores, of cores / 2 x two cores", more)
    yield row(
        "bandwidth of the store; of a machine",
        f"{assumed.store_gb_per_s:g} GB/s; {assumed.machine_gb_per_s:g} GB/s",
    )
    yield row(
        "machine begun after; in a lost one's place after",
        f"{assumed.boot_s:g} s; {assumed.replaced_s:g} s",
    )
    yield row("opening a scene over the network", f"{assumed.remote_open_s:g} s more")
    yield row("a spot machine lasts", f"{assumed.lasts_h:g} h on average (exponential)")
    yield row(
        "speeds differ (log-normal)", f"machines {assumed.spread:.0%}, blocks {assumed.jitter:.0%}"
    )


def country(figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield hours and cost of machines that work for themselves, and hours of one cluster."""
    yield from head(
        "machines x cores",
        "precision",
        "MPix/s",
        "hours",
        "core-hours",
        "cost",
        "limit",
        "spot: hours",
        "spot: cost",
        "spot: work lost",
        "one cluster: hours",
        "its limit",
    )
    for speed in figures.speeds:
        sizes = CORES if speed.device == "cpu" else (speed.cores,)
        for cores in sizes:
            for machines in MACHINES:
                case = Case(speed=speed, machines=machines, cores=cores)
                yield _country_row(case, figures, assumed)


def _country_row(case: Case, figures: Figures, assumed: Assumed) -> str:
    alone = solved(case, figures, assumed)
    spot = solved(replace(case, spot=True), figures, assumed)
    cluster = solved(replace(case, drivers=1), figures, assumed)
    mpix = math.prod(SHAPE) / 1e6 * assumed.scenes
    unit = "GPU" if case.speed.device == "gpu" else f"{case.cores}"
    return row(
        f"{case.machines} x {unit}",
        case.speed.precision,
        short(mpix / alone.hours / 3600),
        short(alone.hours),
        f"{alone.core_hours:,.0f}",
        f"{alone.cost:,.0f}",
        alone.limit,
        short(spot.hours),
        f"{spot.cost:,.0f}",
        f"{spot.tally.lost_share:.2%}",
        short(cluster.hours),
        cluster.limit,
    )


def short(number: float) -> str:
    """Return three digits, or all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


@cache
def solved(case: Case, figures: Figures, assumed: Assumed) -> Outcome:
    """Simulate a case."""
    return outcome_of(case, job_of(case, figures, assumed), assumed)


def storage(figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield what is kept and what goes over the network."""
    form, size = form_of(figures), figures.bytes
    share = form.read_bytes(0, form.windows) / SCENE_BYTES
    small = sum(form.read_bytes(n, 2) for n in range(0, form.windows, 2)) / SCENE_BYTES
    yield from head("bytes", "one scene, GB", f"{assumed.scenes:,} scenes, TB", "cost a month")
    for what, amount in (
        ("as delivered (given)", RAW_BYTES),
        ("compressed COG (given)", SCENE_BYTES),
        (f"read, whole rows of windows: {share:.2f} x the COG", SCENE_BYTES * share),
        (f"read, blocks of 2 windows: {small:.2f} x the COG", SCENE_BYTES * small),
        ("windows until a scene is finished", size.window_bytes_per_px * math.prod(SHAPE)),
        ("results", size.result_bytes_per_px * math.prod(SHAPE)),
    ):
        kept = "given" in what or what == "results"
        month = f"{amount * assumed.scenes / 1e9 * assumed.storage_month:,.0f}" if kept else "-"
        yield row(what, f"{amount / 1e9:.3f}", f"{amount * assumed.scenes / 1e12:.2f}", month)


def checks(figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield the simulation beside a formula and beside measured runs."""
    yield from head("check", "simulated", "expected", "difference")
    speed = figures.speeds[0]
    for machines in MACHINES:
        case = Case(speed=speed, machines=machines, cores=2)
        found, expected = by_formula(case, figures, assumed)
        scenes = job_of(case, figures, assumed).scenes
        yield row(
            f"formula, {machines} x 2 cores, {speed.name}, equal speeds: {scenes:,} scenes",
            f"{found:.2f} h",
            f"{expected:.2f} h",
            f"{abs(found / expected - 1):.2%}",
        )
    for run in figures.ray_runs:
        seconds = ray_run(run, figures, assumed)
        yield row(
            f"measured, {run.nodes} node{'s' * (run.nodes > 1)}: {run.where}"
            + _NOT_YET * run.provisional,
            f"{seconds:.1f} s",
            f"{run.seconds:.1f} s",
            f"{seconds / run.seconds - 1:+.1%}",
        )
    if not figures.ray_runs:
        yield row("measured run on a cluster", "-", "not measured yet", "-")
