"""Reads a model folder, and refuses what does not fit."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import ModelError
from landslip.core.files import sha256_of
from landslip.models.card import FORMAT_VERSION, ModelCard

CARD, WEIGHTS, GRAPH = "model.json", "weights.safetensors", "graph.xml"
GRAPH_WEIGHTS = "graph.bin"
ONNX, DEEPNESS = "model.onnx", "deepness.onnx"
INT8_GRAPH, INT8_GRAPH_WEIGHTS = "graph_int8.xml", "graph_int8.bin"
_FAR = 20.0


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """An opened model folder."""

    path: Path
    card: ModelCard

    def file(self, name: str) -> Path:
        """Return the path of one of the model's files, after checking its content.

        Raises:
            ModelError: it is missing, or not the one that the model was saved with.
        """
        path, expected = self.path / name, self.card.files.get(name)
        if expected is None:
            raise ModelError(f"{self.path}: this model has no {name}")
        if not path.is_file():
            raise ModelError(f"{path}: the model folder is incomplete, {name} is missing in it")
        if sha256_of(path) != expected:
            raise ModelError(
                f"{path}: the content is not what {CARD} was written with (sha256 differs); "
                "the file is truncated or changed, copy the model folder again"
            )
        return path


def open_model(path: Path) -> ModelFolder:
    """Open a model folder.

    Raises:
        ModelError: it is no model folder, of another version, or its description is damaged.
    """
    file = path / CARD
    if not file.is_file():
        raise ModelError(f"{path}: not a model folder, there is no {CARD} in it")
    try:
        found = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{file}: not readable as JSON ({error}); copy it again") from error
    version = found.get("version") if isinstance(found, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{file}: model folders of version {FORMAT_VERSION} are read here and this is version "
            f"{version}; use the landslip that made it, or train again"
        )
    try:
        return ModelFolder(path, ModelCard.model_validate(found))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ModelError(f"{file}: {where}: {problem['msg'].lower()}") from error


def check_compatible(card: ModelCard, bands: Bands, radiometry: Radiometry, name: str) -> None:
    """Refuse data whose bands or units are not the model's.

    Digital numbers of 8 bits do not fit a model of wider ones, nor the other way round.

    Raises:
        ModelError: they do not fit; both sides are named.
    """
    missing = [band for band in card.bands if band not in bands.names]
    if missing:
        raise ModelError(
            f"{name}: the model takes the bands {card.bands} and {','.join(missing)} is not among "
            f"{bands}; give a scene with these bands, or name its bands with --bands"
        )
    if radiometry.units is not card.input.units:
        raise ModelError(
            f"{name}: the model takes values in {card.input.units} and these are in "
            f"{radiometry.units}; convert the scene, or say what it holds with --units"
        )
    if radiometry.units is Units.DN and radiometry.is_8bit != card.radiometry.is_8bit:
        raise ModelError(
            f"{name}: the model was trained on digital numbers stored as {card.input.dtype} and "
            f"these are {radiometry.dtype}; 8-bit pictures and sensor counts do not mix"
        )


def check_value_range(card: ModelCard, values: np.ndarray[Any, Any], name: str) -> None:
    """Refuse values that are far from the training data in every band, as those in other units are.

    Far is a median 20 times under the training data's median, or 20 times over its 99 % point.

    Args:
        card: the model's.
        values: (bands, n) valid values in the model's bands and units; may be empty.
        name: of the scene.

    Raises:
        ModelError: the values are far in every band.
    """
    if values.shape[1] == 0:
        return
    found = np.median(values, axis=1)
    _, middle, high = np.array(card.input.quantiles).T
    if np.all((found * _FAR < middle) | (found > np.abs(high) * _FAR)):
        raise ModelError(
            f"{name}: the bands' medians are {_short(found)} and the model's training data had "
            f"{_short(middle)}; the values are in another unit or scale (see --units), or an "
            "undeclared fill value covers the scene (see --nodata)"
        )


def _short(values: np.ndarray[Any, Any]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
