from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.factories.datasets import write_dataset

from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.datasets.format import IGNORE, Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan

WriteTiles = Callable[..., TileDataset]
KINDS = {
    "rgb8": (("red", "green", "blue"), Radiometry(units=Units.DN, dtype="uint8")),
    "gf1": (
        ("blue", "green", "red", "nir"),
        Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1e-4),
    ),
    "float": (("red", "nir"), Radiometry(units=Units.REFLECTANCE, dtype="float32")),
}


def tile_of(kind: str, at: int) -> Tile:
    """Return a tile of 20 + at rows and 24 columns whose classes overlap, with holes.

    What is not valid is NaN or the largest number; a tenth of the labels is IGNORE.
    """
    names, radiometry = KINDS[kind]
    dtype, shape = np.dtype(radiometry.dtype), (20 + at, 24)
    generator = np.random.default_rng(at)
    label = (generator.random(shape) < 0.3).astype(np.uint8)
    reflectance = generator.normal(0.25 + 0.08 * label, 0.06, (len(names), *shape))
    reflectance[0] -= 0.2 * label
    top = {"uint8": 255.0, "uint16": 10000.0, "float32": 1.0}[radiometry.dtype]
    stored = np.clip(reflectance * top, 0, top).astype(dtype)
    valid = generator.random(shape) < 0.85
    stored[:, ~valid] = np.nan if dtype.kind == "f" else np.iinfo(dtype).max
    label[generator.random(shape) < 0.1] = IGNORE
    return Tile(tile_id=f"t{at}", stored=stored, label=label, valid=valid)


@pytest.fixture
def write_tiles(tmp_path: Path) -> WriteTiles:
    """Give the function that writes tiles made by `tile_of`, or given ones, as a dataset."""

    def write(kind: str, count: int = 6, tiles: list[Tile] | None = None) -> TileDataset:
        names, radiometry = KINDS[kind]
        made = tiles or [tile_of(kind, at) for at in range(count)]
        folder = tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}"
        plan, groups = SplitPlan(test_share=0.3, val_share=0.0), list(map(str, range(len(made))))
        return write_dataset(
            folder, made, bands=names, radiometry=radiometry, groups=groups, tile_size=24, plan=plan
        )

    return write
