"""Objects of a training: sizes of its labels, and what the network is sure of where it is right."""

from collections.abc import Collection, Iterable, Sequence
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
    """Objects of the labels, and of tiles that the network was not trained on.

    ``tiles`` is the number of the latter.
    """

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
    showing = _spread(_with_landslides(dataset, Split.VALIDATION), _MAX_VALIDATION_TILES)
    validation = _spread(dataset.positions(Split.VALIDATION), _MAX_VALIDATION_TILES)
    probabilities = (
        (at, predict_tile(network, dataset, at, normalisation, multiple=multiple))
        for at in sorted({*showing, *validation})
    )
    return with_found_objects(card, dataset, probabilities, validation, threshold)


def with_found_objects(
    card: ObjectsCard,
    dataset: TileDataset,
    probabilities: Iterable[tuple[int, NDArray[np.float32]]],
    sampled: Collection[int],
    threshold: float,
) -> MeasuredObjects:
    """Measure what networks find in tiles that they were not trained on.

    Args:
        card: of the labels; it gets the highest probabilities of the objects found rightly.
        dataset: with all labels.
        probabilities: of tiles by their positions, (height, width).
        sampled: positions of the tiles whose objects are returned, too.
        threshold: of the probability.
    """
    units = independent_units([dataset.groups[at] for at in sampled])
    unit_of = dict(zip(sampled, units, strict=True))
    maxima, objects = [], []
    for at, probability in probabilities:
        tile = dataset.tile(at)
        landslide = tile.label == LANDSLIDE
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
        tiles=len(sampled),
    )


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
