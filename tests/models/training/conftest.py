"""A miniature dataset to train on, made by code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.window import Window
from landslip.datasets.format import Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin

WriteDataset = Callable[..., Path]
BANDS = ("blue", "green", "red", "nir")


def _write(
    folder: Path,
    *,
    val_share: float = 0.25,
    landslides: bool = True,
    bands: tuple[str, ...] = BANDS,
    dtype: str = "uint16",
    brightness: int = 200,
) -> Path:
    folder.mkdir(parents=True)
    description = DatasetDescription(
        bands=Bands(bands),
        radiometry=Radiometry(units=Units.DN, dtype=dtype),
        nodata=None,
        resolution_m=2.0,
        tile_size=64,
        source="made by code",
        split_method="random by tile",
        plan=SplitPlan(test_share=0.25, val_share=val_share, seed=0),
    )
    generator = np.random.default_rng(0)
    with DatasetWriter(folder, description) as writer:
        for number in range(16):
            stored = generator.integers(brightness, 2 * brightness, (len(bands), 64, 64))
            label = np.zeros((64, 64), dtype=np.uint8)
            row, col = generator.integers(0, 40, 2)
            if landslides:
                label[row : row + 20, col : col + 20] = 1
            stored[:, label == 1] += 2 * brightness
            tile = Tile(
                tile_id=f"t{number}",
                stored=stored.astype(dtype),
                label=label,
                valid=np.ones((64, 64), dtype=np.bool_),
            )
            window = Window(64 * number, 0, 64, 64)
            writer.add(tile, TileOrigin(scene="made", window=window, group=tile.tile_id))
        writer.finish()
    return folder


@pytest.fixture(scope="session")
def write_dataset() -> WriteDataset:
    """Give the function that writes sixteen tiles of 64 px; a landslide is a bright square."""
    return _write


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give such a dataset of four bands: 4 test, 9 training and 3 validation tiles."""
    return _write(tmp_path_factory.mktemp("data") / "tiles")
