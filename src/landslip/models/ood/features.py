"""The deepest features of a network, from the OpenVINO graph in its folder; no torch."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import Model as Graph
from openvino import properties

from landslip.core.errors import ModelError
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, ModelFolder
from landslip.models.ood.gaussian import Points

# what is pooled was found by a layer before
_SKIPPED_TYPES = ("Constant", "Parameter", "Result", "AvgPool", "MaxPool")
_TRIAL = (4, 5)  # height and width in multiples of the model's; not alike, to tell them apart


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLayer:
    """An output in a graph that is a picture of the input, each of its pixels a square of it.

    Attributes:
        name: of the node.
        output: which of the node's outputs.
        channels: how many features a pixel has.
        stride: side of the square of input pixels.
    """

    name: str
    output: int
    channels: int
    stride: int


class FeatureExtractor:
    """The part of a network up to its deepest layer."""

    def __init__(self, model: ModelFolder, layer: str | None = None) -> None:
        """Cut the graph after a layer, and compile it.

        Args:
            model: whose graph it is.
            layer: the name that the deepest layer must have; None for whatever it has.

        Raises:
            ModelError: the graph is missing or damaged, or its deepest layer is another.
        """
        core, multiple = openvino.Core(), model.card.input.multiple
        file, _ = model.file(GRAPH), model.file(GRAPH_WEIGHTS)
        trial = core.read_model(file)
        height, width = (multiple * times for times in _TRIAL)
        trial.reshape([1, len(model.card.bands), height, width])
        found = deepest_layer(trial)
        if found is None or layer not in (None, found.name):
            raise ModelError(
                f"{file}: the layer whose features are compared, {layer or 'a deep one'}, is not "
                "in it; measure the training tiles again with landslip calibrate --overwrite"
            )
        self.layer = found
        self._multiple = multiple
        self._compiled = _compiled(core, _cut(core.read_model(file), found))

    def mean(self, pixels: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the features' means over the valid part of a tile, (features,) of length 1.

        Their signed roots divided by the length, of which Hellinger's distance is made (doi
        10.1109/CVPR.2012.6248018): on unfamiliar ground features often are small, and only how they
        stand to each other tells it from what is familiar.

        Args:
            pixels: normalised (bands, height, width), 0 where not valid; of any size.
            valid: (height, width), somewhere True.
        """
        bands, height, width = pixels.shape
        rows, cols = (-(-side // self._multiple) * self._multiple for side in (height, width))
        padded = np.zeros((1, bands, rows, cols), dtype=np.float32)
        padded[0, :, :height, :width] = pixels
        known = np.zeros((rows, cols), dtype=np.float32)
        known[:height, :width] = valid
        found: NDArray[np.float32] = self._compiled(padded)[0][0]
        size = found.shape[2], found.shape[1]
        weights = cv2.resize(known, size, interpolation=cv2.INTER_AREA).astype(np.float64)
        return _hellinger((found * weights).sum(axis=(1, 2)) / weights.sum())


def deepest_layer(graph: Graph) -> FeatureLayer | None:
    """Return the last of the widest outputs with the fewest pixels; None where there is none.

    In a network of encoder and decoder this is the end of the encoder. What is pooled to a fixed
    number of pixels is no picture of the input, nor are tokens.

    Args:
        graph: with an input of (1, bands, height, width) in numbers, height and width not alike.
    """
    shape = graph.input(0).shape
    found = [
        layer
        for node in graph.get_ordered_ops()
        if node.get_type_name() not in _SKIPPED_TYPES
        for output in node.outputs()
        if (layer := _layer_of(output, shape[2], shape[3])) is not None
    ]
    return max(
        enumerate(found),
        key=lambda item: (item[1].stride, item[1].channels, item[0]),
        default=(0, None),
    )[1]


def _layer_of(output: openvino.Output, height: int, width: int) -> FeatureLayer | None:
    if output.partial_shape.is_dynamic or len(output.shape) != 4:
        return None
    number, channels, rows, cols = (int(size) for size in output.shape)
    if number != 1 or rows * width != cols * height or height % rows:
        return None
    return FeatureLayer(
        name=output.get_node().get_friendly_name(),
        output=output.get_index(),
        channels=channels,
        stride=height // rows,
    )


def _cut(graph: Graph, layer: FeatureLayer) -> Graph:
    named = {node.get_friendly_name(): node for node in graph.get_ordered_ops()}
    return Graph([named[layer.name].output(layer.output)], graph.get_parameters())


def _hellinger(means: NDArray[np.float64]) -> NDArray[np.float64]:
    roots = np.sign(means) * np.sqrt(np.abs(means))
    length = np.linalg.norm(roots)
    return roots / length if length else roots


def _compiled(core: openvino.Core, graph: Graph) -> openvino.CompiledModel:
    able = core.get_property("CPU", properties.device.capabilities())
    options: dict[str, Any] = {
        properties.hint.inference_precision(): (
            openvino.Type.bf16 if "BF16" in able else openvino.Type.f32
        ),
        properties.num_streams(): 1,
    }
    return core.compile_model(graph, "CPU", options)


_LEAST_VARIANCE = 1e-4  # of pixels of variance 1; less is rounding
_LEAST_AXIS = 1e-6  # of the widest; bands may repeat one another


class PixelMoments:
    """Sums over normalised pixels, for their mean and covariance."""

    def __init__(self, bands: int) -> None:
        """Start with no pixel."""
        self._count = 0
        self._sum = np.zeros(bands)
        self._products = np.zeros((bands, bands))

    def add(self, pixels: NDArray[np.float32]) -> None:
        """Take pixels (bands, n)."""
        wide = pixels.astype(np.float64)
        self._count += wide.shape[1]
        self._sum += wide.sum(axis=1)
        self._products += wide @ wide.T

    def mean_and_axes(self) -> tuple[Points, Points]:
        """Return the mean (bands,) and the rows (bands, bands) that even the pixels out.

        Centred pixels times these are uncorrelated and of variance 1: principal axes, each divided
        by its standard deviation.
        """
        mean = self._sum / self._count
        variances, axes = np.linalg.eigh(self._products / self._count - np.outer(mean, mean))
        variances = np.maximum(variances, _LEAST_AXIS * variances[-1])
        return mean, axes.T / np.sqrt(variances)[:, np.newaxis]


def spectral_descriptor(pixels: NDArray[np.float32], mean: Points, axes: Points) -> Points:
    """Return the means and the logarithms of the spreads along the axes, (2 * bands,).

    Args:
        pixels: normalised (bands, n), at least one.
        mean: (bands,) of the training pixels.
        axes: of the training pixels, as `PixelMoments.mean_and_axes` returns them.
    """
    along = axes @ (pixels - mean[:, np.newaxis])
    spreads = 0.5 * np.log(along.var(axis=1) + _LEAST_VARIANCE)
    result: Points = np.concatenate([along.mean(axis=1), spreads])
    return result
