"""torch, on a GPU where there is one.

The kernels are the same at every start of the program, so that a run that was broken off and
continued gives the bytes of one that was not: cuDNN does not try out which kernel is fastest, and
takes none whose sums depend on chance. `torch.compile` is not used: it needs a compiler on the
machine and minutes for each new shape, and most of what it saves, launches and batch norm, is saved
here by a CUDA graph and by folding.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from landslip.core.choices import Precision
from landslip.core.errors import InputError
from landslip.models.calibration.curve import LIMIT, CalibrationCurve
from landslip.models.engines.base import PROBABILITY_LEVELS, EngineCosts, WindowSpec
from landslip.models.engines.openvino import peak_activation_bytes
from landslip.models.folder import GRAPH, WEIGHTS, ModelFolder
from landslip.models.networks.build import computes_in_bf16
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


_KEPT = ("uint8", "int8", "int16", "int32", "float32")
_WARM_UPS = 3
_CANNOT_TRACE = (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)
LogitsFunction = Callable[[Tensor], Tensor]


class WindowComputation:
    """Normalisation, network, calibration and rounding, on the device that the network is on."""

    def __init__(self, compute: LogitsFunction, form: WindowSpec, device: torch.device) -> None:
        """Take the form's normalisation to the device."""
        known = form.normalisation
        self._compute = compute
        self._curve = form.calibration
        self._radiometry = known.radiometry
        self._is_uint16 = np.dtype(known.radiometry.dtype) == np.uint16
        self._mean = torch.tensor(known.mean, dtype=torch.float32, device=device)[:, None, None]
        self._std = torch.tensor(known.std, dtype=torch.float32, device=device)[:, None, None]

    def __call__(self, carried: Tensor, valid: Tensor) -> Tensor:
        """Return steps (height, width) for a window in the numbers of `carrier`.

        The order of the sums is that of `Normalisation.apply`.
        """
        if self._is_uint16:
            carried = carried.to(torch.int32) & 0xFFFF
        values = carried.to(torch.float32)
        if self._radiometry.scale != 1.0:
            values = values * self._radiometry.scale
        if self._radiometry.offset != 0.0:
            values = values + self._radiometry.offset
        pixels = torch.where(valid, (values - self._mean) / self._std, 0.0)
        image = pixels[None].contiguous(memory_format=torch.channels_last)
        logits = self._compute(image)[0, 0]
        if self._curve is not None:
            logits = calibrate_logits(logits, self._curve)
        probability = torch.sigmoid(logits)
        return (probability * PROBABILITY_LEVELS).round().to(torch.uint8)


def calibrate_logits(logits: Tensor, curve: CalibrationCurve) -> Tensor:
    """Return calibrated logits, in their type and on their device."""
    start, slope, bends = curve.hinges()
    cut = logits.clamp(-LIMIT, LIMIT)
    found = cut * slope + start
    for knot, change in bends:
        found = found + (cut - knot).clamp_min(0) * change
    return found


class _WindowSlot(Protocol):
    """Room for one window, and what computes it."""

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]: ...


