"""Which engine is opened, and what is said where none can be."""

import sys

import pytest

from landslip.core.choices import EngineName, Precision
from landslip.core.errors import InputError, MissingDependencyError, ModelError
from landslip.models.engines.choose import open_engine
from landslip.models.folder import ModelFolder


@pytest.mark.parametrize(
    ("name", "precision", "message"),
    [
        (
            EngineName.TORCH,
            Precision.INT8,
            r"int8.: the engine torch supports bf16, fp16 and fp32; .* engine=.openvino.$",
        ),
        (
            EngineName.ONNX,
            Precision.BF16,
            r"bf16.: the engine onnx supports fp32 only; .* engine=.openvino or torch.$",
        ),
        (EngineName.ONNX, Precision.INT8, "int8.: the engine onnx supports fp32 only"),
    ],
    ids=["torch-int8", "onnx-bf16", "onnx-int8"],
)
def test_precisions_that_an_engine_lacks_are_refused(
    name: EngineName, precision: Precision, message: str, trained: ModelFolder
) -> None:
    with pytest.raises(InputError, match=f"precision=.{message}"):
        open_engine(trained, name, precision)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [(EngineName.TORCH, "torch", "train"), (EngineName.ONNX, "onnxruntime", "onnx")],
    ids=str,
)
def test_what_is_not_installed_is_named(
    name: EngineName,
    package: str,
    extra: str,
    trained: ModelFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"engine=.{name}.: {package} is not installed; install landslip\[{extra}\]"
    with pytest.raises(MissingDependencyError, match=message):
        open_engine(trained, name)


def test_int8_is_openvino_s(trained: ModelFolder) -> None:
    with pytest.raises(ModelError, match=r"this model has no graph_int8\.xml"):
        open_engine(trained, EngineName.AUTO, Precision.INT8)
