"""ONNX files beside the network in torch."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from tests.models.export.conftest import Exported
from torch import nn

from landslip.core.choices import Split
from landslip.core.errors import ModelError
from landslip.datasets.format import TileDataset
from landslip.models.card import OnnxCard
from landslip.models.export.onnx import FromDeepness, _difference, write_onnx
from landslip.models.folder import DEEPNESS, ONNX, WEIGHTS, ModelFolder
from landslip.models.weights import load_network


@pytest.fixture
def written(exported: Exported) -> tuple[Path, OnnxCard]:
    folder, made, _ = exported
    assert made.onnx is not None
    return folder, made.onnx


def run(path: Path, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(["probability"], {"image": pixels})[0]
    return found


@pytest.mark.parametrize("shape", [(1, 4, 32, 96), (3, 4, 128, 64)], ids=str)
def test_logits_of_any_shape_are_those_of_torch(
    shape: tuple[int, ...], model: ModelFolder, written: tuple[Path, OnnxCard]
) -> None:
    pixels = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    with torch.inference_mode():
        expected = load_network(model).eval()(torch.from_numpy(pixels)).numpy()
    found = run(written[0] / ONNX, pixels).astype(np.float64)
    assert found.shape == (shape[0], 1, *shape[2:])
    near = np.abs(expected) < 4  # beyond it float32 probabilities tell less of the logit
    assert near.mean() > 0.2
    assert np.abs(np.log(found / (1 - found)) - expected)[near].max() < 1e-4


def test_the_file_says_what_it_takes(written: tuple[Path, OnnxCard]) -> None:
    folder, told = written
    stored = onnx.load(folder / ONNX)
    onnx.checker.check_model(stored, full_check=True)
    (image,), (probability,) = stored.graph.input, stored.graph.output
    assert [image.name, probability.name] == ["image", "probability"]
    for value, channels in ((image, 4), (probability, 1)):
        sides = value.type.tensor_type.shape.dim
        assert [side.dim_param or side.dim_value for side in sides] == [
            "batch",
            channels,
            "height",
            "width",
        ]
    assert {part.version for part in stored.opset_import if not part.domain} == {told.opset}
    assert 0 < told.largest_difference < 1e-5


def as_deepness(stored: NDArray[Any], keys: dict[str, str]) -> NDArray[np.float32]:
    """What Deepness makes of a tile (bands, height, width) of numbers from QGIS."""
    tile = np.float32(stored.transpose(1, 2, 0)[np.newaxis] * 1.0 / 255.0)
    mean, std = (
        np.array(json.loads(keys[f"standardization_{name}"]), np.float32)
        for name in ("mean", "std")
    )
    return np.transpose((tile - mean) / std, (0, 3, 1, 2))


def test_deepness_gets_the_probabilities_of_the_model(
    model: ModelFolder, dataset: Path, written: tuple[Path, OnnxCard]
) -> None:
    session = onnxruntime.InferenceSession(
        written[0] / DEEPNESS, providers=["CPUExecutionProvider"]
    )
    keys = session.get_modelmeta().custom_metadata_map
    assert session.get_inputs()[0].shape == [1, 4, 512, 512]
    tiles = TileDataset(dataset)
    part = tiles.tile(tiles.positions(Split.TEST)[0]).stored
    stored = np.tile(part, (1, 8, 8))
    stored_normalised = model.card.normalisation_of(tiles.card.radiometry).apply(
        stored, np.ones(stored.shape[1:], dtype=np.bool_)
    )
    with torch.inference_mode():
        logits = load_network(model).eval()(torch.from_numpy(stored_normalised[np.newaxis]))
    expected = torch.sigmoid(logits)[:, 0].numpy()
    found = session.run(None, {"image": as_deepness(stored, keys)})[0]
    assert found.shape == (1, 1, 512, 512)
    assert np.ptp(expected) > 0.001
    assert np.abs(found[:, 0] - expected).max() < 1e-6


def test_the_keys_are_the_models(model: ModelFolder, written: tuple[Path, OnnxCard]) -> None:
    stored = onnx.load(written[0] / DEEPNESS)
    keys = {part.key: json.loads(part.value) for part in stored.metadata_props}
    assert keys == {
        "model_type": "Segmentor",
        "class_names": {"0": "background", "1": "landslide"},
        "resolution": 200.0,
        "tile_size": 512,
        "tiles_overlap": 20,
        "seg_thresh": model.card.threshold,
        "seg_small_segment": 0,
        "standardization_mean": [0.0] * 4,
        "standardization_std": [1.0] * 4,
    }


class _Mean(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(dim=1, keepdim=True)


@pytest.mark.parametrize("nodata", [0.0, -9999.0, 65535.0, float("nan")], ids=str)
def test_nodata_becomes_the_mean_and_comes_out_as_0(nodata: float, model: ModelFolder) -> None:
    known = model.card.input.model_copy(
        update={"nodata": nodata, "mean": (1.0, 2.0, 3.0, 4.0), "std": (2.0, 2.0, 2.0, 2.0)}
    )
    values = np.full((1, 4, 2, 3), 7.0, dtype=np.float32)
    values[0, slice(None) if nodata == 0 else 2, 1, 1] = nodata
    adapted = FromDeepness(_Mean(), known)
    found = adapted(torch.from_numpy(values / np.float32(255))).numpy()
    expected = np.full((1, 1, 2, 3), np.mean([3.0, 2.5, 2.0, 1.5]))
    expected[0, 0, 1, 1] = 0.0
    assert np.allclose(found, expected, atol=1e-5)


def test_a_file_of_another_network_is_refused(
    model: ModelFolder, written: tuple[Path, OnnxCard]
) -> None:
    other = nn.Sequential(load_network(model), nn.Sigmoid()).eval()
    with torch.no_grad():
        next(iter(other.parameters())).mul_(2)
    pixels = np.random.default_rng(0).normal(size=(1, 4, 64, 64)).astype(np.float32)
    with pytest.raises(
        ModelError, match=r"model\.onnx: .* at most 0\.0001 is rounding.*use onnx=False"
    ):
        _difference(written[0] / ONNX, other, pixels)


def test_damaged_weights_are_refused(model: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(ModelError, match="truncated or changed"):
        write_onnx(replace(model, path=tmp_path), tmp_path)
