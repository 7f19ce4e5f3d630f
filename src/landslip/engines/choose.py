"""Chooses an engine that this machine has."""

from importlib.util import find_spec
from pathlib import Path

from landslip.choices import EngineName, Precision
from landslip.engines.base import Engine
from landslip.errors import MissingDependencyError
from landslip.model.folder import Model


def open_engine(
    model: Model,
    name: EngineName = EngineName.AUTO,
    precision: Precision = Precision.AUTO,
) -> Engine:
    """Open the engine asked for.

    Raises:
        MissingDependencyError: torch was asked for and is not installed.
        ModelError: the model folder is damaged.
    """
    if name is EngineName.TORCH or (name is EngineName.AUTO and _has_gpu()):
        if find_spec("torch") is None:
            raise MissingDependencyError(
                "--engine torch: torch is not installed; install landslip[train], or use "
                "--engine openvino"
            )
        from landslip.engines.torch import TorchEngine

        return TorchEngine(model, precision)
    from landslip.engines.openvino import OpenvinoEngine

    return OpenvinoEngine(model, precision)


def _has_gpu() -> bool:
    """Tell whether torch sees a GPU, without importing torch where no NVIDIA driver is loaded."""
    if not Path("/proc/driver/nvidia").exists() or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
