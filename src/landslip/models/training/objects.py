"""Objects of a training: sizes of its labels, and what the network is sure of where it is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from landslip.core.choices import Split
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.metrics.objects import right_object_maxima, whole_object_sizes
from landslip.metrics.tile_scores import independent_units
from landslip.models.calibration.objects import (
    ObjectSamples,
    join_objects,
    tile_ndvi,
    tile_objects,
)
from landslip.models.card import ObjectsCard
from landslip.models.engines.base import quantise_probability
from landslip.models.training.prediction import predict_tile

_MAX_VALIDATION_TILES = 200
_MAX_LABEL_TILES = 2000
_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredObjects:
    """Objects of the labels and of validation tiles; ``tiles`` is the number of the latter."""

    card: ObjectsCard
    samples: ObjectSamples
    tiles: int


def measure_objects(
    network: nn.Module,
    dataset: TileDataset,
    normalisation: Normalisation,
    *,
    multiple: int,
    threshold: float,
) -> MeasuredObjects:
    """Measure the labels of the training tiles, and what a network finds in the validation tiles.

    Of many tiles some hundred are taken, evenly spread. ``multiple``: the network takes tiles whose
    sides are multiples of this; ``threshold`` is that of its probability.
    """
    sizes = [
        whole_object_sizes(dataset.tile(at).label == LANDSLIDE)
        for at in _spread(_with_landslides(dataset, Split.TRAIN), _MAX_LABEL_TILES)
    ]
    label_px = _together(sizes)
    card = ObjectsCard(
        label_objects=len(label_px),
        label_px=_quantiles(label_px),
        right_objects=0,
        right_maxima=None,
    )
    showing = set(_spread(_with_landslides(dataset, Split.VALIDATION), _MAX_VALIDATION_TILES))
    validation = _spread(dataset.positions(Split.VALIDATION), _MAX_VALIDATION_TILES)
    groups = dataset.groups
    units = independent_units([groups[at] for at in validation])
    unit_of = dict(zip(validation, units, strict=True))
    maxima, objects = [], []
    for at in sorted(showing | set(validation)):
        tile = dataset.tile(at)
        probability = predict_tile(network, dataset, at, normalisation, multiple=multiple)
        landslide = tile.label == LANDSLIDE
        if at in showing:
            maxima.append(right_object_maxima(probability, threshold, landslide, tile.counted))
        if at in unit_of:
            objects.append(
                tile_objects(
                    quantise_probability(probability),
                    tile,
                    threshold=threshold,
                    min_area_px=card.min_area_px,
                    unit=unit_of[at],
                    ndvi=tile_ndvi(tile, dataset),
                )
            )
    right = _together(maxima)
    measured = {"right_objects": len(right), "right_maxima": _quantiles(right)}
    return MeasuredObjects(
        card=card.model_copy(update=measured),
        samples=join_objects(objects),
        tiles=len(validation),
    )


def with_right_objects(card: ObjectsCard, maxima: Sequence[NDArray[np.generic]]) -> ObjectsCard:
    """Return a card with the highest probabilities of objects found rightly in other tiles."""
    right = _together(maxima)
    return card.model_copy(update={"right_objects": len(right), "right_maxima": _quantiles(right)})


def _with_landslides(dataset: TileDataset, split: Split) -> list[int]:
    landslide_px = dataset.index["landslide_px"]
    return [at for at in dataset.positions(split) if landslide_px[at]]


def _spread(positions: list[int], most: int) -> list[int]:
    return positions[:: -(-len(positions) // most) or 1]


def _together(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *parts])


def _quantiles(values: NDArray[np.float64]) -> tuple[float, float, float] | None:
    if len(values) == 0:
        return None
    low, middle, high = np.quantile(values, _QUANTILES).tolist()
    return low, middle, high
