"""Exports of each of LinkNet's heads, and of the network of the recipe `fast`."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from landslip.core.choices import Head, Precision, Split
from landslip.datasets.format import TileDataset
from landslip.models.engines.openvino import OpenvinoEngine, export_graph
from landslip.models.evaluation import predicted_tiles
from landslip.models.export.int8 import QuantisationTiles
from landslip.models.export.onnx import _converted
from landslip.models.export.run import ExportRequest, export
from landslip.models.folder import GRAPH, open_model
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.linknet import make_head
from landslip.models.training.recipe import RECIPES, read_config
from landslip.models.training.run import TrainRequest, train

every_head = pytest.mark.parametrize("kind", list(Head), ids=str)
SMALL = {"encoder": "test_resnet", "encoder_weights": "none"}


@every_head
def test_onnx_of_each_head(kind: Head, tmp_path: Path) -> None:
    torch.manual_seed(1)
    head = make_head(kind).train()
    head(torch.randn(4, 64, 8, 8) + 1)  # statistics of a batch norm
    network = nn.Sequential(head, nn.Sigmoid()).eval()
    any_size = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    path, pixels = tmp_path / "head.onnx", torch.randn(3, 64, 16, 8)
    onnx.save(_converted(network, (2, 64, 8, 12), any_size), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(pixels).numpy()
    assert np.ptp(expected) > 0.001
    assert np.abs(session.run(None, {"image": pixels.numpy()})[0] - expected).max() < 1e-6


def test_openvino_of_three_levels_and_a_narrow_decoder(tmp_path: Path) -> None:
    config = read_config("fast", None, SMALL)
    assert (config.encoder_levels, config.decoder_width, config.head) == (3, 32, Head.LEAKY)
    names = ("encoder", "encoder_levels", "decoder_width", "head")
    architecture = Architecture(**{name: getattr(config, name) for name in names})
    network = build_network(architecture, seed=4).eval()
    pixels = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(2))
    export_graph(network, 3, tmp_path)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(tmp_path / GRAPH, "CPU", options)
    with torch.inference_mode():
        expected = torch.sigmoid(network(pixels)).numpy()
    assert np.ptp(expected) > 0.001
    assert np.abs(compiled(pixels.numpy())[0] - expected).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [*Head, "fast"], ids=str)
def test_int8_of_trained_networks(recipe: str, dataset: Path, tmp_path: Path) -> None:
    """ONNX, the int8 graph and its loss of F1, as `landslip export --int8` writes them."""
    is_fast = recipe in RECIPES
    few = {"epochs": 6, "batch_size": 3}
    quick = {"encoder_weights": "none", "learning_rate": 0.01, "ema_decay": 0.5}
    stated = quick if is_fast else {**SMALL, "head": recipe}
    config = read_config("fast" if is_fast else "default", None, {**stated, **few})
    tiles = TileDataset(dataset)
    train(TrainRequest(dataset=tiles, out=tmp_path / "model", config=config))
    request = ExportRequest(
        model=open_model(tmp_path / "model"),
        out=tmp_path / "exported",
        int8=QuantisationTiles(dataset=tiles),
        max_loss_points=100.0,
    )
    made = export(request)
    assert made.onnx is not None
    assert made.onnx.largest_difference < 1e-5
    exported = open_model(tmp_path / "exported")
    assert exported.card.architecture.head == config.head

    def probabilities(precision: Precision) -> NDArray[np.float32]:
        engine, positions = OpenvinoEngine(exported, precision), tiles.positions(Split.TEST)
        found = predicted_tiles(engine, exported.card, tiles, positions)
        return np.concatenate([probability for _, probability in found])

    exact, quantised = (probabilities(one) for one in (Precision.FP32, Precision.INT8))
    assert np.ptp(exact) > 0.05
    assert 0 < np.abs(quantised - exact).mean() < 0.1 * np.ptp(exact)
    assert np.corrcoef(quantised.ravel(), exact.ravel())[0, 1] > 0.97
