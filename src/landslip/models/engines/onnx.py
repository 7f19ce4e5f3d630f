"""ONNX Runtime: runs wherever it is built for; works without torch."""

import os
from math import prod
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
from numpy.typing import NDArray

from landslip.core.choices import Precision
from landslip.core.errors import ModelError
from landslip.models.engines.base import BatchRunner, EngineCosts, WindowSpec
from landslip.models.engines.openvino import peak_activation_bytes
from landslip.models.folder import ONNX, ModelFolder

_SHAPE = (512, 512)  # any will do: memory grows with the area
_RUNTIME_BYTES = 50 * 2**20
_WEIGHTS_FACTOR = 2.5  # as they are stored, and in the order that they are computed with
# of the activations alive at once: its blocks are kept, and what comes next does not always fit
_ARENA_SHARE = 2
_CORE_PX_PER_S = 0.3e6  # of a LinkNet with ResNet-50


class OnnxEngine:
    """Runs the ONNX file that ``landslip export`` put into the model folder, in float32."""

    name = "onnx"
    precision = Precision.FP32.value

    def __init__(self, model: ModelFolder) -> None:
        """Open the file, on a GPU where the installed ONNX Runtime has one.

        Raises:
            ModelError: the file is missing or damaged.
        """
        if ONNX not in model.card.files:
            raise ModelError(
                f"{model.path}: this model has no {ONNX}; make one with landslip export"
            )
        self._file = model.file(ONNX)
        self._bands = len(model.card.bands)
        self._session = _opened(self._file)

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        found = self._session.run(["probability"], {"image": np.ascontiguousarray(batch)})[0]
        probability: NDArray[np.float32] = np.asarray(found)[:, 0]
        return probability

    def runner(self, form: WindowSpec, streams: int | None = None) -> BatchRunner:
        """See `Engine.runner`; one window at a time, which takes all cores."""
        del streams
        return BatchRunner(self, form)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        height, width = _SHAPE
        alive = peak_activation_bytes(self._file, self._bands, _SHAPE, 4)
        columns = transposed_convolution_bytes(self._file, self._bands, _SHAPE)
        return EngineCosts(
            resident_bytes=_RUNTIME_BYTES + round(_WEIGHTS_FACTOR * self._file.stat().st_size),
            computing_bytes_per_px=(_ARENA_SHARE * alive + columns) / (height * width),
            streams=1,
            readers=1,
            px_per_s=_CORE_PX_PER_S * _cores(),
        )


def transposed_convolution_bytes(file: Path, bands: int, shape: tuple[int, int]) -> int:
    """Return the most memory that a transposed convolution takes besides input and output.

    It writes the products of every input pixel with the kernel before it adds them up.

    Args:
        file: the ONNX file of a model folder.
        bands: channels of its input.
        shape: (height, width) of a window, multiples of the model's.
    """
    graph = openvino.Core().read_model(file)
    graph.reshape([1, bands, *shape])
    widest = 0
    for layer in graph.get_ops():
        if "ConvolutionBackpropData" in layer.get_type_name():
            _, _, height, width = layer.input_value(0).shape
            # channels out, kernel's height and width, whether there are groups or not
            widest = max(widest, 4 * height * width * prod(list(layer.input_value(1).shape)[-3:]))
    return widest


def _opened(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _cores()
    options.inter_op_num_threads = 1
    # an arena keeps what windows of one size need; without it a third of the time are page faults
    options.enable_cpu_mem_arena = True
    # planned blocks are of one size of window: they would be added to the arena for each size
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    usable = onnxruntime.get_available_providers()
    wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in usable]
    return onnxruntime.InferenceSession(file, options, providers=wanted)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
