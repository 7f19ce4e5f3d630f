"""Objects of a training: sizes of its labels, and what the network is sure of where it is right."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landslip.core.choices import Split
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.metrics.objects import right_object_maxima, whole_object_sizes
from landslip.models.card import ObjectsCard
from landslip.models.training.prediction import predict_tile

_MAX_VALIDATION_TILES = 200
_MAX_LABEL_TILES = 2000
_QUANTILES = (0.05, 0.5, 0.95)


def measure_objects(
    network: nn.Module,
    dataset: TileDataset,
    normalisation: Normalisation,
    *,
    multiple: int,
    threshold: float,
    device: torch.device,
) -> ObjectsCard:
    """Measure the labels of the training tiles, and what a network finds in the validation tiles.

    Of many tiles some hundred are taken, evenly spread. ``multiple``: the network takes tiles whose
    sides are multiples of this; ``threshold`` is that of its probability.
    """
    sizes = [
        whole_object_sizes(dataset.tile(at).label == LANDSLIDE)
        for at in _with_landslides(dataset, Split.TRAIN, _MAX_LABEL_TILES)
    ]
    maxima = []
    for at in _with_landslides(dataset, Split.VALIDATION, _MAX_VALIDATION_TILES):
        tile = dataset.tile(at)
        probability = predict_tile(
            network, dataset, at, normalisation, multiple=multiple, device=device
        )
        maxima.append(
            right_object_maxima(probability, threshold, tile.label == LANDSLIDE, tile.counted)
        )
    label_px, right = _together(sizes), _together(maxima)
    return ObjectsCard(
        label_objects=len(label_px),
        label_px=_quantiles(label_px),
        right_objects=len(right),
        right_maxima=_quantiles(right),
    )


def with_right_objects(card: ObjectsCard, maxima: Sequence[NDArray[np.generic]]) -> ObjectsCard:
    """Return a card with the highest probabilities of objects found rightly in other tiles."""
    right = _together(maxima)
    return card.model_copy(update={"right_objects": len(right), "right_maxima": _quantiles(right)})


def _with_landslides(dataset: TileDataset, split: Split, most: int) -> list[int]:
    landslide_px = dataset.index["landslide_px"]
    positions = [at for at in dataset.positions(split) if landslide_px[at]]
    return positions[:: -(-len(positions) // most) or 1]


def _together(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *parts])


def _quantiles(values: NDArray[np.float64]) -> tuple[float, float, float] | None:
    if len(values) == 0:
        return None
    low, middle, high = np.quantile(values, _QUANTILES).tolist()
    return low, middle, high
