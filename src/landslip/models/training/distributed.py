"""Distributed training: its processes, sums over them, and synchronised batch normalisation."""

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
from landslip.core.errors import InputError, argument

_RENDEZVOUS = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
_ENVIRONMENT = (*_RENDEZVOUS, "LOCAL_RANK", "WORLD_SIZE", "GLOO_SOCKET_IFNAME")
_CLUSTERS = ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributedSettings:
    """One process for each of ``devices`` on each of ``nodes``; on CPUs devices are processes.

    Not part of the recipe: the processes divide a batch, which is the same for any number of them.
    """

    devices: int = 1
    nodes: int = 1
    strategy: TrainingStrategy = TrainingStrategy.AUTO

    def __post_init__(self) -> None:
        """Raise InputError for a number below 1."""
        for name, number in (("devices", self.devices), ("num_nodes", self.nodes)):
            if number < 1:
                raise InputError(f"{argument(name)} is at least 1; got {number}")

    @property
    def processes(self) -> int:
        """Number of processes on all nodes together."""
        return self.devices * self.nodes

    def named(self, device: str) -> str:
        """Describe the devices, e.g. ``2 x cpu``."""
        if self.processes == 1:
            return device
        where = f" on {self.nodes} nodes" if self.nodes > 1 else ""
        return f"{self.processes} x {device}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProcess:
    """Process ``rank`` of ``world_size``; rank 0, the main one, writes and reports everything."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def all_reduce(self, part: Tensor) -> Tensor:
        """Return the sum over processes, without gradient."""
        if self.world_size > 1:
            part = part.detach().clone()
            distributed.all_reduce(part)
        return part

    def differentiable_sum(self, part: Tensor) -> Tensor:
        """Return the sum over processes, for a loss that all of them compute from it.

        The gradient of ``part`` is that of the sum times ``world_size``: averaged over processes,
        the gradients of weights are those of the one loss.
        """
        if self.world_size == 1:
            return part
        total: Tensor = _DifferentiableSum.apply(part, self)
        return total


SINGLE_PROCESS = TrainingProcess()


class _DifferentiableSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, process: TrainingProcess) -> Tensor:
        ctx.world_size = process.world_size
        return process.all_reduce(part)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.world_size, None


def trainer_settings(settings: DistributedSettings) -> dict[str, Any]:
    """Return the arguments of Lightning's Trainer that these settings determine."""
    strategy = settings.strategy
    if strategy is TrainingStrategy.AUTO and settings.processes > 1:
        strategy = TrainingStrategy.DDP  # Lightning's own choice in a notebook would fork
    return {
        "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
        "devices": settings.devices,
        "num_nodes": settings.nodes,
        "strategy": strategy.value,
        "use_distributed_sampler": False,  # our own samplers divide the batches
    }


def this_process(settings: DistributedSettings) -> TrainingProcess:
    """Return which of the processes this is, as Lightning reads it from the environment.

    Raises:
        InputError: there are fewer devices, or the addresses of the other nodes are missing.
    """
    if settings.processes == 1:
        return SINGLE_PROCESS
    if torch.cuda.is_available() and torch.cuda.device_count() < settings.devices:
        raise InputError(
            f"{argument('devices')}: each process needs a GPU of its own; got {settings.devices}, "
            f"and this machine has {torch.cuda.device_count()}"
        )
    if not any(name in os.environ for name in _CLUSTERS):  # Lightning starts the processes itself
        missing = [name for name in _RENDEZVOUS if not os.environ.get(name)]
        if settings.nodes > 1 and missing:
            raise InputError(
                f"{argument('num_nodes')}: run the same command on every node, with torchrun, with "
                "SLURM, or with MASTER_ADDR, MASTER_PORT and NODE_RANK set; "
                f"{', '.join(missing)} not set"
            )
        main = sys.modules["__main__"]
        if settings.devices > 1 and main.__spec__ is None and not hasattr(main, "__file__"):
            raise InputError(
                f"{argument('devices')}: the other processes run the same program, which must be a "
                "file; use `landslip train`, or write a script"
            )
    try:
        with quiet_lightning():
            trainer = lightning.Trainer(
                **trainer_settings(settings),
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        names = ", ".join(argument(name) for name in ("devices", "num_nodes", "strategy"))
        raise InputError(f"{names}: {error}") from error
    return TrainingProcess(rank=trainer.global_rank, world_size=trainer.world_size)


def end_with_main_process() -> None:
    """Make this process end when the one that started it does, and leave Ctrl-C to that one."""
    if int(os.environ.get("LOCAL_RANK", "0")) == 0:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


@contextmanager
def process_group(settings: DistributedSettings) -> Iterator[None]:
    """Restore the environment and destroy the process group after training.

    On one machine the processes communicate over its loopback interface alone.
    """
    if settings.processes == 1:
        yield
        return
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    if settings.nodes == 1 and sys.platform.startswith("linux"):
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
    """Silence Lightning's advice about workers, logging steps and hardware."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield


class SyncBatchNorm(TorchFunctionMode):
    """Batch normalisation over all processes' images, while this mode is entered.

    With the statistics of its own part of a batch, a network would be trained differently on two
    devices than on one. `torch.nn.SyncBatchNorm` works on GPUs only and replaces modules of its own
    kind; this replaces the function that all modules call, other libraries' too.
    """

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
        """Replace ``functional.batch_norm``; all else is unchanged."""
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
        # each process's mean and variance are combined: accurate where a mean is far from 0
        axes = [axis for axis in range(input.ndim) if axis != 1]
        own_variance, own_mean = torch.var_mean(input.detach().float(), dim=axes, correction=0)
        own = torch.full_like(own_mean, input.numel() / input.shape[1])
        count, total = self._process.all_reduce(torch.stack([own, own * own_mean]))
        mean = total / count
        squares = own * (own_variance + (own_mean - mean).square())
        variance = self._process.all_reduce(squares) / count
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (count / (count - 1.0).clamp(min=1.0)), momentum)
        scale = torch.ones_like(mean) if weight is None else weight
        shift = torch.zeros_like(mean) if bias is None else bias
        normalised: Tensor = _Normalise.apply(
            input, scale, shift, (mean, variance, count, eps), self._process
        )
        return normalised


class _Normalise(torch.autograd.Function):
    """Normalisation whose gradients of mean and variance reach the values of every process."""

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
        sums = ctx.process.all_reduce(torch.stack([of_weight, of_bias])) / count
        slope = -weight * inverse.square() * sums[0]
        level = -weight * inverse * sums[1] - slope * mean
        shape = [1, -1] + [1] * (values.ndim - 2)
        spread = torch.addcmul(level.view(shape), values.float(), slope.view(shape))
        return (direct + spread).to(values.dtype), of_weight, of_bias, None, None
