"""What a country costs: thousands of scenes on many machines, simulated from measured figures.

    python benchmarks/country.py [--figures country_measured.json] [--page docs/scaling.md]
        [--chart docs/images/scaling.png] [--scenes 10000] [--core-hour 0.04] [--gpu-hour 2.5] ...
    python benchmarks/country.py --measure MODEL [--precisions bf16 int8] [--rounds 3]

The first prints the tables; with ``--page`` they replace what the page has between the lines
``<!-- figures -->`` and ``<!-- end -->``. The second measures this machine's figures and writes
them into the file; runs on a cluster in it (`ray_runs`) are kept.
"""

import argparse
import tempfile
from dataclasses import fields
from pathlib import Path

from country_parts import tables, variations
from country_parts.cases import Assumed
from country_parts.chart import draw
from country_parts.figures import Figures, read_figures
from extract_parts.facts import facts
from landslip.core.errors import InputError

_FIGURES = Path(__file__).with_name("country_measured.json")
_BEGIN, _END = "<!-- figures -->", "<!-- end -->"
_OPTIONS = (
    "scenes",
    "sample",
    "core_hour",
    "gpu_hour",
    "spot_price",
    "storage_month",
    "store_gb_per_s",
    "machine_gb_per_s",
    "boot_s",
    "replaced_s",
    "remote_open_s",
    "lasts_h",
    "process_cores",
    "scenes_at_once",
    "seed",
)


def main() -> None:
    """Measure, or simulate and write the tables."""
    options = parsed()
    if options.measure is not None:
        measure_into(options.figures, options)
        return
    figures = read_figures(options.figures)
    assumed = Assumed(**{name: getattr(options, name) for name in _OPTIONS})
    lines = page(figures, assumed)
    if options.page is None:
        print("\n".join(lines))
    else:
        write_between(options.page, lines)
    if options.chart is not None:
        draw(figures, assumed, options.chart)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figures", type=Path, default=_FIGURES)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--measure", type=Path, metavar="MODEL")
    parser.add_argument("--precisions", nargs="+", default=["bf16", "int8"])
    parser.add_argument("--sides", type=int, nargs=2, default=[2048, 4096])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--provisional", action="store_true", help="mark what is measured so")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    usual = {item.name: item.default for item in fields(Assumed)}
    for name in _OPTIONS:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(usual[name]), default=usual[name])
    return parser.parse_args()


def measure_into(path: Path, options: argparse.Namespace) -> None:
    """Measure this machine and write the file of figures."""
    from country_parts.measure import Measuring, measure

    ray_runs = read_figures(path).ray_runs if path.exists() else ()
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        found = measure(
            Measuring(
                model=options.measure,
                precisions=tuple(options.precisions),
                sides=tuple(options.sides),
                rounds=options.rounds,
                seed=options.seed,
                work=Path(work),
                provisional=options.provisional,
            )
        )
    found = found.model_copy(update={"ray_runs": ray_runs})
    path.write_text(found.model_dump_json(indent=2) + "\n")


def page(figures: Figures, assumed: Assumed) -> list[str]:
    """Return all tables with what they are of."""
    fast = figures.speeds[0]
    crowd = f"{assumed.scenes_at_once} scenes open"
    sample = f"{min(assumed.sample, assumed.scenes):,} scenes or more, hours scaled to all"
    parts = (
        ("What is measured", tables.measured(figures)),
        ("What is assumed", tables.assumptions(assumed)),
        (f"{assumed.scenes:,} scenes (simulated)", tables.country(figures, assumed)),
        (
            f"Machines a driver: 100 machines of 2 cores, {fast.name}, {crowd}; {sample}",
            variations.drivers(fast, figures, assumed),
        ),
        (
            f"Processes a machine: 10 machines of 64 cores, no cluster, {fast.name}",
            variations.processes(fast, figures, assumed),
        ),
        (
            f"A few scenes: 10 machines of 16 cores that run already, {fast.name}",
            variations.few(fast, figures, assumed),
        ),
        (
            f"Scenes open at once: 10 machines of 2 cores, one driver, {fast.name}; {sample}",
            variations.scenes_at_once(fast, figures, assumed),
        ),
        (
            f"Bandwidth: 100 machines of 64 cores, each for itself, {figures.speeds[-1].name}",
            variations.bandwidth(figures.speeds[-1], figures, assumed),
        ),
        (
            f"Deaths: 10 machines of 2 cores, one driver, {fast.name}, {crowd}; {sample}",
            variations.failures(fast, figures, assumed),
        ),
        ("Storage and traffic", tables.storage(figures, assumed)),
        ("The simulation beside a formula and beside reality", tables.checks(figures, assumed)),
    )
    lines = facts(assumed.seed)
    for title, table in parts:
        lines += ["", f"### {title}", "", *table]
    return lines


def write_between(path: Path, lines: list[str]) -> None:
    """Put lines between the marks of a page.

    Raises:
        InputError: the page has no such marks.
    """
    text = path.read_text()
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise InputError(f"{path}: a page has the lines {_BEGIN} and {_END}; this one has not")
    path.write_text("\n".join([before + begin, "", *lines, "", end + after]))


if __name__ == "__main__":
    main()
