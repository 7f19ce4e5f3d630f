"""Chooses an engine that this machine has."""

from importlib.util import find_spec
from pathlib import Path

from landslip.core.choices import EngineName, Precision
from landslip.core.errors import InputError, MissingDependencyError
from landslip.models.engines.base import Engine
from landslip.models.folder import ModelFolder

_COMPUTES_IN = {
    EngineName.OPENVINO: (Precision.BF16, Precision.FP16, Precision.FP32, Precision.INT8),
    EngineName.TORCH: (Precision.BF16, Precision.FP16, Precision.FP32),
    EngineName.ONNX: (Precision.FP32,),
}
_PACKAGES = {
    EngineName.TORCH: ("torch", "landslip[train]"),
    EngineName.ONNX: ("onnxruntime", "landslip[onnx]"),
}


def open_engine(
    model: ModelFolder,
    name: EngineName = EngineName.AUTO,
    precision: Precision = Precision.AUTO,
) -> Engine:
    """Open the engine asked for.

    Raises:
        InputError: the engine does not compute in this precision, or not on this machine.
        MissingDependencyError: the engine asked for is not installed.
        ModelError: the model folder is damaged, or lacks the file that the engine runs.
    """
    if name is EngineName.AUTO:
        name = _usual(precision)
    _check_precision(name, precision)
    _check_installed(name)
    if name is EngineName.TORCH:
        from landslip.models.engines.torch import TorchEngine

        return TorchEngine(model, precision)
    if name is EngineName.ONNX:
        from landslip.models.engines.onnx import OnnxEngine

        return OnnxEngine(model)
    from landslip.models.engines.openvino import OpenvinoEngine

    return OpenvinoEngine(model, precision)


def _usual(precision: Precision) -> EngineName:
    can = precision in (Precision.AUTO, *_COMPUTES_IN[EngineName.TORCH])
    return EngineName.TORCH if can and _has_gpu() else EngineName.OPENVINO


def _check_precision(name: EngineName, precision: Precision) -> None:
    offered = _COMPUTES_IN[name]
    if precision is Precision.AUTO or precision in offered:
        return
    others = " or ".join(other for other, known in _COMPUTES_IN.items() if precision in known)
    raise InputError(
        f"--precision {precision}: the engine {name} computes in {_listed(offered)}; use one of "
        f"these, or --engine {others}"
    )


def _listed(offered: tuple[Precision, ...]) -> str:
    *first, last = offered
    return f"{', '.join(first)} and {last}" if first else f"{last} only"


def _check_installed(name: EngineName) -> None:
    package, extra = _PACKAGES.get(name, (None, None))
    if package is not None and find_spec(package) is None:
        raise MissingDependencyError(
            f"--engine {name}: {package} is not installed; install {extra}, or use "
            "--engine openvino"
        )


def _has_gpu() -> bool:
    """Tell whether torch sees a GPU, without importing torch where no NVIDIA driver is loaded."""
    if not Path("/proc/driver/nvidia").exists() or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
