"""Windows of one form through torch: stored numbers in, steps of probability out."""

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landslip.core.errors import InputError
from landslip.models.calibration.curve import LIMIT, Calibration
from landslip.models.engines.base import PROBABILITY_STEPS, WindowForm

Compute = Callable[[Tensor], Tensor]
"""Gives logits (1, 1, height, width) for normalised pixels (1, bands, height, width)."""
_KEPT = ("uint8", "int8", "int16", "int32", "float32")
_WARM_UPS = 3


class WindowSteps:
    """Normalisation, network, calibration and rounding, on the device that the network is on."""

    def __init__(self, compute: Compute, form: WindowForm, device: torch.device) -> None:
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
            logits = calibrated(logits, self._curve)
        probability = torch.sigmoid(logits)
        return (probability * PROBABILITY_STEPS).round().to(torch.uint8)


def calibrated(logits: Tensor, curve: Calibration) -> Tensor:
    """Return calibrated logits, in their type and on their device."""
    start, slope, bends = curve.hinges()
    cut = logits.clamp(-LIMIT, LIMIT)
    found = cut * slope + start
    for knot, change in bends:
        found = found + (cut - knot).clamp_min(0) * change
    return found


class _Place(Protocol):
    """Room for one window, and what computes it."""

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]: ...


class TorchRunner:
    """A network set up for windows of one form; each stream has a place of its own."""

    def __init__(
        self, compute: Compute, form: WindowForm, device: torch.device, streams: int
    ) -> None:
        """Make the places; on a GPU the network is warmed up and captured.

        Raises:
            InputError: the GPU's memory does not hold windows of this form.
        """
        self.streams = streams
        self._idle: SimpleQueue[_Place] = SimpleQueue()
        steps = WindowSteps(compute, form, device)
        for place in _places(steps, form, device, streams):
            self._idle.put(place)

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        place = self._idle.get()
        try:
            return place.run(stored, valid)
        finally:
            self._idle.put(place)


class Carrier:
    """Main memory in which a window comes to torch.

    torch computes with few of the stored types: 16-bit numbers without sign travel as those with
    one, and types as wide as float32 or wider are converted here.
    """

    def __init__(self, form: WindowForm, *, pinned: bool) -> None:
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


class _CpuPlace:
    def __init__(self, steps: WindowSteps, form: WindowForm) -> None:
        self._steps = steps
        self._carrier = Carrier(form, pinned=False)

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        self._carrier.load(stored, valid)
        with torch.inference_mode():
            found: NDArray[np.uint8] = self._steps(
                self._carrier.stored, self._carrier.valid
            ).numpy()
        return found


class _GpuPlace:
    """Copies on a stream of its own, so that they overlap what other places compute."""

    def __init__(
        self, steps: WindowSteps, form: WindowForm, computing: torch.cuda.Stream, pool: Any
    ) -> None:
        device = computing.device
        self._steps = steps
        self._computing = computing
        self._copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._carrier = Carrier(form, pinned=True)
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


def _places(
    steps: WindowSteps, form: WindowForm, device: torch.device, count: int
) -> list[_CpuPlace] | list[_GpuPlace]:
    if device.type == "cpu":
        return [_CpuPlace(steps, form) for _ in range(count)]
    # one computes after the other, so all can use the same memory
    computing = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    pool = torch.cuda.graph_pool_handle()
    try:
        return [_GpuPlace(steps, form, computing, pool) for _ in range(count)]
    except torch.OutOfMemoryError as error:
        height, width = form.shape
        raise InputError(
            f"windows of {height} x {width} px do not fit into this GPU's memory; take smaller "
            "ones with --tile"
        ) from error
