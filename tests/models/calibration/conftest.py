"""A model whose logit is a band, and tiles whose labels are drawn by a known curve from it."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops
from tests.models.calibration.factories import drawn
from tests.models.test_folder import make_card

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.files import sha256_of
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.models.calibration.curve import logit
from landslip.models.folder import CARD, GRAPH, GRAPH_WEIGHTS, ModelFolder, open_model

BANDS = ("blue", "green")
SIDE = 48


def write_tiles(folder: Path, *, tiles: int = 40, landslides: bool = True) -> TileDataset:
    """Write tiles of float32 whose first band is the network's logit."""
    folder.mkdir(parents=True)
    description = DatasetDescription(
        bands=Bands(BANDS),
        radiometry=Radiometry(units=Units.DN, dtype="float32"),
        nodata=None,
        resolution_m=2.0,
        tile_size=SIDE,
        source="made by code",
        split_method="random by tile",
        plan=SplitPlan(test_share=0.25, val_share=0.5, seed=0),
    )
    with DatasetWriter(folder, description) as writer:
        for number in range(tiles):
            raw, label = drawn(number, SIDE * SIDE)
            values = logit(raw).astype(np.float32).reshape(SIDE, SIDE)
            tile = Tile(
                tile_id=f"t{number}",
                stored=np.stack([values, np.roll(values, 7)]),
                label=(label & landslides).astype(np.uint8).reshape(SIDE, SIDE),
                valid=np.ones((SIDE, SIDE), dtype=np.bool_),
            )
            window = Window(SIDE * number, 0, SIDE, SIDE)
            writer.add(tile, TileOrigin(scene="made", window=window, group=tile.tile_id))
        writer.finish()
    return TileDataset(folder)


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
    files = {name: sha256_of(folder / name) for name in (GRAPH, GRAPH_WEIGHTS)}
    card = made.model_copy(update={"training": training, "files": files})
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")
    return open_model(folder)


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    """Give forty tiles: 10 test, 15 training and 15 validation tiles."""
    return write_tiles(tmp_path_factory.mktemp("tiles") / "tiles")


@pytest.fixture
def model(tmp_path: Path, tiles: TileDataset) -> ModelFolder:
    """Give a fresh model folder."""
    return write_band_model(tmp_path / "model", tiles)
