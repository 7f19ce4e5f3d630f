"""The processes that train one network: which of them this is, and sums over all of them.

Batch normalisation over the batch that several processes share.

Each process sees a part of a batch. With the statistics of its part alone, a network would be
trained by another rule on two devices than on one. torch has such a normalisation for GPUs, as a
module that takes the place of its own kind; this one works on CPUs too, and for modules of other
libraries, since it stands in for the function that all of them call.
"""

import ctypes
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, distributed
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from landslip.core.choices import TrainingStrategy
from landslip.core.errors import InputError

_PLACE = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
_CLUSTERS = ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributedSettings:
    """One process for each of ``devices`` on each of ``nodes``; on CPUs devices are processes.

    It is no part of the recipe: a batch is shared by the processes, and means the same on any
    number of them.
    """

    devices: int = 1
    nodes: int = 1
    strategy: TrainingStrategy = TrainingStrategy.AUTO

    def __post_init__(self) -> None:
        """Check that there is a device.

        Raises:
            InputError: a number is under 1.
        """
        for option, number in (("--devices", self.devices), ("--num-nodes", self.nodes)):
            if number < 1:
                raise InputError(f"{option}: training needs at least 1; got {number}")

    @property
    def processes(self) -> int:
        """How many there are on all nodes together."""
        return self.devices * self.nodes

    def named(self, device: str) -> str:
        """Tell on what a network was trained, e.g. ``2 x cpu``."""
        if self.processes == 1:
            return device
        where = f" on {self.nodes} nodes" if self.nodes > 1 else ""
        return f"{self.processes} x {device}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProcess:
    """Number ``rank`` of ``count``; the first, number 0, writes and tells of everything."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes and tells."""
        return self.rank == 0

    def total(self, part: Tensor) -> Tensor:
        """Return the sum of what the processes have; gradients stop here."""
        if self.count == 1:
            return part
        whole = part.detach().clone()
        distributed.all_reduce(whole)
        return whole

    def summed(self, part: Tensor) -> Tensor:
        """Return the sum of what the processes have, for a loss that all of them compute from it.

        The gradient of ``part`` is that of the sum times ``count``: gradients of weights are then
        averaged over processes, and come to those of the one loss.
        """
        if self.count == 1:
            return part
        summed: Tensor = _Sum.apply(part, self)
        return summed


SINGLE_PROCESS = TrainingProcess()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, process: TrainingProcess) -> Tensor:
        ctx.count = process.count
        return process.total(part)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.count, None


def trainer_settings(scale: DistributedSettings) -> dict[str, Any]:
    """Return the arguments of Lightning's Trainer that a scale sets."""
    strategy = scale.strategy
    if strategy is TrainingStrategy.AUTO and scale.processes > 1:
        strategy = TrainingStrategy.DDP  # Lightning's own choice in a notebook would fork
    return {
        "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
        "devices": scale.devices,
        "num_nodes": scale.nodes,
        "strategy": strategy.value,
        "use_distributed_sampler": False,  # batches are shared out by our own samplers
    }


