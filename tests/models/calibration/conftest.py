"""A model whose logit is a band, and tiles whose labels are drawn by a known curve from it."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops
from tests.factories.datasets import make_tile, write_dataset
from tests.factories.models import make_card, write_card
from tests.models.calibration.factories import drawn

from landslip.core.grid import Grid
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.models.calibration.curve import logit
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, ModelFolder, open_model

BANDS = ("blue", "green")
SIDE = 48


def write_tiles(
    folder: Path,
    *,
    tiles: int = 40,
    landslides: bool = True,
    shown: int | None = None,
    grid: Grid | None = None,
) -> TileDataset:
    """Write tiles of float32 whose first band is the network's logit.

    Only the first ``shown`` have landslides; None: all. On a ``grid`` they are side by side.
    """
    made = []
    for number in range(tiles):
        raw, label = drawn(number, SIDE * SIDE)
        values = logit(raw).astype(np.float32).reshape(SIDE, SIDE)
        has_landslide = landslides and (shown is None or number < shown)
        landslide = (label & has_landslide).astype(np.uint8).reshape(SIDE, SIDE)
        made.append(make_tile(f"t{number}", np.stack([values, np.roll(values, 7)]), landslide))
    plan = SplitPlan(test_share=0.25, val_share=0.5, seed=0)
    return write_dataset(folder, made, bands=BANDS, resolution_m=2.0, plan=plan, grid=grid)


def write_band_model(folder: Path, dataset: TileDataset) -> ModelFolder:
    """Write a model that was trained on these tiles, as its card says."""
    folder.mkdir(parents=True)
    image = ops.parameter([-1, 2, -1, -1], np.float32, name="image")
    pick = np.array([[1.0, 0.0]], dtype=np.float32)[:, :, None, None]
    found = ops.convolution(image, ops.constant(pick), [1, 1], [0, 0], [0, 0], [1, 1])
    graph = openvino.Model([ops.sigmoid(found)], [image], "band")
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    known = dataset.card
    made = make_card(
        bands=BANDS,
        dtype="float32",
        nodata=None,
        tile_size=SIDE,
        multiple=1,
        mean=(0.0, 0.0),
        std=(1.0, 1.0),
        quantiles=((-6, 0, 6),) * 2,
    )
    training = made.training.model_copy(
        update={"pixels_sha256": known.pixels_sha256, "split_sha256": known.split_sha256}
    )
    write_card(folder, made, (GRAPH, GRAPH_WEIGHTS), training=training)
    return open_model(folder)


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    """Give forty tiles: 10 test, 15 training and 15 validation tiles."""
    return write_tiles(tmp_path_factory.mktemp("tiles") / "tiles")


@pytest.fixture
def model(tmp_path: Path, tiles: TileDataset) -> ModelFolder:
    """Give a fresh model folder."""
    return write_band_model(tmp_path / "model", tiles)
