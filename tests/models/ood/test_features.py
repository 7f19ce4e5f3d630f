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
from landslip.models.ood.features import (
    FeatureExtractor,
    PixelMoments,
    deepest_layer,
    spectral_descriptor,
)
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
    with pytest.raises(ModelError, match=r"graph\.xml: the layer .* \(encoder/relu\) is not in it"):
        FeatureExtractor(bare_model, "encoder/relu")


def test_a_graph_without_pictures_has_no_deepest_layer(bare_model: ModelFolder) -> None:
    taken = ops.parameter([1, 3, 128, 160], np.float32)
    pooled = ops.reduce_mean(taken, [2, 3], keep_dims=True)
    graph = openvino.Model([pooled], [taken])
    assert deepest_layer(graph) is None
    whole = openvino.Core().read_model(bare_model.path / GRAPH)
    whole.reshape([1, 3, 128, 160])
    assert deepest_layer(whole) == FeatureExtractor(bare_model).layer


def bands(seed: int, number: int = 2000) -> np.ndarray:
    mixing = np.array([[1.0, 0.2, 0.0], [0.9, 0.3, 0.1], [0.8, 0.0, 0.5]])
    pixels: np.ndarray = mixing @ np.random.default_rng(seed).normal(size=(3, number))
    return (pixels + 0.5).astype(np.float32)


def moments(*parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = PixelMoments(len(parts[0]))
    for part in parts:
        found.add(part)
    return found.mean_and_axes()


def test_pixels_are_evened_out() -> None:
    first, second = bands(0), bands(1, 700)
    mean, axes = moments(first, second)
    whole = np.concatenate([first, second], axis=1).astype(np.float64)
    assert mean == pytest.approx(whole.mean(axis=1))
    assert np.cov(axes @ whole, bias=True) == pytest.approx(np.eye(3), abs=1e-6)


def test_all_training_pixels_together_are_described_as_usual() -> None:
    pixels = bands(0)
    assert spectral_descriptor(pixels, *moments(pixels)) == pytest.approx(np.zeros(6), abs=1e-4)


def test_brighter_and_rougher_tiles_are_told_apart() -> None:
    """Along the axes, a shift by 2 standard deviations, and twice the spread."""
    pixels = bands(0).astype(np.float64)
    mean, axes = moments(bands(0))
    axis = np.linalg.inv(axes)[:, 2]
    brighter = spectral_descriptor(pixels + 2 * axis[:, None], mean, axes)
    assert brighter == pytest.approx([0, 0, 2, 0, 0, 0], abs=1e-3)
    rougher = spectral_descriptor(mean[:, None] + 2 * (pixels - mean[:, None]), mean, axes)
    assert rougher == pytest.approx([0, 0, 0, *[np.log(2)] * 3], abs=1e-3)


def test_how_far_a_tile_s_mean_is_does_not_depend_on_the_bands_units() -> None:
    pixels, other = bands(0), bands(3, 300) + 1
    scale = np.array([[1.0], [3.0], [0.5]], dtype=np.float32)
    plain = spectral_descriptor(other, *moments(pixels))
    scaled = spectral_descriptor(other * scale, *moments(pixels * scale))
    assert np.linalg.norm(plain[:3]) == pytest.approx(np.linalg.norm(scaled[:3]), rel=1e-4)


def test_one_pixel_and_bands_that_repeat_one_another_have_a_description() -> None:
    pixels = bands(0)[[0, 0, 1]]
    mean, axes = moments(pixels)
    assert np.isfinite(axes).all()
    assert np.isfinite(spectral_descriptor(pixels[:, :1], mean, axes)).all()
    unlike = pixels.copy()
    unlike[1] = bands(9)[2]
    assert np.abs(spectral_descriptor(unlike, mean, axes)).max() > 5
