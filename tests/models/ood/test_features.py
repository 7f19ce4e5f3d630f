"""The deepest features by OpenVINO against those of the network's own encoder in torch."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from numpy.typing import NDArray
from openvino import opset13 as ops
from tests.models.ood.conftest import BANDS, write_model
from torch import nn

from landslip.core.choices import Arch
from landslip.core.errors import ModelError
from landslip.models.folder import GRAPH, ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.ood.features import FeatureExtractor, deepest_layer
from landslip.models.weights import load_network

NETWORKS = [
    pytest.param(Arch.SEGFORMER, "test_convnext", 32, id="segformer"),
    pytest.param(Arch.UPERNET, "test_resnet", 32, id="upernet"),
    pytest.param(Arch.ALBUNET, "test_resnet", 64, id="albunet", marks=pytest.mark.slow),
    pytest.param(Arch.IMPROVED_UNET, "none", 16, id="improved-unet", marks=pytest.mark.slow),
    pytest.param(Arch.UNET, "test_efficientnet", 32, id="unet", marks=pytest.mark.slow),
]


def normal(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def evened(means: NDArray[Any]) -> NDArray[np.float64]:
    roots = np.sign(means) * np.sqrt(np.abs(means.astype(np.float64)))
    result: NDArray[np.float64] = roots / np.linalg.norm(roots)
    return result


def encoder_output(model: ModelFolder, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the last and deepest features (features, rows, cols) that torch computes."""
    network = load_network(model).eval()
    assert isinstance(network.encoder, nn.Module)
    with torch.inference_mode():
        found: NDArray[np.float32] = network.encoder(torch.from_numpy(pixels[np.newaxis]))[-1][0]
    return np.asarray(found)


@pytest.mark.parametrize(("arch", "encoder", "stride"), NETWORKS)
def test_every_network_has_a_deepest_layer(
    arch: Arch, encoder: str, stride: int, tmp_path: Path
) -> None:
    model = write_model(tmp_path, Architecture(arch=arch, encoder=encoder, bands=BANDS))
    extractor = FeatureExtractor(model)
    assert extractor.layer.stride == stride
    for shape in ((64, 64), (100, 70)):
        found = extractor.mean(normal((3, *shape)), np.ones(shape, dtype=np.bool_))
        assert found.shape == (extractor.layer.channels,)
        assert np.linalg.norm(found) == pytest.approx(1)
    again = FeatureExtractor(model, extractor.layer.name)
    assert np.array_equal(again.mean(normal((3, 100, 70)), np.ones((100, 70), bool)), found)


def test_a_linknet_is_cut_at_the_end_of_its_encoder(bare_model: ModelFolder) -> None:
    pixels = normal((3, 128, 96))
    expected = encoder_output(bare_model, pixels).mean(axis=(1, 2))
    found = FeatureExtractor(bare_model).mean(pixels, np.ones((128, 96), dtype=np.bool_))
    assert found == pytest.approx(evened(expected), abs=0.02)  # computed in bf16 where it can be


def test_only_what_is_valid_counts(bare_model: ModelFolder) -> None:
    """The upper half of a feature pixel's square is valid, and all of the one beside it."""
    pixels, valid = normal((3, 32, 64)), np.ones((32, 64), dtype=np.bool_)
    valid[16:, :32] = False
    pixels[:, ~valid] = 0
    found = encoder_output(bare_model, pixels)[:, 0]
    expected = (0.5 * found[:, 0] + found[:, 1]) / 1.5
    assert FeatureExtractor(bare_model).mean(pixels, valid) == pytest.approx(
        evened(expected), abs=0.02
    )


def test_a_tile_of_any_size_is_padded(bare_model: ModelFolder) -> None:
    pixels, padded = normal((3, 40, 64)), np.zeros((3, 64, 64), dtype=np.float32)
    padded[:, :40] = pixels
    valid = np.zeros((64, 64), dtype=np.bool_)
    valid[:40] = True
    extractor = FeatureExtractor(bare_model)
    assert np.array_equal(extractor.mean(pixels, valid[:40]), extractor.mean(padded, valid))


def test_another_layer_than_the_one_that_was_measured_is_refused(bare_model: ModelFolder) -> None:
    with pytest.raises(ModelError, match=r"graph\.xml: the layer .*, encoder/relu, is not in it"):
        FeatureExtractor(bare_model, "encoder/relu")


def test_a_graph_without_pictures_has_no_deepest_layer(bare_model: ModelFolder) -> None:
    taken = ops.parameter([1, 3, 128, 160], np.float32)
    pooled = ops.reduce_mean(taken, [2, 3], keep_dims=True)
    graph = openvino.Model([pooled], [taken])
    assert deepest_layer(graph) is None
    whole = openvino.Core().read_model(bare_model.path / GRAPH)
    whole.reshape([1, 3, 128, 160])
    assert deepest_layer(whole) == FeatureExtractor(bare_model).layer
