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
from openvino import Model as Graph
from openvino import Node, properties
from openvino import opset13 as ops

from landslip.core.choices import Precision
from landslip.core.errors import InputError, ModelError
from landslip.datasets.normalisation import Normalisation
from landslip.models.calibration.curve import LIMIT, CalibrationCurve
from landslip.models.engines.base import PROBABILITY_LEVELS, EngineCosts, WindowSpec
from landslip.models.folder import (
    GRAPH,
    GRAPH_WEIGHTS,
    INT8_GRAPH,
    INT8_GRAPH_WEIGHTS,
    ModelFolder,
)

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

    def __init__(self, model: ModelFolder, precision: Precision = Precision.AUTO) -> None:
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

    def runner(self, form: WindowSpec, streams: int | None = None) -> "OpenvinoRunner":
        """See `Engine.runner`."""
        cores = _cores()
        streams = min(streams or default_streams(cores), cores)
        graph = window_graph(self._core.read_model(self._graph), form)
        return OpenvinoRunner(self._compiled(graph, streams, cores), streams)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        height, width = _SHAPE
        alive = (
            peak_activation_bytes(self._graph, self._bands, _SHAPE, 1)
            * _ELEMENT_BYTES[self.precision]
        )
        streams = default_streams(_cores())
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


def default_streams(cores: int) -> int:
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


def split_last_convolution(graph: Graph) -> int:
    """Rewrite 3 x 3 convolutions to one channel as 4 x 4 ones of stride 2 to four; return how many.

    The four channels are the pixels of each block of 2 x 2 and are put in their places afterwards
    (sub-pixel convolution, doi 10.1109/CVPR.2016.207). The sums are the same; a processor that
    computes 16 channels at once wastes less on four than on one. Height and width must be even.
    """
    rewritten = 0
    for node in graph.get_ordered_ops():
        kernel = _kernel_to_one_channel(node)
        if kernel is None:
            continue
        four = np.zeros((4, kernel.shape[1], 4, 4), dtype=np.float32)
        for row in range(2):
            for col in range(2):
                four[2 * row + col, :, row : row + 3, col : col + 3] = kernel[0]
        blocks = ops.convolution(
            node.input_value(0), ops.constant(four), [2, 2], [1, 1], [1, 1], [1, 1]
        )
        _replace(node, ops.depth_to_space(blocks, "blocks_first", 2))
        rewritten += 1
    graph.validate_nodes_and_infer_types()
    return rewritten


def with_stored_input(graph: Graph, form: WindowSpec) -> Graph:
    """Return a graph of one window that takes stored numbers, and whether they are valid.

    Normalisation comes into the graph, where it runs on all threads without copies.

    Args:
        graph: takes normalised pixels (1, bands, height, width).
        form: of the windows.
    """
    known = form.normalisation
    height, width = form.shape
    graph.reshape([1, form.bands, height, width])
    stored = ops.parameter([1, form.bands, height, width], np.dtype(known.radiometry.dtype))
    valid = ops.parameter([1, 1, height, width], np.dtype(np.bool_))
    scale, offset = known.radiometry.scale, known.radiometry.offset
    mean, std = np.asarray(known.mean), np.asarray(known.std)
    middle = _middle(known)
    factor, shift = _by_band(scale / std), _by_band((scale * middle + offset - mean) / std)
    values = ops.add(ops.multiply(_from_middle(stored, middle), factor), shift)
    # chosen, not multiplied: what is not valid may not be finite
    pixels = ops.select(valid, values, ops.constant(np.float32(0)))
    _replace_output(graph.inputs[0], pixels)
    return Graph([graph.get_results()[0].input_value(0).node], [stored, valid])


def _middle(known: Normalisation) -> np.ndarray:
    """Return the stored numbers of the mean, whole; 0 where wide numbers are stored."""
    dtype = np.dtype(known.radiometry.dtype)
    if dtype.kind == "f" or dtype.itemsize > 2:
        return np.zeros(len(known.mean))
    limits = np.iinfo(dtype)
    stored = (np.asarray(known.mean) - known.radiometry.offset) / known.radiometry.scale
    middle: np.ndarray = np.rint(stored.clip(limits.min, limits.max))
    return middle


def _from_middle(stored: Node, middle: np.ndarray) -> Node:
    """Return how far stored numbers are from others, in float32.

    Whole numbers are subtracted as such: OpenVINO converts them to bf16 where it computes in it,
    and of 300 +- 50 little would be left.
    """
    if not middle.any():
        return ops.convert(stored, "f32")
    whole = ops.constant(middle.astype(np.int32).reshape(1, -1, 1, 1))
    return ops.convert(ops.subtract(ops.convert(stored, "i32"), whole), "f32")