def this_process(scale: DistributedSettings) -> TrainingProcess:
    """Return which of the processes this is, as Lightning reads it off the environment.

    Raises:
        InputError: there are fewer devices, or nothing tells where the other nodes are.
    """
    if scale.processes == 1:
        return SINGLE_PROCESS
    _check_devices(scale)
    _check_place(scale)
    try:
        with quiet_lightning():
            trainer = lightning.Trainer(
                **trainer_settings(scale),
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise InputError(f"--devices, --num-nodes, --strategy: {error}") from error
    return TrainingProcess(rank=trainer.global_rank, count=trainer.world_size)


def _check_devices(scale: DistributedSettings) -> None:
    found = torch.cuda.device_count()
    if torch.cuda.is_available() and found < scale.devices:
        raise InputError(
            f"--devices: each process needs a GPU of its own; got {scale.devices}, and this "
            f"machine has {found}"
        )


def _check_place(scale: DistributedSettings) -> None:
    if any(name in os.environ for name in _CLUSTERS):
        return
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK") if _unset(name)]
    if scale.nodes > 1 and missing:
        raise InputError(
            "--num-nodes: the same command is run on every node, by torchrun, by SLURM, or with "
            f"MASTER_ADDR, MASTER_PORT and NODE_RANK set; {', '.join(missing)} not set"
        )
    main = sys.modules["__main__"]
    if scale.devices > 1 and main.__spec__ is None and not hasattr(main, "__file__"):
        raise InputError(
            "--devices: the other processes run the same program again, so it has to be a file; "
            "use `landslip train`, or write a script"
        )


def _unset(name: str) -> bool:
    return not os.environ.get(name)


def end_with_main_process() -> None:
    """End when the process that started this one ends, and leave Ctrl-C to it."""
    if int(os.environ.get("LOCAL_RANK", "0")) == 0:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


@contextmanager
def process_group(scale: DistributedSettings) -> Iterator[None]:
    """Let processes find each other in the body, and part afterwards.

    On one machine they talk over its loopback address alone.
    """
    if scale.processes == 1:
        yield
        return
    before = {name: os.environ.get(name) for name in (*_PLACE, "GLOO_SOCKET_IFNAME")}
    if scale.nodes == 1 and sys.platform.startswith("linux"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        yield
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advice about workers, logging steps and hardware to itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield


class SyncBatchNorm(TorchFunctionMode):
    """While it is entered, batch normalisation in training looks at all processes' images."""

    def __init__(self, process: TrainingProcess) -> None:
        """Share statistics with the other processes."""
        super().__init__()
        self._process = process

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Stand in for ``functional.batch_norm``; all else is as it was."""
        if func is functional.batch_norm:
            return self._normalised(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _normalised(  # noqa: PLR0913, PLR0917 - the arguments of functional.batch_norm
        self,
        input: Tensor,  # noqa: A002
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return functional.batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        mean, variance, count = synchronised_moments(input, self._process)
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (count / (count - 1.0).clamp(min=1.0)), momentum)
        scale = torch.ones_like(mean) if weight is None else weight
        shift = torch.zeros_like(mean) if bias is None else bias
        normalised: Tensor = _Normalise.apply(
            input, scale, shift, (mean, variance, count, eps), self._process
        )
        return normalised


def synchronised_moments(values: Tensor, process: TrainingProcess) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and variance (bands,) over all processes, float32, and how many values each has.

    Each process's own mean and variance are joined, which is exact where a mean is far from 0.
    """
    axes = [axis for axis in range(values.ndim) if axis != 1]
    variance, mean = torch.var_mean(values.detach().float(), dim=axes, correction=0)
    own = torch.full_like(mean, values.numel() / values.shape[1])
    count, total = process.total(torch.stack([own, own * mean]))
    joined = total / count
    spread = process.total(own * (variance + (mean - joined).square()))
    return joined, spread / count, count


class _Normalise(torch.autograd.Function):
    """The gradients of mean and variance reach the values of every process."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        weight: Tensor,
        bias: Tensor,
        moments: tuple[Tensor, Tensor, Tensor, float],
        process: TrainingProcess,
    ) -> Tensor:
        mean, variance, count, eps = moments
        ctx.save_for_backward(values, weight, mean, variance, count)
        ctx.eps, ctx.process = eps, process
        return torch.batch_norm(values, weight, bias, mean, variance, False, 0.0, eps, False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, weight, mean, variance, count = ctx.saved_tensors
        inverse = (variance + ctx.eps).rsqrt()
        direct, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], values, weight, mean, variance, None, None, False, ctx.eps, [True] * 3
        )
        sums = ctx.process.total(torch.stack([of_weight, of_bias])) / count
        slope = -weight * inverse.square() * sums[0]
        level = -weight * inverse * sums[1] - slope * mean
        shape = [1, -1] + [1] * (values.ndim - 2)
        spread = torch.addcmul(level.view(shape), values.float(), slope.view(shape))
        return (direct + spread).to(values.dtype), of_weight, of_bias, None, None
