"""Model folders: reading one, and checking that data is compatible with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from landslip.core.band_order import match_band_order
from landslip.core.bands import TERRAIN_UNITS, Bands, Radiometry, is_auxiliary
from landslip.core.choices import Units
from landslip.core.errors import ModelError, argument
from landslip.core.files import sha256_of
from landslip.core.messages import Message, message, sentences
from landslip.core.text import RecordKind
from landslip.models.card import FORMAT_VERSION, ModelCard

CARD, WEIGHTS, GRAPH = "model.json", "weights.safetensors", "graph.xml"
GRAPH_WEIGHTS = "graph.bin"
ONNX, DEEPNESS = "model.onnx", "deepness.onnx"
INT8_GRAPH, INT8_GRAPH_WEIGHTS = "graph_int8.xml", "graph_int8.bin"
TRAINING_STATISTICS = "training_statistics.npz"
EARLIER_TRAINING_STATISTICS = "look.npz"
"""The file's name in model folders of earlier versions; its content is the same."""
_CARD = RecordKind(
    model=ModelCard,
    name="the description of a model",
    remedy="copy it again",
    error=ModelError,
)
_OUT_OF_RANGE_FACTOR, _DOUBTFUL_FACTOR = 20.0, 4.0


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """An opened model folder."""

    path: Path
    card: ModelCard

    def file(self, name: str) -> Path:
        """Return the path of one of the model's files, after checking its digest.

        Raises:
            ModelError: it is missing, or not the one that the model was saved with.
        """
        path, expected = self.path / name, self.card.files.get(name)
        if expected is None:
            raise ModelError(f"{self.path}: this model has no {name}")
        if not path.is_file():
            raise ModelError(f"{path}: the model folder is incomplete, {name} is missing")
        if sha256_of(path) != expected:
            raise ModelError(
                f"{path}: the sha256 is not the one in {CARD}; the file is truncated or changed, "
                "copy the model folder again"
            )
        return path


def open_model(path: Path) -> ModelFolder:
    """Open a model folder.

    Raises:
        ModelError: it is no model folder, of another version, or its description is damaged.
    """
    file = path / CARD
    if not path.exists():
        raise ModelError(f"{path}: no such folder; give a model folder")
    if not file.is_file():
        raise ModelError(
            f"{path}: not a model folder, it has no {CARD}; give what landslip train wrote"
        )
    content = _CARD.read_content(file)
    version = content.get("version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{file}: this landslip reads model folders of version {FORMAT_VERSION} and this one "
            f"has version {version}; use the landslip that wrote it, or train again"
        )
    return ModelFolder(path, _CARD.validate(content, file))


def check_compatible(card: ModelCard, bands: Bands, radiometry: Radiometry, name: str) -> None:
    """Refuse data whose bands or units are not the model's; see `check_input`."""
    check_input("the model", (card.bands, card.radiometry), (bands, radiometry), name)


def check_input(
    model: str, expected: tuple[Bands, Radiometry], given: tuple[Bands, Radiometry], name: str
) -> None:
    """Refuse data whose bands or units are not those of a model, called ``model`` in the message.

    8-bit digital numbers are not compatible with a model of wider ones, nor the reverse.
    """
    (model_bands, trained_on), (bands, radiometry) = expected, given
    missing = [band for band in model_bands if band not in bands.names]
    if missing:
        remedy = f"use data with these bands, or name its bands with {argument('bands')}"
        if all(band in TERRAIN_UNITS for band in missing):
            remedy = f"give an elevation model with {argument('dem')}, from which it is computed"
        elif all(is_auxiliary(band) for band in missing):
            is_given = any(is_auxiliary(band) and band not in TERRAIN_UNITS for band in bands)
            image = "an image before that has these bands too" if is_given else "the image before"
            remedy = f"give {image} with {argument('before')}" + (
                f", and an elevation model with {argument('dem')}"
                if any(band in TERRAIN_UNITS for band in missing)
                else ""
            )
        raise ModelError(
            f"{name}: {model} takes the bands {model_bands} and {','.join(missing)} is not among "
            f"{bands}; {remedy}"
        )
    own = radiometry.select(bands.positions_of(model_bands))
    pairs = zip(model_bands, own.each(len(model_bands)), trained_on.bands, strict=False)
    for band, given_band, wanted in pairs:
        if given_band.units is not wanted.units:
            raise ModelError(
                f"{name}: {model} takes {band} in {wanted.units} and this is in "
                f"{given_band.units}; convert the data, or state the band's unit in its file"
            )
    if not trained_on.bands and radiometry.units is not trained_on.units:
        raise ModelError(
            f"{name}: {model} takes values in {trained_on.units} and these are in "
            f"{radiometry.units}; convert the data, write the scale of reflectance into its tags, "
            f"or state its units with {argument('units')}"
        )
    if radiometry.units is Units.DN and radiometry.is_8bit != trained_on.is_8bit:
        raise ModelError(
            f"{name}: {model} was trained on digital numbers stored as {trained_on.dtype} and "
            f"these are {radiometry.dtype}; 8-bit images and sensor counts do not mix"
        )


def check_values(
    card: ModelCard,
    values: np.ndarray[Any, Any],
    bands: Bands,
    name: str,
    *,
    contradicted: bool = False,
    force: bool = False,
) -> list[Message]:
    """Compare values with the model's training data: their range, and the order of their bands.

    Bands of terrain and of another date say nothing of either and are left out.

    Args:
        card: of the model.
        values: (bands, n) valid ones in the model's bands and units; may be empty.
        bands: of the data, in its own order.
        name: of the data.
        contradicted: the file's own descriptions have the bands in another order.
        force: warn of what would be refused.

    Returns:
        Warnings.

    Raises:
        ModelError: values are far from the training data's in every band, as in other units (a
            median below 1/20 of the training data's, or above 20 times its 99 % quantile); or the
            bands are plainly in another order than they are named, or by the file's descriptions
            too.
    """
    if values.shape[1] == 0:
        return []
    own = list(card.bands.own)
    names, quantiles = card.bands.at(own), [card.input.quantiles[at] for at in own]
    correlations = card.input.correlations
    if correlations is not None:
        correlations = tuple(tuple(correlations[at][to] for to in own) for at in own)
    values = values[own]
    wrong, doubts = _compare_range(quantiles, values)
    match = match_band_order(values, names, quantiles, correlations)
    if match is not None and match.is_doubtful:
        doubts.append(match.note(names, bands))
        wrong = wrong or match.is_wrong or contradicted
    if wrong and not force:
        raise ModelError(
            f"{name}: {'; '.join(sentences(doubts))}. To go on all the same, pass "
            f"{argument('force', True)}"
        )
    return doubts


def _compare_range(
    quantiles: Sequence[tuple[float, float, float]], values: np.ndarray[Any, Any]
) -> tuple[bool, list[Message]]:
    """Return whether values are in another unit, and a warning where that may be."""
    medians = np.median(values, axis=1)
    _, trained, high = np.array(quantiles).T
    for times in (_OUT_OF_RANGE_FACTOR, _DOUBTFUL_FACTOR):
        if np.all((np.abs(medians) * times < trained) | (medians > np.abs(high) * times)):
            given, known = (", ".join(f"{v:.4g}" for v in part) for part in (medians, trained))
            doubt = message("data.value_range", medians=given, trained=known)
            return times == _OUT_OF_RANGE_FACTOR, [doubt]
    return False, []
