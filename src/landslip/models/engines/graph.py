"""What is done to an OpenVINO graph so that it takes a scene's own numbers and runs faster."""

import numpy as np
import openvino
from openvino import Model as Graph
from openvino import Node
from openvino import opset13 as ops

from landslip.core.errors import ModelError
from landslip.datasets.normalisation import Normalisation
from landslip.models.calibration.curve import LIMIT, Calibration
from landslip.models.engines.base import PROBABILITY_STEPS, WindowForm


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


def with_scene_numbers(graph: Graph, form: WindowForm) -> Graph:
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


def with_calibration(graph: Graph, curve: Calibration) -> Graph:
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


def _calibrated(logits: openvino.Output, curve: Calibration) -> Node:
    start, slope, bends = curve.hinges()
    cut = ops.clamp(logits, -LIMIT, LIMIT)
    found = ops.add(ops.multiply(cut, _number(slope)), _number(start))
    for knot, change in bends:
        over = ops.relu(ops.subtract(cut, _number(knot)))
        found = ops.add(found, ops.multiply(over, _number(change)))
    return found


def _number(value: float) -> Node:
    return ops.constant(np.float32(value))


def with_steps_out(graph: Graph) -> Graph:
    """Return a graph that gives ``round(250 * probability)`` in 8 bits instead of probabilities."""
    probability = graph.get_results()[0].input_value(0)
    steps = ops.round(ops.multiply(probability, ops.constant(np.float32(PROBABILITY_STEPS))))
    return Graph([ops.convert(steps, "u8")], graph.get_parameters())


def window_graph(graph: Graph, form: WindowForm) -> Graph:
    """Return a graph for windows of one form, with all of the above."""
    split_last_convolution(graph)
    graph = with_scene_numbers(graph, form)
    if form.calibration is not None:
        graph = with_calibration(graph, form.calibration)
    return with_steps_out(graph)


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
