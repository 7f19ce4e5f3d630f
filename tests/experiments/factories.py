"""A small experiment, made by code: bright squares are landslides."""

from pathlib import Path

import numpy as np
import yaml

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.window import Window
from landslip.datasets.format import Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.experiments.results import FILE, Results

SIDE = 64


def write_tiles(
    folder: Path,
    *,
    tiles: int = 12,
    seed: int = 0,
    twins: int = 0,
    bands: tuple[str, str] = ("red", "nir"),
) -> Path:
    """Write a dataset of 2-band tiles in pairs of one group; ``twins`` of them are doubled."""
    folder.mkdir(parents=True)
    description = DatasetDescription(
        bands=Bands(bands),
        radiometry=Radiometry(units=Units.DN, dtype="uint16"),
        nodata=None,
        resolution_m=None,
        tile_size=SIDE,
        source="made by code",
        split_method="none",
        plan=SplitPlan(test_share=0, val_share=0),
    )
    generator = np.random.default_rng(seed)
    made = [_tile(f"t{at:02d}", generator) for at in range(tiles)]
    made += [
        Tile(
            tile_id=f"twin{at}", stored=made[at].stored, label=made[at].label, valid=made[at].valid
        )
        for at in range(twins)
    ]
    with DatasetWriter(folder, description) as writer:
        for at, tile in enumerate(made):
            window = Window(0, 0, SIDE, SIDE)
            writer.add(tile, TileOrigin(scene=tile.tile_id, window=window, group=f"g{at // 2}"))
        writer.finish()
    return folder


def write_experiment(folder: Path, **changes: object) -> Path:
    """Write the YAML file of an experiment on the data set ``tiles`` beside it."""
    described: dict[str, object] = {
        "name": "made by code",
        "datasets": {"made": {"tiles": "tiles"}},
        "splits": {
            "groups": {"method": "groups", "test_share": 0.34, "val_share": 0.2, "leaks": "tell"}
        },
        "methods": {
            "net": {"arch": "linknet", "encoder": "resnet10t", "transfer": False},
            "svm": {"arch": "svm", "svm": {"pixels_per_class": 100}},
        },
        "training": {"epochs": 2, "batch_size": 4, "precision": "fp32"},
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(described | changes))
    return path


def _tile(name: str, generator: np.random.Generator) -> Tile:
    stored = generator.integers(200, 400, (2, SIDE, SIDE)).astype(np.uint16)
    label = np.zeros((SIDE, SIDE), dtype=np.uint8)
    row, col = generator.integers(0, SIDE - 24, 2)
    label[row : row + 20, col : col + 20] = 1
    stored[:, label == 1] += 150
    return Tile(
        tile_id=name, stored=stored, label=label, valid=np.ones((SIDE, SIDE), dtype=np.bool_)
    )


def read_results(folder: Path) -> Results:
    """Read what an experiment wrote."""
    return Results.model_validate_json((folder / FILE).read_text())