def with_calibration(graph: Graph, curve: CalibrationCurve) -> Graph:
    """Return a graph whose last sigmoid is of calibrated logits.

    OpenVINO computes what comes after the last convolution in float32 whatever the rest is in.

    Raises:
        ModelError: the graph does not end in a sigmoid.
    """
    last = graph.get_results()[0].input_value(0).get_node()
    if last.get_type_name() != "Sigmoid":
        raise ModelError(
            f"the graph of a model that is calibrated ends in a sigmoid; {graph.friendly_name} "
            f"ends in {last.get_type_name()}; write the model's graph again by training"
        )
    probability = ops.sigmoid(_calibrated(last.input_value(0), curve))
    return Graph([probability], graph.get_parameters())


def _calibrated(logits: openvino.Output, curve: CalibrationCurve) -> Node:
    start, slope, bends = curve.hinges()
    cut = ops.clamp(logits, -LIMIT, LIMIT)
    found = ops.add(ops.multiply(cut, _number(slope)), _number(start))
    for knot, change in bends:
        over = ops.relu(ops.subtract(cut, _number(knot)))
        found = ops.add(found, ops.multiply(over, _number(change)))
    return found


def _number(value: float) -> Node:
    return ops.constant(np.float32(value))


def with_level_output(graph: Graph) -> Graph:
    """Return a graph that gives ``round(250 * probability)`` in 8 bits instead of probabilities."""
    probability = graph.get_results()[0].input_value(0)
    steps = ops.round(ops.multiply(probability, ops.constant(np.float32(PROBABILITY_LEVELS))))
    return Graph([ops.convert(steps, "u8")], graph.get_parameters())


def window_graph(graph: Graph, form: WindowSpec) -> Graph:
    """Return a graph for windows of one form, with all of the above."""
    split_last_convolution(graph)
    graph = with_stored_input(graph, form)
    if form.calibration is not None:
        graph = with_calibration(graph, form.calibration)
    return with_level_output(graph)


def _by_band(values: np.ndarray) -> Node:
    return ops.constant(np.asarray(values, dtype=np.float32).reshape(1, -1, 1, 1))


def _kernel_to_one_channel(node: Node) -> np.ndarray | None:
    """Return the weights of a plain 3 x 3 convolution to one channel, None for anything else."""
    if node.get_type_name() != "Convolution":
        return None
    source = node.input_value(1).get_node()
    if source.get_type_name() != "Constant" or tuple(source.output(0).shape[2:]) != (3, 3):
        return None
    known = node.get_attributes()
    is_plain = all(
        list(known[name]) == [1, 1] for name in ("strides", "dilations", "pads_begin", "pads_end")
    )
    if not is_plain or source.output(0).shape[0] != 1:
        return None
    return np.array(source.data, dtype=np.float32)


def _replace(node: Node, by: Node) -> None:
    _replace_output(node.output(0), by)


def _replace_output(output: openvino.Output, by: Node) -> None:
    for target in list(output.get_target_inputs()):
        target.replace_source_output(by.output(0))


def peak_activation_bytes(
    graph: Path, bands: int, shape: tuple[int, int], element_bytes: int
) -> int:
    """Return the most bytes of activations that are alive at once while one window is computed.

    Nothing is run: the graph's layers are walked in order, and a layer's output is alive until its
    last use. Runtimes that compute in place need somewhat less.

    Args:
        graph: the OpenVINO graph of a model folder.
        bands: channels of its input.
        shape: (height, width) of a window, multiples of the model's.
        element_bytes: size of a number in the format it is computed in.
    """
    network = openvino.Core().read_model(graph)
    network.reshape([1, bands, *shape])
    layers = network.get_ordered_ops()
    last_use = {
        _key(used.get_source_output()): at
        for at, layer in enumerate(layers)
        for used in layer.inputs()
    }
    alive = most = 0
    ends: dict[int, int] = {}
    for at, layer in enumerate(layers):
        for output in layer.outputs():
            if len(output.shape) == 4 and layer.get_type_name() != "Constant":
                size = output.get_tensor().size // output.element_type.size * element_bytes
                alive += size
                end = last_use.get(_key(output), at)
                ends[end] = ends.get(end, 0) + size
        most = max(most, alive)
        alive -= ends.pop(at, 0)
    return most


def _key(output: openvino.Output) -> tuple[str, int]:
    return output.get_node().get_friendly_name(), output.get_index()
