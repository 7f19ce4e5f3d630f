"""How fast `landslip extract` maps a scene, beside other ways and beside what the CPU allows.

    python benchmarks/extract.py [--scene SCENE --model MODEL] [--rounds 3] [--out PAGE.md]
        [--geoai VENV/bin/python] [--side 4096] [--epochs 24] [--seed 0]

Side by side, each in a process of its own and in an order drawn anew in each round:

- `landslip extract` in each precision that the CPU computes in, int8 where the model has it;
- naive_loop.py, the loop that most users write, in eager fp32 torch;
- geoai_loop.py, geoai's function for whole scenes, with ``--geoai``: the Python of a virtual
  environment made by ``uv venv VENV && uv pip install -p VENV/bin/python geoai-py``;
- the model alone on pixels in memory, by the same engine, at the best window, batch and streams;
- the product of large matrices by the same engine.

Without a scene and a model, both are made from the seed: 4 bands of uint16 reflectance with a
border of nodata, and a LinkNet-ResNet-50 that is trained for a few minutes.
"""

import argparse
import tempfile
from pathlib import Path

import rasterio

from extract_parts.comparison import Comparison, Measurements, run_comparison
from extract_parts.inputs import add_options, scene_and_model
from extract_parts.openvino_runs import capable_precisions, cores
from extract_parts.page import environment_lines, graph_steps, limits, whole_processes
from extract_parts.processes import run_json
from landslip.models.folder import INT8_GRAPH, open_model
from landslip.models.networks.build import network_cost

LIMITS = (
    "Ours beside what the CPU allows. A case of the model alone is `engine` or plain OpenVINO "
    "calls, side of the window, streams, batch; its pixels are in memory. Ours counts each pixel "
    "of the scene once, overlaps and start of the process included."
)


def main() -> None:
    """Measure, print the tables and write the page."""
    options = parsed()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        contest = contest_of(options, Path(folder))
        found = run_comparison(contest, options.rounds, options.seed)
        lines = page(contest, found, options)
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--geoai", type=Path)
    parser.add_argument("--encoder", default="resnet50", help="of the model that is made")
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16", "int8"))
    parser.add_argument("--steps-side", type=int, default=1024, help="0 leaves the steps out")
    return parser.parse_args()


def contest_of(options: argparse.Namespace, work: Path) -> Comparison:
    """Take or make scene and model."""
    scene, model = scene_and_model(options, work, options.encoder)
    has_int8 = INT8_GRAPH in open_model(model).card.files
    able = (*capable_precisions(), "int8") if has_int8 else capable_precisions()
    return Comparison(
        scene=scene,
        model=model,
        work=work,
        precisions=tuple(options.precisions or able),
        geoai=options.geoai,
    )


def page(contest: Comparison, found: Measurements, options: argparse.Namespace) -> list[str]:
    """Return the page's lines."""
    card = open_model(contest.model).card
    gflop = network_cost(card.architecture).gflop_per_tile
    with rasterio.open(contest.scene) as file:
        form = f"{file.width} x {file.height} px, {file.count} bands of {file.dtypes[0]}"
        packing = f"{file.compression.name if file.compression else 'not compressed'}"
    intro = (
        f"{card.architecture.title}, {card.architecture.encoder}, {gflop:.1f} GFLOP for a tile of "
        f"256 x 256 px. Scene: {form}, {packing}. {cores()} cores, {options.rounds} rounds: "
        "medians, and the largest peak. From the start of the process to mask and polygons on disk."
    )
    lines = ["# Whole-scene extraction: speed", "", "```", command(options), "```", "", intro, ""]
    lines += environment_lines(options.seed, contest.geoai)
    lines += ["", *whole_processes(contest, found), "", LIMITS, "", *limits(contest, found, gflop)]
    if options.steps_side:
        lines += ["", f"Steps of the graph, windows of {options.steps_side} px:", ""]
        lines += graph_steps(steps_of(contest, options.steps_side))
    return lines


def command(options: argparse.Namespace) -> str:
    """Return the command line without this machine's paths."""
    given = [
        f"--{name} {name.upper()}"
        for name in ("scene", "model", "geoai")
        if getattr(options, name) is not None
    ]
    words = ["python benchmarks/extract.py", *given, f"--rounds {options.rounds}"]
    return " ".join([*words, f"--seed {options.seed}"])


def steps_of(contest: Comparison, side: int) -> dict[str, list[dict[str, float | str]]]:
    """Measure the steps of the graph in each precision."""
    words = [str(contest.model), "--side", str(side)]
    return {
        precision: run_json("extract_parts.graph_steps", *words, "--precision", precision)
        for precision in contest.precisions
    }


if __name__ == "__main__":
    main()
