"""What int8 costs in F1 and gives in speed, beside bf16 and fp32.

    python benchmarks/int8.py MODEL DATASET [--split test] [--tiles 100] [--side 1024] [--rounds 5]
        [--seed 0] [--out TABLE.md]

MODEL is quantised on the training tiles of DATASET unless it has an int8 graph already. F1, and
the share of pixels whose mask differs from that of fp32, are of all tiles of the split, at the
model's threshold. Speed is of the network alone on square windows, a stream for each of two cores,
the precisions by turns in each round; the median of the rounds counts.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from landslip.core.choices import Precision, Split
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.metrics.pixels import PixelCounts, count_pixels, sum_counts
from landslip.models.engines.openvino import OpenvinoEngine
from landslip.models.evaluation import predicted_tiles
from landslip.models.export.int8 import QuantisationTiles
from landslip.models.export.run import ExportRequest, export
from landslip.models.folder import GRAPH, INT8_GRAPH, ModelFolder, open_model

THREADS, WINDOWS = 2, 4
HEADER = """| precision | F1 % | precision % | recall % | differs from fp32 | MPix/s | of fp32 |
|---|---|---|---|---|---|---|"""


@dataclass(slots=True)
class Row:
    """A precision's counts, differing pixels and MPix/s of each round."""

    precision: Precision
    counts: list[PixelCounts] = field(default_factory=list)
    differing_px: int = 0
    counted_px: int = 0
    speeds: list[float] = field(default_factory=list)


def main() -> None:
    """Quantise, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", type=Split, default=Split.TEST)
    parser.add_argument("--tiles", type=int, default=100)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    dataset = TileDataset(options.dataset)
    with tempfile.TemporaryDirectory() as folder:
        calibration = QuantisationTiles(dataset=dataset, tiles=options.tiles, seed=options.seed)
        model = with_int8(open_model(options.model), calibration, Path(folder) / "model")
        rows = [Row(precision) for precision in precisions()]
        score(rows, model, dataset, options.split)
        race(rows, model, options.side, options.rounds)
    number = len(dataset.positions(options.split))
    text = table(rows, f"{number} {options.split} tiles, windows of {options.side} px")
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


def with_int8(model: ModelFolder, calibration: QuantisationTiles, folder: Path) -> ModelFolder:
    """Return the model, or a copy with an int8 graph however much F1 that loses."""
    if INT8_GRAPH in model.card.files:
        return model
    started = time.perf_counter()
    request = ExportRequest(
        model=model, out=folder, onnx=False, int8=calibration, max_loss_points=100.0
    )
    made = export(request).int8
    if made is not None:
        print(
            f"calibrated on {made.calibration_tiles} tiles and measured in "
            f"{time.perf_counter() - started:.0f} s: F1 on {made.tiles} {made.split} tiles "
            f"{made.f1_fp32_percent:.2f} % in fp32, {made.f1_percent:.2f} % in int8\n"
        )
    return open_model(folder)


def precisions() -> list[Precision]:
    """Return what this CPU computes in, fp32 first."""
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    fast = [Precision.BF16] if "BF16" in able else []
    return [Precision.FP32, *fast, Precision.INT8]


def score(rows: list[Row], model: ModelFolder, dataset: TileDataset, split: Split) -> None:
    """Count each tile in each precision."""
    positions = dataset.positions(split)
    reference: dict[int, NDArray[np.bool_]] = {}
    for row in rows:
        engine = OpenvinoEngine(model, row.precision)
        for position, probability in predicted_tiles(engine, model.card, dataset, positions):
            tile, mask = dataset.tile(position), probability >= model.card.threshold
            row.counts.append(count_pixels(mask, tile.label == LANDSLIDE, tile.counted))
            differing = mask != reference.setdefault(position, mask)
            row.differing_px += int(np.count_nonzero(differing[tile.counted]))
            row.counted_px += int(np.count_nonzero(tile.counted))


def race(rows: list[Row], model: ModelFolder, side: int, rounds: int) -> None:
    """Time each precision in each round, after a first turn that does not count."""
    shape = (1, len(model.card.bands), side, side)
    pixels = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    queues = [queue(model, row.precision, shape) for row in rows]
    for turn in range(rounds + 1):
        for row, requests in zip(rows, queues, strict=True):
            started = time.perf_counter()
            for _ in range(WINDOWS):
                requests.start_async({0: pixels})
            requests.wait_all()
            speed = WINDOWS * side * side / 1e6 / (time.perf_counter() - started)
            if turn > 0:
                row.speeds.append(speed)


def queue(
    model: ModelFolder, precision: Precision, shape: tuple[int, ...]
) -> openvino.AsyncInferQueue:
    """Compile the stored graph of a precision for windows of one shape, a thread a stream."""
    core = openvino.Core()
    graph = core.read_model(model.file(INT8_GRAPH if precision is Precision.INT8 else GRAPH))
    graph.reshape(list(shape))
    others = OpenvinoEngine(model).precision if precision is Precision.INT8 else precision.value
    compiled = core.compile_model(
        graph,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32"}.get(others, others),
            "NUM_STREAMS": THREADS,
            "INFERENCE_NUM_THREADS": THREADS,
        },
    )
    return openvino.AsyncInferQueue(compiled, THREADS)


def table(rows: list[Row], title: str) -> str:
    """Return the rows as markdown."""
    slowest = statistics.median(rows[0].speeds)
    lines = [title, "", HEADER]
    for row in rows:
        counts, speed = sum_counts(row.counts), statistics.median(row.speeds)
        scores = " | ".join(
            "-" if value is None else f"{100 * value:.2f}"
            for value in (counts.f1, counts.precision, counts.recall)
        )
        lines.append(
            f"| {row.precision} | {scores} | {row.differing_px / row.counted_px:.3%} | "
            f"{speed:.2f} | {speed / slowest:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
