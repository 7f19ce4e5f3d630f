"""The model alone: how fast it runs on pixels that are in memory already.

    PYTHONPATH=benchmarks python -m extract_parts.model_alone MODEL --precision bf16 [--case C]

Without a case all are tried, by the engine as `landslip extract` sets it up and by plain OpenVINO
calls on the stored graph. A case is ``engine:SIDE:STREAMS`` or ``plain:SIDE:STREAMS:BATCH``. Prints
JSON: 10^6 pixels a second by case.
"""

import argparse
import itertools
import json
import threading
import time
from pathlib import Path

import numpy as np
import openvino

from extract_parts.openvino_runs import compiled, runs_per_second
from landslip.core.choices import EngineName, Precision
from landslip.models.engines.base import WindowRunner, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.folder import GRAPH, INT8_GRAPH, ModelFolder, open_model

SIDES, STREAMS, BATCHES = (512, 1024, 2048), (1, 2), (1, 4)
_LARGEST_BATCH_PX = 4 * 1024 * 1024


def main() -> None:
    """Measure one case or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--precision", choices=("fp32", "bf16", "int8"), required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--case", action="append")
    options = parser.parse_args()
    model = open_model(options.model)
    found = {
        case: measure(model, options.precision, case, options.seconds)
        for case in options.case or cases()
    }
    print(json.dumps(found))


def cases() -> list[str]:
    """Return all cases; large batches of large windows are left out, for their memory."""
    engine = [f"engine:{side}:{n}" for side, n in itertools.product(SIDES, STREAMS)]
    plain = [
        f"plain:{side}:{n}:{batch}"
        for side, n, batch in itertools.product(SIDES, STREAMS, BATCHES)
        if side * side * batch <= _LARGEST_BATCH_PX
    ]
    return engine + plain


def measure(model: ModelFolder, precision: str, case: str, seconds: float) -> float:
    """Return 10^6 pixels a second."""
    kind, *numbers = case.split(":")
    side, streams = int(numbers[0]), int(numbers[1])
    if kind == "engine":
        return _by_engine(model, precision, (side, streams), seconds)
    batch = int(numbers[2])
    graph = openvino.Core().read_model(model.file(INT8_GRAPH if precision == "int8" else GRAPH))
    shape = (batch, len(model.card.bands), side, side)
    graph.reshape(list(shape))
    pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    network = compiled(graph, precision, streams)
    return batch * side * side / 1e6 * runs_per_second(network, [pixels], streams, seconds)


def _by_engine(model: ModelFolder, precision: str, form: tuple[int, int], seconds: float) -> float:
    side, streams = form
    engine = open_engine(model, EngineName.OPENVINO, Precision(precision))
    window = WindowSpec(
        shape=(side, side), normalisation=model.card.normalisation_of(model.card.radiometry)
    )
    runner = engine.runner(window, streams)
    return side * side / 1e6 * _windows_per_second(runner, model, side, seconds)


def _windows_per_second(
    runner: WindowRunner, model: ModelFolder, side: int, seconds: float
) -> float:
    """Keep all streams busy from a thread each, as the extraction does."""
    radiometry = model.card.radiometry
    highest = np.iinfo(radiometry.dtype).max if radiometry.is_8bit else 4000
    pixels = np.random.default_rng(0).integers(1, highest, (len(model.card.bands), side, side))
    stored, valid = pixels.astype(radiometry.dtype), np.ones((side, side), dtype=np.bool_)
    runner.run(stored, valid)
    counts = [0] * runner.streams
    started = time.perf_counter()

    def keep_busy(at: int) -> None:
        while time.perf_counter() - started < seconds:
            runner.run(stored, valid)
            counts[at] += 1

    threads = [threading.Thread(target=keep_busy, args=(at,)) for at in range(runner.streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
