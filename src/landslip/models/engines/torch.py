"""torch, on a GPU if there is one.

Kernels are the same at every start of the program, so that a resumed run gives the same bytes as an
uninterrupted one: cuDNN neither benchmarks kernels nor uses nondeterministic ones. `torch.compile`
is not used: it needs a compiler on the machine and minutes for each new shape. Most of what it
saves, launches and batch norm, a CUDA graph and folding save here.
"""

import math
import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from landslip.core.choices import Precision, Tta
from landslip.core.errors import InputError, argument
from landslip.models.engines.base import PROBABILITY_LEVELS, EngineCosts, WindowSpec
from landslip.models.folder import GRAPH, WEIGHTS, ModelFolder
from landslip.models.networks.build import computes_in_bf16
from landslip.models.weights import load_network

_TYPES = {
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
    Precision.FP32: torch.float32,
}
_TRANSFER_TYPES = ("uint8", "int8", "int16", "int32", "float32")
_WARM_UP_RUNS = 3
_GPU_STREAMS = 2
_RUNTIME_BYTES = 720 * 2**20
_WEIGHTS_FACTOR = 2.5  # two copies while the network is built
_SHAPE = (512, 512)  # any: memory grows with the area
# of peak activations; Python functions keep some alive for longer
_TRACED_FACTOR, _UNTRACED_FACTOR = 1.65, 2.3
# of a LinkNet with ResNet-50
_CORE_PX_PER_S = {"fp32": 0.2e6, "bf16": 0.3e6}
_GPU_PX_PER_S = 50e6
_TRACE_ERRORS = (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)
_CUDNN_FLAGS = Lock()
LogitsFunction = Callable[[Tensor], Tensor]