class StagingBuffer:
    """Main memory in which a window comes to torch.

    torch computes with few of the stored types: 16-bit numbers without sign travel as those with
    one, and types as wide as float32 or wider are converted here.
    """

    def __init__(self, form: WindowSpec, *, pinned: bool) -> None:
        """Make room; ``pinned`` memory is copied to a GPU while the processor goes on."""
        dtype = np.dtype(form.normalisation.radiometry.dtype)
        carried = (
            "int16" if dtype == np.uint16 else dtype.name if dtype.name in _KEPT else "float32"
        )
        shape = (form.bands, *form.shape)
        self.stored = torch.zeros(shape, dtype=getattr(torch, carried), pin_memory=pinned)
        self.valid = torch.zeros(form.shape, dtype=torch.bool, pin_memory=pinned)
        room = self.stored.numpy()
        self._stored = room.view(dtype) if dtype == np.uint16 else room
        self._valid = self.valid.numpy()

    def load(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Copy a window in."""
        with np.errstate(over="ignore"):  # nodata may be the lowest float64 there is
            np.copyto(self._stored, stored, casting="unsafe")
        np.copyto(self._valid, valid)


class _CpuSlot:
    def __init__(self, steps: WindowComputation, form: WindowSpec) -> None:
        self._steps = steps
        self._carrier = StagingBuffer(form, pinned=False)

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        self._carrier.load(stored, valid)
        with torch.inference_mode():
            found: NDArray[np.uint8] = self._steps(
                self._carrier.stored, self._carrier.valid
            ).numpy()
        return found


class _GpuSlot:
    """Copies on a stream of its own, so that they overlap what other places compute."""

    def __init__(
        self, steps: WindowComputation, form: WindowSpec, computing: torch.cuda.Stream, pool: Any
    ) -> None:
        device = computing.device
        self._steps = steps
        self._computing = computing
        self._copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._carrier = StagingBuffer(form, pinned=True)
        self._stored = self._carrier.stored.to(device)
        self._valid = self._carrier.valid.to(device)
        self._found = torch.zeros(form.shape, dtype=torch.uint8, device=device)
        self._taken = torch.zeros(form.shape, dtype=torch.uint8, pin_memory=True)
        self._taken_at = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        torch.cuda.synchronize(device)
        self._graph = self._captured(pool)

    @torch.inference_mode()
    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        self._carrier.load(stored, valid)
        with torch.cuda.stream(self._copying):
            self._stored.copy_(self._carrier.stored, non_blocking=True)
            self._valid.copy_(self._carrier.valid, non_blocking=True)
        self._computing.wait_event(self._copying.record_event())
        with torch.cuda.stream(self._computing):
            self._compute() if self._graph is None else self._graph.replay()
        self._copying.wait_event(self._computing.record_event())
        with torch.cuda.stream(self._copying):
            self._taken.copy_(self._found, non_blocking=True)
            self._taken_at.record(self._copying)
        self._taken_at.synchronize()
        return self._taken.numpy().copy()

    def _compute(self) -> None:
        self._found.copy_(self._steps(self._stored, self._valid))

    @torch.inference_mode()
    def _captured(self, pool: Any) -> torch.cuda.CUDAGraph | None:
        """Return the computation as one launch, or None where the network cannot be captured."""
        with torch.cuda.stream(self._computing):
            for _ in range(_WARM_UPS):  # libraries make their plans at the first calls
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


def _slots(
    steps: WindowComputation, form: WindowSpec, device: torch.device, count: int
) -> list[_CpuSlot] | list[_GpuSlot]:
    if device.type == "cpu":
        return [_CpuSlot(steps, form) for _ in range(count)]
    # one computes after the other, so all can use the same memory
    computing = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    pool = torch.cuda.graph_pool_handle()
    try:
        return [_GpuSlot(steps, form, computing, pool) for _ in range(count)]
    except torch.OutOfMemoryError as error:
        height, width = form.shape
        raise InputError(
            f"windows of {height} x {width} px do not fit into this GPU's memory; take smaller "
            "ones with --tile"
        ) from error


class TorchRunner:
    """A network set up for windows of one form; each stream has a place of its own."""

    def __init__(
        self, compute: LogitsFunction, form: WindowSpec, device: torch.device, streams: int
    ) -> None:
        """Make the places; on a GPU the network is warmed up and captured.

        Raises:
            InputError: the GPU's memory does not hold windows of this form.
        """
        self.streams = streams
        self._idle: SimpleQueue[_WindowSlot] = SimpleQueue()
        steps = WindowComputation(compute, form, device)
        for place in _slots(steps, form, device, streams):
            self._idle.put(place)

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        place = self._idle.get()
        try:
            return place.run(stored, valid)
        finally:
            self._idle.put(place)


class TorchEngine:
    """Runs the network from its weights, on the current GPU or on the CPU."""

    name = "torch"

    def __init__(self, model: ModelFolder, precision: Precision = Precision.AUTO) -> None:
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
        network = _with_weights_in(fold_batch_norm(load_network(model).eval()), self._dtype)
        self._network = network.to(self._device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        image = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
        probability: NDArray[np.float32] = torch.sigmoid(self._logits(image))[:, 0].cpu().numpy()
        return probability

    def runner(self, form: WindowSpec, streams: int | None = None) -> TorchRunner:
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
        alive = peak_activation_bytes(self._model.file(GRAPH), bands, _SHAPE, element_bytes)
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


"""Gives logits (1, 1, height, width) for normalised pixels (1, bands, height, width)."""


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return a network in evaluation mode that computes the same with fewer layers.

    A network whose course depends on its input cannot be traced, and comes back as it is.
    """
    try:
        traced = fx.symbolic_trace(network)
    except _CANNOT_TRACE:
        return network
    calls = Counter(str(node.target) for node in traced.graph.nodes)
    for node in list(traced.graph.nodes):
        norm = _module(traced, node)
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
            source = node.args[0]
            if calls[str(source.target)] == len(source.users) == 1 and _fold(traced, source, norm):
                node.replace_all_uses_with(source)
                traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _fold(traced: fx.GraphModule, source: fx.Node, norm: nn.BatchNorm2d) -> bool:
    """Put a batch norm into the layer before it; return whether that is possible."""
    layer = _module(traced, source)
    if isinstance(layer, nn.Conv2d):
        fused: nn.Module = fuse_conv_bn_eval(layer, norm)
    elif isinstance(layer, nn.ConvTranspose2d) and layer.groups == 1:
        fused = fuse_conv_bn_eval(layer, norm, transpose=True)
    else:
        return False
    traced.set_submodule(str(source.target), fused)
    return True


def _module(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None
