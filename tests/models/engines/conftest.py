"""A small network, trained for a moment, in every variant that an engine reads."""

import logging
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from numpy.typing import NDArray
from tests.factories.datasets import make_tile, write_dataset
from tests.factories.models import write_card
from torch import nn

from landslip.core.choices import EngineName, Precision
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.models.folder import ONNX, ModelFolder, open_model
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.models.weights import load_network

BANDS = ("blue", "green", "red", "nir")
SIDE = 64
SHAPE = (192, 256)  # of a window, not square
COMPUTES_IN = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
needs_bf16 = pytest.mark.skipif(
    "BF16" not in COMPUTES_IN, reason="this CPU does not compute in bf16"
)
ENGINE_VARIANTS = [
    (EngineName.OPENVINO, Precision.FP32),
    pytest.param(EngineName.OPENVINO, Precision.BF16, marks=needs_bf16),
    (EngineName.TORCH, Precision.FP32),
    (EngineName.TORCH, Precision.BF16),
    (EngineName.ONNX, Precision.FP32),
]


def made_ground(generator: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 10-bit pixels (4, side, side) of hilly ground, and where its landslides are."""
    coarse = generator.normal(size=(4, side // 16, side // 16)).repeat(16, 1).repeat(16, 2)
    pixels = 300 + 40 * coarse + generator.normal(0, 15, (4, side, side))
    label = np.zeros((side, side), dtype=np.uint8)
    for row, col in generator.integers(0, side - 20, ((side // 64) ** 2, 2)):
        label[row : row + 20, col : col + 20] = 1
    pixels[:, label == 1] += 150
    return pixels.clip(1, 1023).astype(np.uint16), label


@pytest.fixture(scope="session")
def window() -> NDArray[np.uint16]:
    pixels, _ = made_ground(np.random.default_rng(5), 256)
    return np.ascontiguousarray(pixels[:, : SHAPE[0]])


def write_tiles(folder: Path) -> TileDataset:
    generator = np.random.default_rng(0)
    made = [made_ground(generator, SIDE) for _ in range(20)]
    tiles = [make_tile(f"t{at}", stored, label) for at, (stored, label) in enumerate(made)]
    plan = SplitPlan(test_share=0.1, val_share=0.2, seed=0)
    return write_dataset(folder, tiles, bands=BANDS, resolution_m=2.0, plan=plan)


def add_onnx(model: ModelFolder) -> ModelFolder:
    """Add ``model.onnx`` to a model folder."""
    path = model.path / ONNX
    network = nn.Sequential(load_network(model), nn.Sigmoid()).eval().requires_grad_(False)
    any_size = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    logging.disable(logging.WARNING)
    try:
        torch.onnx.export(
            network,
            (torch.zeros(2, len(model.card.bands), 64, 96),),
            path,
            input_names=["image"],
            output_names=["probability"],
            external_data=False,
            dynamic_shapes=(any_size,),
            verbose=False,
        )
    finally:
        logging.disable(logging.NOTSET)
    write_card(model.path, model.card, [*model.card.files, ONNX])
    return open_model(model.path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a LinkNet with ResNet-18 after some steps, as weights, OpenVINO graph and ONNX."""
    folder = tmp_path_factory.mktemp("trained")
    config = TrainConfig(
        encoder="resnet18",
        encoder_weights="none",
        epochs=1,
        steps_per_epoch=40,
        batch_size=4,
        learning_rate=0.03,
        precision=Precision.FP32,
    )
    dataset = write_tiles(folder / "tiles")
    train(TrainRequest(dataset=dataset, out=folder / "model", config=config))
    return add_onnx(open_model(folder / "model"))
