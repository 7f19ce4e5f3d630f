"""LinkNet's heads against their formulas, and what each export makes of them."""

from pathlib import Path

import numpy as np
import openvino
import pytest
import safetensors.torch
import torch
from tests.factories.models import make_card, write_card
from torch import Tensor, nn
from torch.nn import functional

from landslip.core.choices import Head
from landslip.models.engines.openvino import export_graph, split_last_convolution
from landslip.models.engines.torch import fold_batch_norm
from landslip.models.folder import GRAPH, open_model
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.linknet import make_head
from landslip.models.weights import load_network, save_weights

every_head = pytest.mark.parametrize("kind", list(Head), ids=str)


def head(kind: Head) -> nn.Sequential:
    """Return a head whose batch norm has statistics."""
    torch.manual_seed(2)
    made = make_head(kind)
    for layer in made:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0.0, 0.5)
            layer.running_mean = torch.randn(32) * 0.1
            layer.running_var = torch.rand(32) + 0.1
    return made.eval()


def feature() -> Tensor:
    return torch.randn(1, 64, 16, 16, generator=torch.Generator().manual_seed(3))


@every_head
def test_the_formulas(kind: Head) -> None:
    made = head(kind)
    first, last = made[0], made[-1]
    assert isinstance(first, nn.ConvTranspose2d)
    assert isinstance(last, nn.Conv2d)
    values = functional.conv_transpose2d(feature(), first.weight, first.bias, 2, 1)
    if kind is Head.BATCH_NORM:
        norm = made[1]
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = (norm.weight / (norm.running_var + 1e-5).sqrt())[:, None, None]
        values = (values - norm.running_mean[:, None, None]) * scale + norm.bias[:, None, None]
    activated = {
        Head.RELU: values.clamp(min=0),
        Head.BATCH_NORM: values.clamp(min=0),
        Head.LEAKY: torch.where(values > 0, values, 0.1 * values),
        Head.SILU: values / (1 + torch.exp(-values)),
    }[kind]
    expected = functional.conv2d(activated, last.weight, last.bias, 1, 1)
    with torch.inference_mode():
        torch.testing.assert_close(made(feature()), expected, rtol=1e-4, atol=1e-5)


def test_where_everything_is_negative_only_relu_passes_no_gradient() -> None:
    passed = {}
    for kind in Head:
        made = make_head(kind).train()
        nn.init.constant_(made.get_parameter("0.weight"), -0.01)
        values = feature().abs().requires_grad_()
        torch.autograd.backward(made(values)[..., 4:-4, 4:-4].sum())
        assert values.grad is not None
        passed[kind] = bool(values.grad.abs().max() > 0)
    assert passed == {kind: kind is not Head.RELU for kind in Head}


@every_head
def test_openvino_and_folding_keep_the_logits(kind: Head, tmp_path: Path) -> None:
    made = head(kind)
    with torch.inference_mode():
        expected = made(feature())
        torch.testing.assert_close(fold_batch_norm(made)(feature()), expected)
    export_graph(made, 64, tmp_path)
    graph = openvino.Core().read_model(tmp_path / GRAPH)
    assert split_last_convolution(graph) == 1
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(feature().numpy())[0]
    assert np.abs(found - torch.sigmoid(expected).numpy()).max() < 1e-5


def test_a_model_of_before_loads_with_relu(tmp_path: Path) -> None:
    """Its ``model.json`` has neither head nor version."""
    network = build_network(Architecture(encoder="test_resnet"), seed=5).eval()
    save_weights(network, tmp_path)
    write_card(
        tmp_path,
        make_card(),
        ["weights.safetensors"],
        architecture=Architecture(encoder="test_resnet"),
    )
    file = tmp_path / "model.json"
    text = file.read_text()
    for line in (',\n    "head": "relu"', ',\n    "version": 1'):
        assert text.count(line) == 1
        text = text.replace(line, "")
    file.write_text(text)
    model = open_model(tmp_path)
    assert model.card.architecture.head is Head.RELU
    given: list[Tensor] = []
    loaded = load_network(model).eval()
    loaded.get_submodule("head").register_forward_hook(lambda _, inputs, __: given.append(*inputs))
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        logits = loaded(image)
    weights = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    hidden = functional.conv_transpose2d(
        given[0], weights["head.0.weight"], weights["head.0.bias"], 2, 1
    )
    expected = functional.conv2d(
        hidden.clamp(min=0), weights["head.2.weight"], weights["head.2.bias"], 1, 1
    )
    torch.testing.assert_close(logits, expected)
