"""OpenVINO on the CPU; works without torch.

Graphs are rewritten so that they take a scene's stored numbers and return probability levels.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import Model as Graph
from openvino import Node, properties
from openvino import opset13 as ops

from landslip.core.choices import Precision, Tta
from landslip.core.errors import InputError, ModelError, argument, excerpt
from landslip.models.engines.base import PROBABILITY_LEVELS, EngineCosts, WindowSpec
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, INT8_GRAPH, INT8_GRAPH_WEIGHTS, ModelFolder

if TYPE_CHECKING:
    from torch import nn

_TYPES = {
    Precision.BF16: openvino.Type.bf16,
    Precision.FP16: openvino.Type.f16,
    Precision.FP32: openvino.Type.f32,
}
_SCALING = ("scale", "offset")
_MANY_CORES = 8
_SHAPE = (512, 512)  # any: memory grows with the area
_RUNTIME_BYTES = 60 * 2**20
# of activations; some layers of an int8 graph hold wider numbers
_ELEMENT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1.4}
# of a LinkNet with ResNet-50 on one core: in small windows, and what a pixel takes longer in large
# ones, by the processor's memory
_PX_PER_S = {"fp32": 0.85e6, "bf16": 3e6, "fp16": 3e6, "int8": 5e6}
_PX_PER_S_WITHOUT_BF16 = {"fp32": 0.4e6, "int8": 0.65e6}
_CACHED_PX = 3e6
_UNCACHED_S_PER_PX = {"fp32": 0.2e-6, "bf16": 0.14e-6, "fp16": 0.14e-6, "int8": 0.08e-6}


@contextmanager
def graph_errors(file: Path) -> Iterator[None]:
    """Name the file of a graph that the runtime refuses, which may be damaged.

    Raises:
        ModelError: OpenVINO or ONNX Runtime fails with a RuntimeError.
    """
    try:
        yield
    except (RuntimeError, IndexError) as error:
        raise ModelError(
            f"{file}: the graph cannot be run ({excerpt(error, 300)}); copy the model folder "
            "again, or train again"
        ) from error


class OpenvinoEngine:
    """Runs the graph stored in the model folder."""

    name = "openvino"
    tta = Tta.NONE

    def __init__(self, model: ModelFolder, precision: Precision = Precision.AUTO) -> None:
        """Find the graph of a precision; it is compiled at its first use."""
        self._core = openvino.Core()
        supported = self._core.get_property("CPU", properties.device.capabilities())
        fastest = Precision.BF16 if "BF16" in supported else Precision.FP32
        if precision is Precision.AUTO:
            precision = fastest
        if precision in (Precision.FP16, Precision.BF16) and precision.name not in supported:
            raise InputError(
                f"{argument('precision', precision.value)}: this CPU does not support it; use "
                f"{argument('precision', 'auto')}, which is {fastest} here"
            )
        self.precision, is_int8 = precision.value, precision is Precision.INT8
        files = (INT8_GRAPH, INT8_GRAPH_WEIGHTS) if is_int8 else (GRAPH, GRAPH_WEIGHTS)
        self._graph, _ = map(model.file, files)
        self._type = _TYPES[fastest if is_int8 else precision]
        older = {} if fastest is Precision.BF16 else _PX_PER_S_WITHOUT_BF16
        self._px_per_s = (_PX_PER_S | older)[self.precision]
        self._bands = len(model.card.bands)

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        with graph_errors(self._graph):
            result: NDArray[np.float32] = self._any_shape(batch)[0]
        return result[:, 0].astype(np.float32, copy=True)

    def runner(self, spec: WindowSpec, streams: int | None = None) -> "OpenvinoRunner":
        """See `Engine.runner`."""
        cores = len(os.sched_getaffinity(0))
        streams = min(streams or default_streams(cores), cores)
        with graph_errors(self._graph):
            graph = self._read()
            split_last_convolution(graph)
            graph = with_stored_input(graph, spec)
            compiled = self._compiled(with_level_output(graph), streams, cores)
            return OpenvinoRunner(compiled, streams)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        height, width = _SHAPE
        with graph_errors(self._graph):
            elements = peak_activation_bytes(self._graph, self._bands, _SHAPE, 1)
        weights = self._graph.with_suffix(".bin").stat().st_size
        return EngineCosts(
            # the file, and the weights in the precision of the computation
            resident_bytes=_RUNTIME_BYTES + int(1.5 * weights),
            computing_bytes_per_px=elements * _ELEMENT_BYTES[self.precision] / (height * width),
            streams=default_streams(len(os.sched_getaffinity(0))),
            readers=1,
            px_per_s=self._px_per_s,
            cached_px=_CACHED_PX,
            uncached_s_per_px=_UNCACHED_S_PER_PX[self.precision],
        )

    @cached_property
    def _any_shape(self) -> openvino.CompiledModel:
        return self._compiled(self._read(), 1, None)

    def _read(self) -> openvino.Model:
        graph = self._core.read_model(self._graph)
        for node in graph.get_ops():
            if node.get_type_name() == "Constant" and np.isnan(node.data).any():
                raise ModelError(
                    f"{self._graph}: has weights that are not numbers (NaN); copy the model folder "
                    "again, or train again"
                )
        return graph

    def _compiled(
        self, graph: openvino.Model, streams: int, threads: int | None
    ) -> openvino.CompiledModel:
        options: dict[str, Any] = {
            properties.hint.inference_precision(): self._type,
            properties.num_streams(): streams,
        }
        if threads is not None:
            options[properties.inference_num_threads()] = threads
        return self._core.compile_model(graph, "CPU", options)


class OpenvinoRunner:
    """A graph compiled for the windows of a scene; each stream has its part of the cores."""

    def __init__(self, compiled: openvino.CompiledModel, streams: int) -> None:
        self.streams = streams
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(streams):
            self._idle.put(compiled.create_infer_request())

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        # shared without copies: both arrays must outlive the inference
        pixels = np.ascontiguousarray(stored[np.newaxis])
        mask = np.ascontiguousarray(valid[np.newaxis, np.newaxis])
        request = self._idle.get()
        try:
            request.set_input_tensor(0, openvino.Tensor(pixels, shared_memory=True))
            request.set_input_tensor(1, openvino.Tensor(mask, shared_memory=True))
            request.infer()
            levels: NDArray[np.uint8] = request.get_output_tensor(0).data[0, 0].copy()
        finally:
            self._idle.put(request)
        return levels


def default_streams(cores: int) -> int:
    """Return the number of windows to compute concurrently, each on its part of the cores.

    With several streams, a core lost to other work delays one window, not all. With many cores,
    memory is the limit.
    """
    return min(cores, 2) if cores <= _MANY_CORES else cores // 4


def export_graph(network: "nn.Module", bands: int, folder: Path) -> tuple[str, str]:
    """Write a network with its sigmoid as OpenVINO IR in float32; return the files' names."""
    import torch
    from torch import nn

    probability = nn.Sequential(network, nn.Sigmoid()).eval()
    example = torch.zeros(1, bands, 64, 64)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO traces with torch.jit, which torch deprecates
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")
        # SegFormer's decoder compares numbers of channels, which are constant
        warnings.filterwarnings(
            "ignore", message="Converting a tensor", module="segmentation_models_pytorch"
        )
        # a second trace to compare with takes a third of the time; networks draw nothing here
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            probability, example, strict=False, check_trace=False
        )
        graph = openvino.convert_model(traced, example_input=example, input=[-1, bands, -1, -1])
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    return GRAPH, GRAPH_WEIGHTS


