"""torch, on a GPU where there is one.

The kernels are the same at every start of the program, so that a run that was broken off and
continued gives the bytes of one that was not: cuDNN does not try out which kernel is fastest, and
takes none whose sums depend on chance. `torch.compile` is not used: it needs a compiler on the
machine and minutes for each new shape, and most of what it saves, launches and batch norm, is saved
here by a CUDA graph and by folding.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from landslip.core.choices import Precision
from landslip.core.errors import InputError
from landslip.models.engines.base import EngineCosts, WindowForm
from landslip.models.engines.fold import folded
from landslip.models.engines.memory import live_bytes
from landslip.models.engines.torch_windows import TorchRunner
from landslip.models.folder import GRAPH, WEIGHTS, Model
from landslip.models.networks.hardware import computes_in_bf16
from landslip.models.weights import load_network

_TYPES = {
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
    Precision.FP32: torch.float32,
}
_GPU_STREAMS = 2
_RUNTIME_BYTES = 720 * 2**20
_WEIGHTS_FACTOR = 2.5  # they are there twice while the network is built
_SHAPE = (512, 512)  # any will do: memory grows with the area
# of the activations alive at once; Python's own functions hold on to some for longer
_TRACED_SHARE, _UNTRACED_SHARE = 1.65, 2.3
# of a LinkNet with ResNet-50
_CORE_PX_PER_S = {"fp32": 0.2e6, "bf16": 0.3e6}
_GPU_PX_PER_S = 50e6
_KERNELS = Lock()


class TorchEngine:
    """Runs the network from its weights, on the current GPU or on the CPU."""

    name = "torch"

    def __init__(self, model: Model, precision: Precision = Precision.AUTO) -> None:
        """Build the network and load its weights.

        Raises:
            ModelError: the weights are missing or damaged.
            InputError: torch does not compute in the precision here.
        """
        self._device = _current_device()
        precision = _usable(precision, self._device)
        self.precision = precision.value
        self._dtype = _TYPES[precision]
        self._model = model
        network = _with_weights_in(folded(load_network(model).eval()), self._dtype)
        self._network = network.to(self._device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        image = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
        probability: NDArray[np.float32] = torch.sigmoid(self._logits(image))[:, 0].cpu().numpy()
        return probability

    def runner(self, form: WindowForm, streams: int | None = None) -> TorchRunner:
        """See `Engine.runner`.

        Raises:
            InputError: the GPU's memory does not hold windows of this form.
        """
        usual = _GPU_STREAMS if self._device.type == "cuda" else 1
        return TorchRunner(self._logits, form, self._device, streams or usual)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`; what CUDA's own libraries take of main memory is not in it.

        Raises:
            ModelError: the model folder has no OpenVINO graph to count the CPU's memory by.
        """
        cores = len(os.sched_getaffinity(0))
        on_gpu = self._device.type == "cuda"
        weights = (self._model.path / WEIGHTS).stat().st_size
        return EngineCosts(
            resident_bytes=_RUNTIME_BYTES + round(_WEIGHTS_FACTOR * weights),
            computing_bytes_per_px=self._pinned_bytes() if on_gpu else self._cpu_bytes(),
            streams=_GPU_STREAMS if on_gpu else 1,
            readers=cores if on_gpu else 1,
            px_per_s=_GPU_PX_PER_S if on_gpu else cores * _CORE_PX_PER_S[self.precision],
        )

    def _pinned_bytes(self) -> float:
        """Bytes per pixel of a window as it travels, and of its result twice."""
        known = self._model.card.input
        return len(known.bands) * np.dtype(known.dtype).itemsize + 3.0

    def _cpu_bytes(self) -> float:
        """Bytes per pixel: activations, as measured for several networks, and normalised pixels."""
        bands, (height, width) = len(self._model.card.bands), _SHAPE
        element_bytes = self._dtype.itemsize
        alive = live_bytes(self._model.file(GRAPH), bands, _SHAPE, element_bytes)
        share = _TRACED_SHARE if isinstance(self._network, fx.GraphModule) else _UNTRACED_SHARE
        return share * alive / (height * width) + 12.0 * bands

    def _logits(self, image: Tensor) -> Tensor:
        # the weights have their type already, so there is nothing for autocast to keep
        autocast = torch.autocast(
            self._device.type,
            self._dtype,
            enabled=self._dtype is not torch.float32,
            cache_enabled=False,
        )
        with _repeatable(self._device), autocast:
            logits: Tensor = self._network(image)
        return logits.float()


def _current_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def _usable(precision: Precision, device: torch.device) -> Precision:
    """Return the number format to compute in, ``auto`` resolved."""
    if precision is Precision.AUTO:
        return Precision.BF16 if computes_in_bf16(device) else Precision.FP32
    if precision is Precision.FP16 and device.type == "cpu":
        raise InputError(
            "--precision fp16: torch computes in it on GPUs only and none is seen here; use "
            "--precision bf16 or fp32"
        )
    return precision


def _with_weights_in(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Store convolutions in the type that they compute in; autocast would convert at every call."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.to(dtype)
    return network


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Let cuDNN choose the same kernels at every start, and float32 be computed in float32."""
    if device.type == "cpu":
        yield
        return
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with _KERNELS, flags:  # the flags hold for all threads
        yield
