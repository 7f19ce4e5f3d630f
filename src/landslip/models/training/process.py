"""The processes that train one network: which of them this is, and sums over all of them."""

import ctypes
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, distributed

from landslip.core.errors import InputError
from landslip.models.training.scale import Scale, Strategy

_PLACE = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
_CLUSTERS = ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
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


ALONE = Process()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, process: Process) -> Tensor:
        ctx.count = process.count
        return process.total(part)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.count, None


def trainer_settings(scale: Scale) -> dict[str, Any]:
    """Return the arguments of Lightning's Trainer that a scale sets."""
    strategy = scale.strategy
    if strategy is Strategy.AUTO and scale.processes > 1:
        strategy = Strategy.DDP  # Lightning's own choice in a notebook would fork
    return {
        "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
        "devices": scale.devices,
        "num_nodes": scale.nodes,
        "strategy": strategy.value,
        "use_distributed_sampler": False,  # batches are shared out by our own samplers
    }


def this_process(scale: Scale) -> Process:
    """Return which of the processes this is, as Lightning reads it off the environment.

    Raises:
        InputError: there are fewer devices, or nothing tells where the other nodes are.
    """
    if scale.processes == 1:
        return ALONE
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
    return Process(rank=trainer.global_rank, count=trainer.world_size)


def _check_devices(scale: Scale) -> None:
    found = torch.cuda.device_count()
    if torch.cuda.is_available() and found < scale.devices:
        raise InputError(
            f"--devices: each process needs a GPU of its own; got {scale.devices}, and this "
            f"machine has {found}"
        )


def _check_place(scale: Scale) -> None:
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


def follow_first() -> None:
    """End when the process that started this one ends, and leave Ctrl-C to it."""
    if int(os.environ.get("LOCAL_RANK", "0")) == 0:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


@contextmanager
def joined(scale: Scale) -> Iterator[None]:
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
