"""Opens an engine that is available on this machine."""

from importlib.util import find_spec
from pathlib import Path

from landslip.core.choices import EngineName, Precision, Tta
from landslip.core.errors import InputError, MissingDependencyError, argument
from landslip.datasets.band_groups import directions_of
from landslip.models.engines.base import Engine
from landslip.models.engines.tta import TtaEngine
from landslip.models.folder import ModelFolder

_PRECISIONS = {
    EngineName.OPENVINO: (Precision.BF16, Precision.FP16, Precision.FP32, Precision.INT8),
    EngineName.TORCH: (Precision.BF16, Precision.FP16, Precision.FP32),
    EngineName.ONNX: (Precision.FP32,),
}
_REQUIREMENTS = {
    EngineName.TORCH: ("torch", "landslip[train]"),
    EngineName.ONNX: ("onnxruntime", "landslip[onnx]"),
}


def open_engine(
    model: ModelFolder,
    name: EngineName = EngineName.AUTO,
    precision: Precision = Precision.AUTO,
    tta: Tta = Tta.NONE,
) -> Engine:
    """Open an engine, with test-time augmentation around it where that is asked for.

    Raises:
        InputError: the engine does not support this precision, or not on this machine.
        MissingDependencyError: the engine is not installed.
        ModelError: the model folder is damaged, or lacks the file that the engine runs.
    """
    engine = _open(model, name, precision)
    if tta is Tta.NONE:
        return engine
    return TtaEngine(engine, tta, model.card.input.pixel_bytes, directions_of(model.card.bands))


def _open(model: ModelFolder, name: EngineName, precision: Precision) -> Engine:
    if name is EngineName.AUTO:
        on_torch = precision in (Precision.AUTO, *_PRECISIONS[EngineName.TORCH])
        name = EngineName.TORCH if on_torch and has_gpu() else EngineName.OPENVINO
    supported = _PRECISIONS[name]
    if precision is not Precision.AUTO and precision not in supported:
        *first, last = supported
        listed = f"{', '.join(first)} and {last}" if first else f"{last} only"
        others = " or ".join(other for other, known in _PRECISIONS.items() if precision in known)
        raise InputError(
            f"{argument('precision', precision.value)}: the engine {name} supports {listed}; use "
            f"one of these, or {argument('engine', others)}"
        )
    package, extra = _REQUIREMENTS.get(name, (None, None))
    if package is not None and find_spec(package) is None:
        raise MissingDependencyError(
            f"{argument('engine', name.value)}: {package} is not installed; install {extra}, or "
            f"use {argument('engine', 'openvino')}"
        )
    if name is EngineName.TORCH:
        from landslip.models.engines.torch import TorchEngine

        return TorchEngine(model, precision)
    if name is EngineName.ONNX:
        from landslip.models.engines.onnx import OnnxEngine

        return OnnxEngine(model)
    from landslip.models.engines.openvino import OpenvinoEngine

    return OpenvinoEngine(model, precision)


def has_gpu() -> bool:
    """Return whether torch sees a GPU; torch is imported only if an NVIDIA driver is loaded."""
    if not Path("/proc/driver/nvidia").exists() or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
