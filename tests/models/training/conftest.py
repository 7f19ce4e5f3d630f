"""A miniature dataset to train on, made by code."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.factories.datasets import bright_square, write_dataset

from landslip.datasets.splits.assignment import SplitPlan

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
    background: int = 0,
    side: int = 64,
) -> Path:
    generator = np.random.default_rng(0)
    tiles = [
        bright_square(
            f"t{number}",
            generator,
            bands=len(bands),
            side=side,
            brightness=brightness,
            contrast=2 * brightness,
            landslide=landslides and number >= background,
            dtype=dtype,
        )
        for number in range(16)
    ]
    plan = SplitPlan(test_share=0.25, val_share=val_share, seed=0)
    return write_dataset(folder, tiles, bands=bands, resolution_m=2.0, plan=plan).path


@pytest.fixture(scope="session", name="write_dataset")
def _write_dataset() -> WriteDataset:
    """Give the function that writes sixteen tiles, of 64 px; a landslide is a bright square."""
    return _write


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give such a dataset of four bands: 4 test, 9 training and 3 validation tiles."""
    return _write(tmp_path_factory.mktemp("data") / "tiles")


@pytest.fixture(scope="module")
def without_graph() -> Iterator[None]:
    """Hide OpenVINO: models have no graph, which takes longer to write than they to train."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "openvino", None)
        yield
