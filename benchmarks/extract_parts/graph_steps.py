"""What each change to the stored graph gains.

    PYTHONPATH=benchmarks python -m extract_parts.graph_steps MODEL --precision bf16 [--side 1024]

All steps are compiled in one process and run in turns. Of each: the graph on what it takes, and the
way from stored numbers to steps of 1/250, with numpy doing what the graph does not. Prints JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from extract_parts.openvino_runs import compiled, runs_per_second
from landslip.models.engines.base import WindowSpec, quantise_probability
from landslip.models.engines.openvino import (
    split_last_convolution,
    with_level_output,
    with_stored_input,
)
from landslip.models.folder import GRAPH, INT8_GRAPH, ModelFolder, open_model

NAMES = (
    "stored graph, float32 in and out",
    "+ last convolution split",
    "+ stored numbers in, normalised in the graph",
    "+ 8 bits out",
    "+ two streams",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A compiled graph with the changes up to a point."""

    network: openvino.CompiledModel
    streams: int
    takes_stored: bool
    gives_steps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of random pixels in all forms that graphs take."""

    form: WindowSpec
    stored: NDArray[Any]
    valid: NDArray[np.bool_]

    def inputs(self, takes_stored: bool) -> list[NDArray[Any]]:
        """Return what a graph takes."""
        if takes_stored:
            return [self.stored[np.newaxis], self.valid[np.newaxis, np.newaxis]]
        return [self.form.normalisation.apply(self.stored, self.valid)[np.newaxis]]


def main() -> None:
    """Measure all steps in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--precision", choices=("fp32", "bf16", "int8"), required=True)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    model = open_model(options.model)
    window = window_of(model, options.side)
    steps = [step_of(model, options.precision, window.form, upto) for upto in range(len(NAMES))]
    alone: list[list[float]] = [[] for _ in steps]
    whole: list[list[float]] = [[] for _ in steps]
    for _ in range(options.rounds):
        for at, step in enumerate(steps):
            inputs = window.inputs(step.takes_stored)
            alone[at].append(runs_per_second(step.network, inputs, step.streams, options.seconds))
            whole[at].append(whole_way(step, window, options.seconds))
    mpix = options.side**2 / 1e6
    rows = [
        {
            "step": name,
            "graph": mpix * statistics.median(one),
            "whole": mpix * statistics.median(all_),
        }
        for name, one, all_ in zip(NAMES, alone, whole, strict=True)
    ]
    print(json.dumps(rows))


def window_of(model: ModelFolder, side: int) -> Window:
    """Make a window in the model's radiometry."""
    radiometry = model.card.radiometry
    form = WindowSpec(shape=(side, side), normalisation=model.card.normalisation_of(radiometry))
    highest = 255 if radiometry.is_8bit else 4000
    pixels = np.random.default_rng(0).integers(1, highest, (form.bands, side, side))
    valid = np.ones((side, side), dtype=np.bool_)
    return Window(form=form, stored=pixels.astype(radiometry.dtype), valid=valid)


def step_of(model: ModelFolder, precision: str, form: WindowSpec, upto: int) -> Step:
    """Read the stored graph, change it as far as a step, and compile it."""
    graph = openvino.Core().read_model(model.file(INT8_GRAPH if precision == "int8" else GRAPH))
    graph.reshape([1, form.bands, *form.shape])
    if upto >= 1:
        split_last_convolution(graph)
    if upto >= 2:
        graph = with_stored_input(graph, form)
    if upto >= 3:
        graph = with_level_output(graph)
    streams = 2 if upto >= 4 else 1
    return Step(
        network=compiled(graph, precision, streams),
        streams=streams,
        takes_stored=upto >= 2,
        gives_steps=upto >= 3,
    )


def whole_way(step: Step, window: Window, seconds: float) -> float:
    """Return how many windows a second go from stored numbers to steps, in a thread a stream."""
    runs = [_way(step, window) for _ in range(step.streams)]
    started = time.perf_counter()

    def repeated(run: Callable[[], object]) -> int:
        count = 0
        while time.perf_counter() - started < seconds or count == 0:
            run()
            count += 1
        return count

    with ThreadPoolExecutor(step.streams) as pool:
        done = sum(pool.map(repeated, runs))
    return done / (time.perf_counter() - started)


def _way(step: Step, window: Window) -> Callable[[], NDArray[np.uint8]]:
    request = step.network.create_infer_request()

    def run() -> NDArray[np.uint8]:
        for at, pixels in enumerate(window.inputs(step.takes_stored)):
            request.set_input_tensor(at, openvino.Tensor(pixels, shared_memory=True))
        request.infer()
        found: NDArray[Any] = request.get_output_tensor(0).data
        return found.copy() if step.gives_steps else quantise_probability(found)

    return run


if __name__ == "__main__":
    main()