def split_last_convolution(graph: Graph) -> int:
    """Rewrite 3 x 3 convolutions to one channel as 4 x 4 ones of stride 2 to four; return how many.

    The four channels are the pixels of each 2 x 2 block, rearranged afterwards (sub-pixel
    convolution, doi 10.1109/CVPR.2016.207). The sums are the same; a processor that computes 16
    channels at once wastes less on four than on one. Height and width must be even.
    """
    rewritten = 0
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Convolution":
            continue
        weights, attributes = node.input_value(1).get_node(), node.get_attributes()
        plain = ("strides", "dilations", "pads_begin", "pads_end")
        if (
            weights.get_type_name() != "Constant"
            or (weights.output(0).shape[0], *weights.output(0).shape[2:]) != (1, 3, 3)
            or any(list(attributes[at]) != [1, 1] for at in plain)
        ):
            continue
        kernel = np.array(weights.data, dtype=np.float32)
        four = np.zeros((4, kernel.shape[1], 4, 4), dtype=np.float32)
        for row in range(2):
            for col in range(2):
                four[2 * row + col, :, row : row + 3, col : col + 3] = kernel[0]
        blocks = ops.convolution(
            node.input_value(0), ops.constant(four), [2, 2], [1, 1], [1, 1], [1, 1]
        )
        _replace_output(node.output(0), ops.depth_to_space(blocks, "blocks_first", 2))
        rewritten += 1
    graph.validate_nodes_and_infer_types()
    return rewritten


