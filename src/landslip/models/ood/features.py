"""Descriptors of a tile: its pixels' spectra, and a network's deepest features by OpenVINO."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import Model as Graph
from openvino import properties

from landslip.core.errors import ModelError, argument
from landslip.models.engines.openvino import graph_errors
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, ModelFolder
from landslip.models.ood.gaussian import Points

# pooling only repeats the layer before it
_SKIPPED_TYPES = ("Constant", "Parameter", "Result", "AvgPool", "MaxPool")
_MIN_VARIANCE = 1e-4  # of pixels of variance 1; less is rounding
_MIN_AXIS = 1e-6  # of the largest; bands may be redundant
_TRIAL = (4, 5)  # height and width, in multiples of the model's; different, to tell them apart


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLayer:
    """An output of a graph's node whose pixels each stand for ``stride`` x ``stride`` of input."""

    name: str
    output: int
    channels: int
    stride: int


class FeatureExtractor:
    """The part of a network up to its deepest layer."""

    def __init__(self, model: ModelFolder, layer: str | None = None) -> None:
        """Truncate the graph after its deepest layer, named ``layer`` if given, and compile it.

        Raises:
            ModelError: the graph is missing or damaged, or its deepest layer is another.
        """
        self._multiple = model.card.input.multiple
        core = openvino.Core()
        file, _ = model.file(GRAPH), model.file(GRAPH_WEIGHTS)
        with graph_errors(file):
            self._compile(core, file, layer, len(model.card.bands))

    def _compile(self, core: openvino.Core, file: Path, layer: str | None, bands: int) -> None:
        trial = core.read_model(file)
        height, width = (self._multiple * times for times in _TRIAL)
        trial.reshape([1, bands, height, width])
        deepest = deepest_layer(trial)
        if deepest is None or layer not in (None, deepest.name):
            raise ModelError(
                f"{file}: the layer whose features are compared ({layer or 'any deep one'}) is not "
                "in it; measure the training tiles again with landslip calibrate "
                f"{argument('overwrite', True)}"
            )
        self.layer = deepest
        graph = core.read_model(file)
        nodes = {node.get_friendly_name(): node for node in graph.get_ordered_ops()}
        output = nodes[deepest.name].output(deepest.output)
        able = core.get_property("CPU", properties.device.capabilities())
        options: dict[str, Any] = {
            properties.hint.inference_precision(): (
                openvino.Type.bf16 if "BF16" in able else openvino.Type.f32
            ),
            properties.num_streams(): 1,
        }
        truncated = Graph([output], graph.get_parameters())
        self._compiled = core.compile_model(truncated, "CPU", options)

    def mean(self, pixels: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the mean features over the valid part of a tile, (features,), of length 1.

        The signed roots of the means are normalised, as for Hellinger's distance (doi
        10.1109/CVPR.2012.6248018): on out-of-distribution tiles features often are small, and only
        their proportions tell them from those of training tiles.

        Args:
            pixels: normalised (bands, height, width), 0 where not valid; of any size.
            valid: (height, width), not all False.
        """
        bands, height, width = pixels.shape
        rows, cols = (-(-side // self._multiple) * self._multiple for side in (height, width))
        padded = np.zeros((1, bands, rows, cols), dtype=np.float32)
        padded[0, :, :height, :width] = pixels
        padded_valid = np.zeros((rows, cols), dtype=np.float32)
        padded_valid[:height, :width] = valid
        features: NDArray[np.float32] = self._compiled(padded)[0][0]
        size = features.shape[2], features.shape[1]
        weights = cv2.resize(padded_valid, size, interpolation=cv2.INTER_AREA).astype(np.float64)
        means: NDArray[np.float64] = (features * weights).sum(axis=(1, 2)) / weights.sum()
        roots = np.sign(means) * np.sqrt(np.abs(means))
        length = np.linalg.norm(roots)
        return roots / length if length else roots


def deepest_layer(graph: Graph) -> FeatureLayer | None:
    """Return the last of the widest outputs of the coarsest resolution; None without any.

    In an encoder-decoder network this is the end of the encoder. Outputs pooled to a fixed size and
    tokens do not count, since their pixels are no squares of the input. The graph's input is static
    (1, bands, height, width), with height and width different.
    """
    _, _, height, width = graph.input(0).shape
    nodes = [node for node in graph.get_ordered_ops() if node.get_type_name() not in _SKIPPED_TYPES]
    deepest = None
    for output in (output for node in nodes for output in node.outputs()):
        if output.partial_shape.is_dynamic or len(output.shape) != 4:
            continue
        number, channels, rows, cols = (int(size) for size in output.shape)
        if number != 1 or rows * width != cols * height or height % rows:
            continue
        stride = height // rows
        if deepest is None or (stride, channels) >= (deepest.stride, deepest.channels):
            name, index = output.get_node().get_friendly_name(), output.get_index()
            deepest = FeatureLayer(name=name, output=index, channels=channels, stride=stride)
    return deepest


class PixelMoments:
    """Sums over normalised pixels, for their mean and covariance."""

    def __init__(self, bands: int) -> None:
        """Start without pixels."""
        self._count = 0
        self._sum = np.zeros(bands)
        self._products = np.zeros((bands, bands))

    def add(self, pixels: NDArray[np.float32]) -> None:
        """Add pixels (bands, n)."""
        values = pixels.astype(np.float64)
        self._count += values.shape[1]
        self._sum += values.sum(axis=1)
        self._products += values @ values.T

    def mean_and_axes(self) -> tuple[Points, Points]:
        """Return the mean (bands,) and the whitening matrix (bands, bands).

        Its rows are the principal axes, each divided by its standard deviation: the products with
        centred pixels are uncorrelated and of variance 1.
        """
        mean = self._sum / self._count
        variances, axes = np.linalg.eigh(self._products / self._count - np.outer(mean, mean))
        variances = np.maximum(variances, _MIN_AXIS * variances[-1])
        return mean, axes.T / np.sqrt(variances)[:, np.newaxis]


def spectral_descriptor(pixels: NDArray[np.float32], mean: Points, axes: Points) -> Points:
    """Return means and log standard deviations, (2 * bands,), of at least one pixel (bands, n).

    They are along the training pixels' axes; see `PixelMoments.mean_and_axes`.
    """
    along = axes @ (pixels - mean[:, np.newaxis])
    spreads = 0.5 * np.log(along.var(axis=1) + _MIN_VARIANCE)
    descriptor: Points = np.concatenate([along.mean(axis=1), spreads])
    return descriptor
