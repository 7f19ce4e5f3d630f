"""Engines against the network in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.factories.models import make_card
from tests.models.engines.conftest import ENGINE_VARIANTS

from landslip.core.choices import EngineName, Precision
from landslip.core.errors import ModelError
from landslip.core.files import sha256_of
from landslip.models.engines.choose import open_engine
from landslip.models.engines.openvino import export_graph
from landslip.models.folder import GRAPH, ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.weights import load_network, save_weights

BANDS = ("blue", "green", "red", "nir")
"""Stated bounds on probabilities against float32 torch."""
BOUNDS = {Precision.FP32: 1e-4, Precision.BF16: 0.03}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    folder = tmp_path_factory.mktemp("model")
    architecture = Architecture(encoder="test_resnet", bands=BANDS)
    network = build_network(architecture, seed=3).eval()
    files = [save_weights(network, folder), *export_graph(network, len(BANDS), folder)]
    card = make_card().model_copy(
        update={
            "architecture": architecture,
            "files": {name: sha256_of(folder / name) for name in files},
        }
    )
    (folder / "model.json").write_text(card.model_dump_json())
    return ModelFolder(folder, card)


def batch(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("name", "precision"), ENGINE_VARIANTS[:4], ids=str)
def test_probabilities_are_those_of_the_network(
    name: EngineName, precision: Precision, model: ModelFolder
) -> None:
    engine = open_engine(model, name, precision)
    assert (engine.name, engine.precision) == (name.value, precision.value)
    for shape in ((2, 4, 64, 64), (1, 4, 96, 32)):
        pixels = batch(*shape)
        with torch.inference_mode():
            expected = torch.sigmoid(load_network(model).eval()(torch.from_numpy(pixels)))
        found = engine.predict(pixels)
        assert found.shape == (shape[0], *shape[2:])
        assert np.abs(found - expected[:, 0].numpy()).max() < BOUNDS[precision]


def test_results_of_one_call_outlive_the_next(model: ModelFolder) -> None:
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32)
    first = engine.predict(batch(1, 4, 64, 64))
    kept = first.copy()
    engine.predict(np.zeros((1, 4, 64, 64), dtype=np.float32))
    assert np.array_equal(first, kept)


def test_a_truncated_graph_is_refused(model: ModelFolder, tmp_path: Path) -> None:
    for file in model.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / GRAPH).write_bytes((model.path / GRAPH).read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"graph\.xml: .* truncated or changed"):
        open_engine(ModelFolder(tmp_path, model.card), EngineName.OPENVINO)


def test_weights_of_another_network_are_refused(model: ModelFolder, tmp_path: Path) -> None:
    other = build_network(Architecture(encoder="test_resnet", bands=BANDS[:3]))
    save_weights(other, tmp_path)
    files = {"weights.safetensors": sha256_of(tmp_path / "weights.safetensors")}
    card = model.card.model_copy(update={"files": files})
    with pytest.raises(ModelError, match="not the weights of the network"):
        load_network(ModelFolder(tmp_path, card))


def test_weights_that_are_no_numbers_are_refused(model: ModelFolder, tmp_path: Path) -> None:
    network = load_network(model)
    with torch.no_grad():
        next(network.parameters()).view(-1)[3] = float("nan")
    save_weights(network, tmp_path)
    files = {"weights.safetensors": sha256_of(tmp_path / "weights.safetensors")}
    card = model.card.model_copy(update={"files": files})
    with pytest.raises(ModelError, match=r"weights\.safetensors: has weights that are not finite"):
        load_network(ModelFolder(tmp_path, card))
