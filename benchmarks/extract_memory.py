"""How much memory `landslip extract` takes for scenes of any height and width.

    python benchmarks/extract_memory.py [--model MODEL] [--small-model MODEL] [--out PAGE.md]
        [--plot PLOT.png] [--lengths 2048 8192 32768 100000] [--huge 100000] [--seed 0]

The most resident memory of whole processes, for scenes 2048 px wide and of growing height, then the
other way round. Long scenes hold data in a part of their strips only, so that all of it takes
minutes; the rest is nodata. A LinkNet-ResNet-18 maps them all (made from the seed without
``--small-model``), and the network of ``--model`` the first heights, with data all over. With
``--huge``, a square scene of that side too.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from extract_parts.comparison import log
from extract_parts.inputs import SceneLayout, SyntheticImage, make_image, make_model, write_scene
from extract_parts.page import environment_lines, table_head
from extract_parts.processes import ProcessCost, extract_command, run_measured
from landslip.core.resources import parse_size
from landslip.models.folder import open_model

ACROSS_PX = 2048
_FULL_PX, _LARGE_MODEL_PX = 4096, 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scene, and the model that maps it.

    Attributes:
        series: what it belongs to in the plot.
        length: the side that grows.
    """

    series: str
    model: Path
    form: SceneLayout
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a case took; ``window_px`` is (height, width) of the windows that were planned."""

    case: Case
    cost: ProcessCost
    window_px: tuple[int, int]


def main() -> None:
    """Measure all cases, print the table and draw the plot."""
    options = parsed()
    ground = make_image(options.seed)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        small = options.small_model or make_model(
            work / "made", ground, encoder="resnet18", epochs=options.epochs, seed=options.seed
        )
        rows = [
            measure(case, ground, work, options) for case in cases(options, small, options.model)
        ]
    lines = page(rows, options)
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")
    if options.plot is not None:
        draw(rows, options.plot, parse_size(options.memory, "--memory") / 2**20)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--small-model", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--lengths", type=int, nargs="+", default=[2048, 8192, 32768, 100_000])
    parser.add_argument("--huge", type=int, help="side of a square scene, e.g. 100000")
    parser.add_argument("--memory", default="2G", help="given to the command")
    parser.add_argument("--epochs", type=int, default=24, help="of the model that is made")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def cases(options: argparse.Namespace, small: Path, large: Path | None) -> list[Case]:
    """Return what is measured, the cheap ones first."""
    found = []
    for series, model, lengths in (
        ("height", small, options.lengths),
        ("width", small, options.lengths),
        ("height", large, [one for one in options.lengths if one <= _LARGE_MODEL_PX]),
    ):
        if model is None:
            continue
        title = open_model(model).card.architecture.encoder
        share_of = filled_fraction if model is small else everywhere
        for length in lengths:
            shape = (length, ACROSS_PX) if series == "height" else (ACROSS_PX, length)
            form = SceneLayout(shape=shape, filled_fraction=share_of(length))
            found.append(Case(series=f"{series}, {title}", model=model, form=form, length=length))
    if options.huge is not None:
        form = SceneLayout(
            shape=(options.huge, options.huge), filled_fraction=512 * 2 / options.huge
        )
        found.append(Case(series="square", model=small, form=form, length=options.huge))
    return found


def filled_fraction(length: int) -> float:
    """Return a share that leaves a scene at least as much data as one of 4096 px, and some more."""
    return float(min(1.0, (_FULL_PX / length) ** 0.7))


def everywhere(_length: int) -> float:
    """Return a share of all."""
    return 1.0


def measure(
    case: Case, ground: SyntheticImage, work: Path, options: argparse.Namespace
) -> Measured:
    """Make the scene, map it, and remove both."""
    scene, out = work / "scene.tif", work / f"map_{case.length}_{abs(hash(case.series))}"
    write_scene(scene, ground, case.form, options.seed)
    cost = run_measured(extract_command(scene, case.model, out, "--memory", options.memory))
    summary = json.loads((out / "summary.json").read_text())
    for file in (scene, *out.iterdir()):
        file.unlink()
    height, width = summary["window_px"]
    log(f"{case.series} {case.length}: {cost.peak_mib:.0f} MiB, {cost.seconds:.1f} s")
    return Measured(case=case, cost=cost, window_px=(height, width))


def page(rows: list[Measured], options: argparse.Namespace) -> list[str]:
    """Return the page's lines."""
    lines = ["# Whole-scene extraction: memory", "", "```", "python benchmarks/extract_memory.py"]
    lines += ["```", "", *environment_lines(options.seed)]
    lines += [f"- `--memory {options.memory}`; the most resident memory of the whole process", ""]
    lines += table_head(
        "growing", "height x width, px", "strips with data", "window, px", "peak, MiB", "s"
    )
    for row in rows:
        (height, width), case = row.case.form.shape, row.case
        lines.append(
            f"| {case.series} | {height} x {width} | {case.form.filled_fraction:.1%} "
            f"| {row.window_px[0]} x {row.window_px[1]} | {row.cost.peak_mib:.0f} "
            f"| {row.cost.seconds:.1f} |"
        )
    return lines


def draw(rows: list[Measured], path: Path, bound_mib: float) -> None:
    """Plot memory against the side that grows, under its bound."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for series in dict.fromkeys(row.case.series for row in rows):
        points = [(row.case.length, row.cost.peak_mib) for row in rows if row.case.series == series]
        axes.plot(*zip(*points, strict=True), marker="o", label=series)
    axes.axhline(bound_mib, color="grey", linestyle="--", label="--memory")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("side that grows, px")
    axes.set_ylabel("peak resident memory, MiB")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
