"""The tables of what changes when one thing does."""

import math
from collections.abc import Iterator
from dataclasses import replace

from country_parts.cases import Assumed, Case, job_of, outcome_of
from country_parts.figures import Figures, Speed
from country_parts.job import Failures
from country_parts.tables import head, row, short, solved


def drivers(speed: Speed, figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield how many machines one driver can serve."""
    yield from head(
        "machines a driver",
        "drivers",
        "hours",
        "machines compute",
        "they begin blocks",
        "drivers busy",
        "limit",
    )
    for count in (1, 2, 5, 10, 20, 50, 100, 0):
        case = Case(speed=speed, machines=100, cores=2, drivers=count)
        found = solved(case, figures, assumed)
        each = "no cluster" if count == 0 else f"{100 // count}"
        yield row(
            each,
            count or "-",
            f"{found.hours:.3g}",
            f"{found.computing_share:.0%}",
            f"{found.waited_share:.0%}",
            "-" if count == 0 else f"{found.driver_share:.0%}",
            found.limit,
        )


def processes(speed: Speed, figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield into how many processes a large machine is best divided."""
    yield from head("cores a process", "processes", "hours", "machines compute", "limit")
    case = Case(speed=speed, machines=10, cores=64)
    for cores in (64, 32, 16, 8, 4, 2):
        divided = replace(assumed, process_cores=cores)
        found = solved(case, figures, divided)
        yield row(
            cores,
            case.processes(divided),
            f"{found.hours:.3g}",
            f"{found.computing_share:.0%}",
            found.limit,
        )


def few(speed: Speed, figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield how soon a few scenes are there, on machines that run already."""
    yield from head("scenes", "lists: minutes", "one cluster: minutes", "its limit")
    case = Case(speed=speed, machines=10, cores=16)
    for count in (1, 4, 12, 40, 120):
        soon = replace(assumed, scenes=count, boot_s=0.0)
        alone = solved(case, figures, soon)
        cluster = solved(replace(case, drivers=1), figures, soon)
        yield row(count, short(alone.hours * 60), short(cluster.hours * 60), cluster.limit)


def scenes_at_once(speed: Speed, figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield what more open scenes do."""
    yield from head("scenes open", "hours", "machines compute", "driver busy", "limit")
    case = Case(speed=speed, machines=10, cores=2, drivers=1)
    for count in (1, 2, 3, 4, 6, 12):
        found = solved(case, figures, replace(assumed, scenes_at_once=count))
        yield row(
            count,
            f"{found.hours:.3g}",
            f"{found.computing_share:.0%}",
            f"{found.driver_share:.0%}",
            found.limit,
        )


def bandwidth(speed: Speed, figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield where the store becomes the limit."""
    yield from head("store, GB/s", "hours", "read, GB/s", "machines compute", "limit")
    case = Case(speed=speed, machines=100, cores=64)
    for rate in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        found = solved(case, figures, replace(assumed, store_gb_per_s=rate))
        read = found.tally.read_bytes / found.tally.seconds / 1e9
        yield row(
            f"{rate:g}",
            f"{found.hours:.3g}",
            f"{read:.2f}",
            f"{found.computing_share:.0%}",
            found.limit,
        )


def failures(speed: Speed, figures: Figures, assumed: Assumed) -> Iterator[str]:
    """Yield what deaths of machines and of the driver cost."""
    yield from head(
        "a machine lasts",
        "the driver lasts",
        "machines lost",
        "drivers lost",
        "hours",
        "work lost",
    )
    case = Case(speed=speed, machines=10, cores=2, drivers=1)
    job = job_of(case, figures, assumed)
    inf = math.inf
    for machine_h, driver_h in (
        (inf, inf),
        (24, inf),
        (6, inf),
        (1, inf),
        (inf, 6),
        (inf, 1),
        (1, 1),
    ):
        fails = Failures(machine_s=machine_h * 3600, driver_s=driver_h * 3600)
        found = outcome_of(case, replace(job, failures=fails), assumed)
        yield row(
            _lasting(machine_h),
            _lasting(driver_h),
            found.tally.deaths,
            found.tally.driver_deaths,
            f"{found.hours:.3g}",
            f"{found.tally.lost_share:.2%}",
        )


def _lasting(hours: float) -> str:
    return "for ever" if math.isinf(hours) else f"{hours:g} h"