def with_stored_input(graph: Graph, spec: WindowSpec) -> Graph:
    """Return a graph of one window that takes stored numbers and their validity mask.

    Normalisation, of the graph's input (1, bands, height, width), becomes part of the graph, where
    it runs on all threads without copies.
    """
    normalisation = spec.normalisation
    height, width = spec.shape
    graph.reshape([1, spec.bands, height, width])
    dtype = np.dtype(normalisation.radiometry.dtype)
    stored = ops.parameter([1, spec.bands, height, width], dtype)
    valid = ops.parameter([1, 1, height, width], np.dtype(np.bool_))
    each = normalisation.radiometry.each(spec.bands)
    scale, offset = (np.array([getattr(band, name) for band in each]) for name in _SCALING)
    mean, std = np.asarray(normalisation.mean), np.asarray(normalisation.std)
    center = np.zeros(len(mean))  # the mean as whole stored numbers; 0 for wider types
    if dtype.kind != "f" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        center = np.rint(((mean - offset) / scale).clip(limits.min, limits.max))
    columns = (scale / std, (scale * center + offset - mean) / std)
    factor, shift = (_constant(column.reshape(1, -1, 1, 1)) for column in columns)
    centred = ops.convert(stored, "f32")
    if center.any():
        # as integers: OpenVINO converts them to bf16 where it computes in it, which leaves few
        # digits of 300 +- 50
        whole = ops.constant(center.astype(np.int32).reshape(1, -1, 1, 1))
        centred = ops.convert(ops.subtract(ops.convert(stored, "i32"), whole), "f32")
    values = ops.add(ops.multiply(centred, factor), shift)
    # selected, not multiplied: invalid pixels may be NaN or infinite
    pixels = ops.select(valid, values, _constant(0))
    if normalisation.radiometry.bands:  # a band may miss a value where the pixel is valid
        marks = np.array([0 if band.nodata is None else band.nodata for band in each], dtype=dtype)
        no_mark = np.array([band.nodata is None for band in each])
        known = ops.logical_or(
            ops.not_equal(stored, ops.constant(marks.reshape(1, -1, 1, 1))),
            ops.constant(no_mark.reshape(1, -1, 1, 1)),
        )
        known = ops.logical_and(known, ops.is_finite(pixels))
        pixels = ops.select(known, pixels, _constant(0))
    _replace_output(graph.inputs[0], pixels)
    return Graph([graph.get_results()[0].input_value(0).node], [stored, valid])


def with_level_output(graph: Graph) -> Graph:
    """Return a graph that returns ``round(250 * probability)`` as uint8 instead of probability."""
    probability = graph.get_results()[0].input_value(0)
    levels = ops.round(ops.multiply(probability, _constant(PROBABILITY_LEVELS)))
    return Graph([ops.convert(levels, "u8")], graph.get_parameters())


def _constant(value: float | np.ndarray) -> Node:
    return ops.constant(np.asarray(value, dtype=np.float32))


def _replace_output(output: openvino.Output, by: Node) -> None:
    for target in list(output.get_target_inputs()):
        target.replace_source_output(by.output(0))


def peak_activation_bytes(
    graph: Path, bands: int, shape: tuple[int, int], element_bytes: int
) -> int:
    """Return the largest size of all live activations while one window is computed.

    Nothing is run: layers are walked in order, and an output lives until its last use. Runtimes
    that compute in place need somewhat less. ``shape`` is (height, width), multiples of the
    model's; ``element_bytes`` is the size of a number in the precision of the computation.
    """

    def key(output: openvino.Output) -> tuple[str, int]:
        return output.get_node().get_friendly_name(), output.get_index()

    network = openvino.Core().read_model(graph)
    network.reshape([1, bands, *shape])
    layers = network.get_ordered_ops()
    last_use = {
        key(used.get_source_output()): index
        for index, layer in enumerate(layers)
        for used in layer.inputs()
    }
    live = peak = 0
    freed_after: dict[int, int] = {}
    for index, layer in enumerate(layers):
        for output in layer.outputs():
            if len(output.shape) == 4 and layer.get_type_name() != "Constant":
                size = output.get_tensor().size // output.element_type.size * element_bytes
                live += size
                last = last_use.get(key(output), index)
                freed_after[last] = freed_after.get(last, 0) + size
        peak = max(peak, live)
        live -= freed_after.pop(index, 0)
    return peak
