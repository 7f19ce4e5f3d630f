"""An untrained network, synthetic tiles, and their training statistics."""

import shutil
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from tests.factories.datasets import make_tile, write_dataset
from tests.factories.models import make_card, write_card

from landslip.core.choices import Split
from landslip.datasets.format import TileDataset
from landslip.models.engines.openvino import export_graph
from landslip.models.folder import TRAINING_STATISTICS, ModelFolder, open_model
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.ood.score import (
    OodScore,
    measure_distances,
    score_distances,
    training_statistics_of,
)
from landslip.models.ood.training_statistics import (
    TrainingStatistics,
    measure_training_statistics,
    patches_of_tile,
)
from landslip.models.weights import save_weights

BANDS = ("red", "green", "blue")
LEVELS = (300.0, 280.0, 250.0)
SIDE, TILES = 64, 60
Pixels = NDArray[np.uint16]
WriteTiles = Callable[..., TileDataset]


def ground(seed: int, shape: tuple[int, int], grain_px: float = 3.0, gain: float = 1.0) -> Pixels:
    """Return 16-bit pixels (3, height, width), rough at one scale; bands go together for the most.

    Args:
        seed: of the roughness.
        shape: (height, width).
        grain_px: scale of the roughness.
        gain: of all numbers.
    """
    rough = np.random.default_rng(seed).normal(size=(4, *shape))
    rough = ndimage.gaussian_filter(rough, (0, grain_px, grain_px), mode="wrap")
    rough *= 2 * np.sqrt(np.pi) * grain_px  # to a standard deviation of 1, whatever the grain
    values = np.reshape(LEVELS, (3, 1, 1)) + 40 * rough[3] + 15 * rough[:3]
    whole: Pixels = (gain * values).round().clip(1, 60_000).astype(np.uint16)
    return whole


def training_ground(number: int) -> Pixels:
    """Return a tile, each a little brighter or darker and finer or coarser than others."""
    generator = np.random.default_rng(1000 + number)
    return ground(number, (SIDE, SIDE), generator.uniform(2, 4), generator.uniform(0.9, 1.1))


def write_model(folder: Path, architecture: Architecture) -> ModelFolder:
    """Write an untrained network for 16-bit numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    network = build_network(architecture, seed=3).eval()
    bands = len(architecture.bands)
    files = [save_weights(network, folder), *export_graph(network, bands, folder)]
    card = make_card(
        bands=architecture.bands,
        tile_size=SIDE,
        multiple=architecture.multiple,
        mean=(*LEVELS, 0.0)[:bands],
        std=(45.0,) * bands,
        quantiles=((200.0, 280.0, 400.0),) * bands,
    )
    return write_card(folder, card, files, architecture=architecture)


def write_tiles(
    folder: Path,
    tiles: list[Pixels],
    *,
    bands: tuple[str, ...] = BANDS,
    valid: NDArray[np.bool_] | None = None,
    groups: list[str] | None = None,
    splits: list[Split] | None = None,
) -> TileDataset:
    """Write tiles (bands, height, width), all of them for training unless it is said otherwise."""
    made = [make_tile(f"t{at}", stored, valid=valid) for at, stored in enumerate(tiles)]
    return write_dataset(
        folder,
        made,
        bands=bands,
        groups=groups,
        splits=splits or [Split.TRAIN] * len(tiles),
        resolution_m=2.0,
        split_method="by hand",
    )


def with_statistics(model: ModelFolder, statistics: TrainingStatistics) -> ModelFolder:
    """Add statistics to a model folder."""
    statistics.write(model.path / TRAINING_STATISTICS)
    write_card(model.path, model.card, [*model.card.files, TRAINING_STATISTICS])
    return open_model(model.path)


def score_tiles(
    dataset: TileDataset, positions: Iterable[int], model: ModelFolder
) -> OodScore | None:
    """Score tiles of a dataset as a scene of them would be."""
    statistics = training_statistics_of(model)
    if statistics is None:
        return None
    patches = chain.from_iterable(
        patches_of_tile(model.card, dataset, at, statistics.tile_px) for at in positions
    )
    return score_distances(statistics, measure_distances(statistics, model, patches))


@pytest.fixture(scope="session")
def bare_model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a LinkNet without training statistics."""
    folder = tmp_path_factory.mktemp("bare") / "model"
    return write_model(folder, Architecture(encoder="test_resnet", bands=BANDS))


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    """Give sixty training tiles."""
    folder = tmp_path_factory.mktemp("data") / "tiles"
    return write_tiles(folder, [training_ground(number) for number in range(TILES)])


@pytest.fixture(scope="session")
def statistics(bare_model: ModelFolder, tiles: TileDataset) -> TrainingStatistics:
    """Give their statistics."""
    return measure_training_statistics(bare_model, tiles, seed=0)


@pytest.fixture(scope="session")
def model(
    tmp_path_factory: pytest.TempPathFactory,
    bare_model: ModelFolder,
    statistics: TrainingStatistics,
) -> ModelFolder:
    """Give the same network with the statistics in its folder."""
    folder = tmp_path_factory.mktemp("known") / "model"
    shutil.copytree(bare_model.path, folder)
    return with_statistics(ModelFolder(folder, bare_model.card), statistics)
