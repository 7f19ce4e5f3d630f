"""OpenVINO on the CPU; works without torch."""

import os
import warnings
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import properties

from landslip.core.choices import Precision
from landslip.core.errors import InputError
from landslip.models.engines.base import EngineCosts, WindowForm
from landslip.models.engines.graph import window_graph
from landslip.models.engines.memory import live_bytes
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, INT8_GRAPH, INT8_GRAPH_WEIGHTS, Model

if TYPE_CHECKING:
    from torch import nn

_TYPES = {
    Precision.BF16: openvino.Type.bf16,
    Precision.FP16: openvino.Type.f16,
    Precision.FP32: openvino.Type.f32,
}
_WIDE_MACHINE = 8
_SHAPE = (512, 512)  # any will do: memory grows with the area
_RUNTIME_BYTES = 60 * 2**20
# of activations; some layers of an int8 graph hold wider numbers
_ELEMENT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1.4}
# of a LinkNet with ResNet-50 on one core of a processor with AVX512
_PX_PER_S = {"fp32": 0.85e6, "bf16": 1.7e6, "fp16": 1.7e6, "int8": 3e6}


class OpenvinoEngine:
    """Runs the graph that is stored in the model folder."""

    name = "openvino"

    def __init__(self, model: Model, precision: Precision = Precision.AUTO) -> None:
        """Find the graph for a precision; it is compiled when it is first needed.

        Raises:
            ModelError: the graph is missing or damaged.
            InputError: this CPU does not compute in the precision.
        """
        self._core = openvino.Core()
        able = self._core.get_property("CPU", properties.device.capabilities())
        self._others = Precision.BF16 if "BF16" in able else Precision.FP32
        if precision is Precision.AUTO:
            precision = self._others
        if precision in (Precision.FP16, Precision.BF16) and precision.name not in able:
            raise InputError(
                f"--precision {precision}: this CPU does not compute in it; use --precision auto, "
                f"which is {self._others} here"
            )
        self.precision = precision.value
        if precision is Precision.INT8:
            self._graph, _ = model.file(INT8_GRAPH), model.file(INT8_GRAPH_WEIGHTS)
        else:
            self._graph, _ = model.file(GRAPH), model.file(GRAPH_WEIGHTS)
        self._others = self._others if precision is Precision.INT8 else precision
        self._bands = len(model.card.bands)

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        result: NDArray[np.float32] = self._any_shape(batch)[0]
        return result[:, 0].astype(np.float32, copy=True)

    def runner(self, form: WindowForm, streams: int | None = None) -> "OpenvinoRunner":
        """See `Engine.runner`."""
        cores = _cores()
        streams = min(streams or usual_streams(cores), cores)
        graph = window_graph(self._core.read_model(self._graph), form)
        return OpenvinoRunner(self._compiled(graph, streams, cores), streams)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        height, width = _SHAPE
        alive = live_bytes(self._graph, self._bands, _SHAPE, 1) * _ELEMENT_BYTES[self.precision]
        streams = usual_streams(_cores())
        return EngineCosts(
            # the file, and the weights in the precision that is computed in
            resident_bytes=_RUNTIME_BYTES
            + int(1.5 * self._graph.with_suffix(".bin").stat().st_size),
            computing_bytes_per_px=alive / (height * width),
            streams=streams,
            readers=1,
            px_per_s=_PX_PER_S[self.precision],
        )

    @cached_property
    def _any_shape(self) -> openvino.CompiledModel:
        return self._compiled(self._core.read_model(self._graph), 1, None)

    def _compiled(
        self, graph: openvino.Model, streams: int, threads: int | None
    ) -> openvino.CompiledModel:
        options: dict[str, Any] = {
            properties.hint.inference_precision(): _TYPES[self._others],
            properties.num_streams(): streams,
        }
        if threads is not None:
            options[properties.inference_num_threads()] = threads
        return self._core.compile_model(graph, "CPU", options)


class OpenvinoRunner:
    """A graph compiled for windows of one form; each stream has a share of the cores."""

    def __init__(self, compiled: openvino.CompiledModel, streams: int) -> None:
        """Make a request for each stream."""
        self.streams = streams
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(streams):
            self._idle.put(compiled.create_infer_request())

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        # handed over without copies: these two must live until the request has been answered
        pixels = np.ascontiguousarray(stored[np.newaxis])
        known = np.ascontiguousarray(valid[np.newaxis, np.newaxis])
        request = self._idle.get()
        try:
            request.set_input_tensor(0, openvino.Tensor(pixels, shared_memory=True))
            request.set_input_tensor(1, openvino.Tensor(known, shared_memory=True))
            request.infer()
            steps: NDArray[np.uint8] = request.get_output_tensor(0).data[0, 0].copy()
        finally:
            self._idle.put(request)
        return steps


def usual_streams(cores: int) -> int:
    """Return how many windows are computed at once.

    Each on its share of the cores: whatever else needs a core then stops one of them and not all.
    On many cores memory is the limit.
    """
    return min(cores, 2) if cores <= _WIDE_MACHINE else cores // 4


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def export_graph(network: "nn.Module", bands: int, folder: Path) -> tuple[str, str]:
    """Write a network with its sigmoid as OpenVINO IR in float32; return the files' names."""
    import torch
    from torch import nn

    probability = nn.Sequential(network, nn.Sigmoid()).eval()
    example = torch.zeros(1, bands, 64, 64)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO traces with torch.jit, of which torch says that it will go
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")
        # SegFormer's decoder compares numbers of channels, which never change
        warnings.filterwarnings(
            "ignore", message="Converting a tensor", module="segmentation_models_pytorch"
        )
        graph = openvino.convert_model(
            probability, example_input=example, input=[-1, bands, -1, -1]
        )
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    return GRAPH, GRAPH_WEIGHTS
