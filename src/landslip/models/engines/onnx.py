"""ONNX Runtime, wherever it is available; works without torch."""

import os
from math import prod
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
from numpy.typing import NDArray

from landslip.core.choices import Precision, Tta
from landslip.core.errors import ModelError
from landslip.models.engines.base import BatchRunner, EngineCosts, WindowSpec
from landslip.models.engines.openvino import graph_errors, peak_activation_bytes
from landslip.models.folder import ONNX, ModelFolder

_SHAPE = (512, 512)  # any: memory grows with the area
_RUNTIME_BYTES = 50 * 2**20
_WEIGHTS_FACTOR = 2.5  # as stored, and reordered for computing
# of peak activations: the arena keeps blocks that later requests do not always fit
_ARENA_FACTOR = 2
_CORE_PX_PER_S = 0.3e6  # of a LinkNet with ResNet-50


class OnnxEngine:
    """Runs the ONNX file that ``landslip export`` put into the model folder, in float32."""

    name = "onnx"
    precision = Precision.FP32.value
    tta = Tta.NONE

    def __init__(self, model: ModelFolder) -> None:
        """Open the file, on a GPU if the installed ONNX Runtime supports one."""
        if ONNX not in model.card.files:
            raise ModelError(
                f"{model.path}: this model has no {ONNX}; add one with `landslip export`"
            )
        self._file = model.file(ONNX)
        self._bands = len(model.card.bands)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        options.inter_op_num_threads = 1
        # without an arena, page faults take a third of the time
        options.enable_cpu_mem_arena = True
        # planned blocks are for one window size: the arena would grow with every size
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        installed = onnxruntime.get_available_providers()
        preferred = ("CUDAExecutionProvider", "CPUExecutionProvider")
        providers = [name for name in preferred if name in installed]
        with graph_errors(self._file):
            try:
                session = onnxruntime.InferenceSession(self._file, options, providers=providers)
            except Exception as error:  # its errors share no base
                raise RuntimeError(error) from error
        self._session = session

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        inputs = {"image": np.ascontiguousarray(batch)}
        with graph_errors(self._file):
            try:
                output = self._session.run(["probability"], inputs)[0]
            except Exception as error:
                raise RuntimeError(error) from error
        probability: NDArray[np.float32] = np.asarray(output)[:, 0]
        return probability

    def runner(self, spec: WindowSpec, streams: int | None = None) -> BatchRunner:
        """See `Engine.runner`; one window at a time, on all cores."""
        del streams
        return BatchRunner(self, spec)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        height, width = _SHAPE
        with graph_errors(self._file):
            activations = peak_activation_bytes(self._file, self._bands, _SHAPE, 4)
            columns = transposed_convolution_bytes(self._file, self._bands, _SHAPE)
        return EngineCosts(
            resident_bytes=_RUNTIME_BYTES + round(_WEIGHTS_FACTOR * self._file.stat().st_size),
            computing_bytes_per_px=(_ARENA_FACTOR * activations + columns) / (height * width),
            streams=1,
            readers=1,
            px_per_s=_CORE_PX_PER_S * len(os.sched_getaffinity(0)),
        )


def transposed_convolution_bytes(file: Path, bands: int, shape: tuple[int, int]) -> int:
    """Return the largest buffer of a transposed convolution besides its input and output.

    ONNX Runtime writes the products of every input pixel with the kernel before it sums them.
    ``shape`` is (height, width) of a window, multiples of the model's.
    """
    graph = openvino.Core().read_model(file)
    graph.reshape([1, bands, *shape])
    largest = 0
    for layer in graph.get_ops():
        if "ConvolutionBackpropData" in layer.get_type_name():
            pixels, kernel = (list(layer.input_value(at).shape) for at in (0, 1))
            # with or without groups, a kernel ends with output channels, height and width
            largest = max(largest, 4 * prod(pixels[-2:]) * prod(kernel[-3:]))
    return largest
