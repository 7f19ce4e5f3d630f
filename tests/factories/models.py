"""Model cards and folders."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from landslip.core.choices import Units
from landslip.core.files import sha256_of
from landslip.models.card import InputCard, ModelCard, TrainingCard, mlm_properties
from landslip.models.folder import CARD, ModelFolder
from landslip.models.networks.architecture import Architecture

WEIGHTS_CONTENT = b"tensors"


def make_card(**known: Any) -> ModelCard:
    """Return the card of a model; ``known`` changes its input, by default 10-bit numbers."""
    fields = {
        "bands": ("blue", "green", "red", "nir"),
        "units": Units.DN,
        "dtype": "uint16",
        "scale": 1.0,
        "offset": 0.0,
        "nodata": 0.0,
        "resolution_m": 2.0,
        "tile_size": 256,
        "multiple": 32,
        "mean": (300.0, 300.0, 250.0, 600.0),
        "std": (50.0, 50.0, 50.0, 100.0),
        "quantiles": ((200, 300, 400), (200, 300, 400), (150, 250, 350), (300, 600, 900)),
    }
    expected = InputCard(**(fields | known))
    architecture = Architecture(encoder="resnet18", bands=expected.bands)
    return ModelCard(
        name="model",
        code_version="0",
        architecture=architecture,
        input=expected,
        threshold=0.5,
        training=TrainingCard(
            config={},
            encoder_weights_sha256=None,
            dataset_source="made",
            dataset_tiles={"train": 1},
            pixels_sha256="0",
            split_sha256="0",
            split_method="random by tile",
            epoch=1,
            epochs=1,
            precision="fp32",
            device="cpu",
            seconds=1.0,
            torch_version="2",
        ),
        metrics={},
        files={"weights.safetensors": hashlib.sha256(WEIGHTS_CONTENT).hexdigest()},
        stac=mlm_properties("model", architecture, expected, 1, "2"),
    )


def write_card(
    folder: Path, card: ModelCard, files: Iterable[str] = (), **changes: Any
) -> ModelFolder:
    """Write a card that lists files of its folder with their digests; ``changes`` are to it."""
    if files:
        changes["files"] = {name: sha256_of(folder / name) for name in files}
    written = card.model_copy(update=changes)
    (folder / CARD).write_text(written.model_dump_json(indent=2) + "\n")
    return ModelFolder(folder, written)
