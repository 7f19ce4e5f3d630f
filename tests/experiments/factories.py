"""A small experiment, made by code: bright squares are landslides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from tests.factories.datasets import bright_square, write_dataset

from landslip.core.window import Window
from landslip.datasets.splits.assignment import SplitPlan
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
    generator = np.random.default_rng(seed)
    made = [
        bright_square(f"t{at:02d}", generator, bands=2, side=SIDE, contrast=150)
        for at in range(tiles)
    ]
    made += [replace(made[at], tile_id=f"twin{at}") for at in range(twins)]
    return write_dataset(
        folder,
        made,
        bands=bands,
        scene=None,
        windows=[Window(0, 0, SIDE, SIDE)] * len(made),
        groups=[f"g{at // 2}" for at in range(len(made))],
        split_method="none",
        plan=SplitPlan(test_share=0, val_share=0),
    ).path


def write_experiment(folder: Path, **changes: object) -> Path:
    """Write the YAML file of an experiment on the data set ``tiles`` beside it."""
    described: dict[str, object] = {
        "name": "made by code",
        "datasets": {"made": {"tiles": "tiles"}},
        "splits": {
            "groups": {"method": "groups", "test_share": 0.34, "val_share": 0.2, "leaks": "tell"}
        },
        "methods": {
            "net": {"arch": "linknet", "encoder": "test_resnet", "transfer": False},
            "svm": {"arch": "svm", "svm": {"pixels_per_class": 100}},
        },
        "training": {"epochs": 2, "batch_size": 4, "precision": "fp32"},
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(described | changes))
    return path


def read_results(folder: Path) -> Results:
    """Read what an experiment wrote."""
    return Results.model_validate_json((folder / FILE).read_text())