class TorchEngine:
    """Runs the network from its weights, on the current GPU or on the CPU."""

    name = "torch"
    tta = Tta.NONE

    def __init__(self, model: ModelFolder, precision: Precision = Precision.AUTO) -> None:
        """Build the network and load its weights."""
        self._device = torch.device("cpu")
        if torch.cuda.is_available():
            self._device = torch.device("cuda", torch.cuda.current_device())
        if precision is Precision.AUTO:
            precision = Precision.BF16 if computes_in_bf16(self._device) else Precision.FP32
        if precision is Precision.FP16 and self._device.type == "cpu":
            raise InputError(
                f"{argument('precision', 'fp16')}: torch supports it on GPUs only and there is "
                f"none; use {argument('precision', 'bf16')} or fp32"
            )
        self.precision = precision.value
        self._dtype = _TYPES[precision]
        self._model = model
        network = fold_batch_norm(load_network(model).eval())
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.to(self._dtype)  # autocast would convert the weights at every call
        self._network = network.to(self._device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        image = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
        probability: NDArray[np.float32] = torch.sigmoid(self._logits(image))[:, 0].cpu().numpy()
        return probability

    def runner(self, spec: WindowSpec, streams: int | None = None) -> "TorchRunner":
        """See `Engine.runner`."""
        streams = streams or (_GPU_STREAMS if self._device.type == "cuda" else 1)
        return TorchRunner(self._logits, spec, self._device, streams)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`; the main memory of CUDA's own libraries is not included."""
        cores, data = len(os.sched_getaffinity(0)), self._model.card.input
        weights = (self._model.path / WEIGHTS).stat().st_size
        resident, bands = _RUNTIME_BYTES + round(_WEIGHTS_FACTOR * weights), len(data.bands)
        if self._device.type == "cuda":
            return EngineCosts(
                resident_bytes=resident,
                # a window in transfer, and its result twice
                computing_bytes_per_px=data.pixel_bytes + 3.0,
                streams=_GPU_STREAMS,
                readers=cores,
                px_per_s=_GPU_PX_PER_S,
            )
        from landslip.models.engines.openvino import peak_activation_bytes

        graph, (height, width) = self._model.file(GRAPH), _SHAPE
        activations = peak_activation_bytes(graph, bands, _SHAPE, self._dtype.itemsize)
        is_traced = isinstance(self._network, fx.GraphModule)
        factor = _TRACED_FACTOR if is_traced else _UNTRACED_FACTOR
        return EngineCosts(
            resident_bytes=resident,
            # activations, as measured for several networks, and normalised pixels
            computing_bytes_per_px=factor * activations / (height * width) + 12.0 * bands,
            streams=1,
            readers=1,
            px_per_s=cores * _CORE_PX_PER_S[self.precision],
        )

    def _logits(self, image: Tensor) -> Tensor:
        half = self._dtype is not torch.float32
        # the weights have their type already
        autocast = torch.autocast(self._device.type, self._dtype, half, cache_enabled=False)
        with ExitStack() as stack:
            if self._device.type != "cpu":
                # the same kernels at every start, and float32 in float32; global to all threads
                stack.enter_context(_CUDNN_FLAGS)
                stack.enter_context(
                    torch.backends.cudnn.flags(
                        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
                    )
                )
            stack.enter_context(autocast)
            logits: Tensor = self._network(image)
        return logits.float()


class TorchRunner:
    """A network prepared for the windows of a scene; each stream has a slot of its own."""

    def __init__(
        self, compute: LogitsFunction, spec: WindowSpec, device: torch.device, streams: int
    ) -> None:
        """Allocate the slots; on a GPU the network is warmed up and captured."""
        self.streams = streams
        self._idle: SimpleQueue[_CpuSlot] = SimpleQueue()
        levels = WindowComputation(compute, spec, device)
        make_slot: Callable[[], _CpuSlot] = partial(_CpuSlot, levels, spec, pinned=False)
        if device.type == "cuda":
            # slots compute one after another, so all share the same memory
            computing = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            make_slot = partial(_GpuSlot, levels, spec, computing, torch.cuda.graph_pool_handle())
        try:
            for _ in range(streams):
                self._idle.put(make_slot())
        except torch.OutOfMemoryError as error:
            height, width = spec.shape
            raise InputError(
                f"windows of {height} x {width} px do not fit this GPU's memory; use smaller ones "
                f"({argument('tile')})"
            ) from error

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        slot = self._idle.get()
        try:
            return slot.run(stored, valid)
        finally:
            self._idle.put(slot)


class WindowComputation:
    """Normalisation, network and rounding, on the device of the network.

    ``compute`` returns logits (1, 1, height, width) of pixels (1, bands, height, width).
    """

    def __init__(self, compute: LogitsFunction, spec: WindowSpec, device: torch.device) -> None:
        self._compute = compute
        normalisation, self._radiometry = spec.normalisation, spec.normalisation.radiometry
        each = self._radiometry.each(spec.bands)
        self._scales, self._offsets, self._nodata = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
            for values in (
                [band.scale for band in each],
                [band.offset for band in each],
                [math.nan if band.nodata is None else band.nodata for band in each],
            )
        )
        self._is_uint16 = np.dtype(normalisation.radiometry.dtype) == np.uint16
        self._mean, self._std = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
            for values in (normalisation.mean, normalisation.std)
        )

    def __call__(self, stored: Tensor, valid: Tensor) -> Tensor:
        """Return probability levels (height, width) of a window as a slot holds it.

        The order of operations is that of `Normalisation.apply`.
        """
        if self._is_uint16:
            stored = stored.to(torch.int32) & 0xFFFF
        numbers = values = stored.to(torch.float32)
        if self._radiometry.bands:
            values = values * self._scales + self._offsets
        elif self._radiometry.scale != 1.0:
            values = values * self._radiometry.scale
        if not self._radiometry.bands and self._radiometry.offset != 0.0:
            values = values + self._radiometry.offset
        pixels = torch.where(valid, (values - self._mean) / self._std, 0.0)
        if self._radiometry.bands:  # a band may miss a value where the pixel is valid
            known = (numbers != self._nodata) & torch.isfinite(pixels)
            pixels = torch.where(known, pixels, 0.0)
        image = pixels[None].contiguous(memory_format=torch.channels_last)
        logits = self._compute(image)[0, 0]
        return (torch.sigmoid(logits) * PROBABILITY_LEVELS).round().to(torch.uint8)


class _CpuSlot:
    """Main memory through which a window reaches torch; pinned, a GPU copies it asynchronously.

    torch computes with few of the stored types: uint16 is transferred as int16, and other types
    wider than int32 or float32 are converted here.
    """

    def __init__(self, levels: WindowComputation, spec: WindowSpec, *, pinned: bool) -> None:
        self._levels = levels
        dtype = np.dtype(spec.normalisation.radiometry.dtype)
        transferred = dtype.name if dtype.name in _TRANSFER_TYPES else "float32"
        if dtype == np.uint16:
            transferred = "int16"
        shape = (spec.bands, *spec.shape)
        self._host_stored = torch.zeros(shape, dtype=getattr(torch, transferred), pin_memory=pinned)
        self._host_valid = torch.zeros(spec.shape, dtype=torch.bool, pin_memory=pinned)
        array = self._host_stored.numpy()
        self._stored_array = array.view(dtype) if dtype == np.uint16 else array

    def _load(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        with np.errstate(over="ignore"):  # nodata may be the lowest float64 there is
            np.copyto(self._stored_array, stored, casting="unsafe")
        np.copyto(self._host_valid.numpy(), valid)

    @torch.inference_mode()
    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        self._load(stored, valid)
        return self._levels(self._host_stored, self._host_valid).numpy()


class _GpuSlot(_CpuSlot):
    """Copies on a CUDA stream of its own, overlapping the computation of other slots."""

    def __init__(
        self, levels: WindowComputation, spec: WindowSpec, computing: torch.cuda.Stream, pool: Any
    ) -> None:
        super().__init__(levels, spec, pinned=True)
        device, self._computing = computing.device, computing
        self._copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stored, self._valid = self._host_stored.to(device), self._host_valid.to(device)
        self._result = torch.zeros(spec.shape, dtype=torch.uint8, device=device)
        self._host_result = torch.zeros(spec.shape, dtype=torch.uint8, pin_memory=True)
        self._copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        torch.cuda.synchronize(device)
        self._graph = self._captured(pool)

    @torch.inference_mode()
    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        self._load(stored, valid)
        with torch.cuda.stream(self._copying):
            self._stored.copy_(self._host_stored, non_blocking=True)
            self._valid.copy_(self._host_valid, non_blocking=True)
        self._computing.wait_event(self._copying.record_event())
        with torch.cuda.stream(self._computing):
            self._compute() if self._graph is None else self._graph.replay()
        self._copying.wait_event(self._computing.record_event())
        with torch.cuda.stream(self._copying):
            self._host_result.copy_(self._result, non_blocking=True)
            self._copied.record(self._copying)
        self._copied.synchronize()
        return self._host_result.numpy().copy()

    def _compute(self) -> None:
        self._result.copy_(self._levels(self._stored, self._valid))

    @torch.inference_mode()
    def _captured(self, pool: Any) -> torch.cuda.CUDAGraph | None:
        """Return the computation as one launch, or None where the network cannot be captured."""
        with torch.cuda.stream(self._computing):
            for _ in range(_WARM_UP_RUNS):  # libraries make their plans at the first calls
                self._compute()
        self._computing.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(
                graph, pool=pool, stream=self._computing, capture_error_mode="thread_local"
            ):
                self._compute()
        except RuntimeError:
            return None
        return graph


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return an equivalent network in evaluation mode, batch norms folded into convolutions.

    `torch.fx.experimental.optimization.fuse` does not fold into transposed convolutions. A network
    with data-dependent control flow cannot be traced and is returned unchanged.
    """
    try:
        traced = fx.symbolic_trace(network)
    except _TRACE_ERRORS:
        return network
    calls = Counter(str(node.target) for node in traced.graph.nodes)
    for node in list(traced.graph.nodes):
        norm = traced.get_submodule(node.target) if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None:
            continue
        source = node.args[0]
        if source.op != "call_module" or not calls[source.target] == len(source.users) == 1:
            continue
        layer = traced.get_submodule(source.target)
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            continue
        transposed = isinstance(layer, nn.ConvTranspose2d)
        if layer.groups == 1 or not transposed:
            fused: nn.Module = fuse_conv_bn_eval(layer, norm, transposed)
            traced.set_submodule(source.target, fused)
            node.replace_all_uses_with(source)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced
