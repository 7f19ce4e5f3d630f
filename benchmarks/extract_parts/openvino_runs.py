"""Compiles OpenVINO graphs for the CPU and tells how often they run in a second."""

import os
import time
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import properties

_TYPES = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16}


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def capable_precisions() -> tuple[str, ...]:
    """Return the precisions that are measured on this CPU, without int8."""
    able = openvino.Core().get_property("CPU", properties.device.capabilities())
    return ("fp32", "bf16") if "BF16" in able else ("fp32",)


def compiled(graph: openvino.Model, precision: str, streams: int) -> openvino.CompiledModel:
    """Compile a graph; what a quantised one leaves wide runs in the narrowest the CPU has."""
    wide = capable_precisions()[-1] if precision == "int8" else precision
    options: dict[str, Any] = {
        properties.hint.inference_precision(): _TYPES[wide],
        properties.num_streams(): streams,
        properties.inference_num_threads(): cores(),
    }
    return openvino.Core().compile_model(graph, "CPU", options)


def runs_per_second(
    network: openvino.CompiledModel, inputs: list[NDArray[Any]], streams: int, seconds: float
) -> float:
    """Run a graph over and over on inputs in memory, ``streams`` at once; return runs a second.

    A graph of one stream has two requests too, so that none waits for Python. The clock runs from
    one end of the first request to another.
    """
    tensors = [openvino.Tensor(np.ascontiguousarray(one), shared_memory=True) for one in inputs]
    requests = [network.create_infer_request() for _ in range(max(streams, 2))]
    for request in requests:
        for at, tensor in enumerate(tensors):
            request.set_input_tensor(at, tensor)
    for request in requests:
        request.start_async()
    rounds, elapsed, started = 0, 0.0, 0.0
    while elapsed < seconds:
        requests[0].wait()
        now = time.perf_counter()
        if rounds == 0:
            started = now
        rounds, elapsed = rounds + 1, now - started
        for request in requests:
            request.wait()
            request.start_async()
    for request in requests:
        request.wait()
    return (rounds - 1) * len(requests) / elapsed
