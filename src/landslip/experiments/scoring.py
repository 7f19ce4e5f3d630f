"""Scores of one cell, from its stored probabilities and the labels of its test tiles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.experiments.results import (
    AdjustedArea,
    BoundaryScores,
    ObjectScores,
    ProbabilityHistogram,
    RunScores,
    SizeClassScores,
    TileCounts,
)
from landslip.experiments.run_folder import Predictions
from landslip.metrics.area import adjusted_fraction_from_tiles
from landslip.metrics.boundary import BoundaryCounts, count_boundary
from landslip.metrics.curves import ProbabilityBins, bin_pixels, no_pixels
from landslip.metrics.objects import ObjectCounts, count_objects, searched_km2, size_classes_px
from landslip.metrics.pixels import PixelCounts, count_pixels, sum_counts
from landslip.metrics.resampling import DEFAULT_RESAMPLING


@dataclass(slots=True)
class _ScoreSums:
    """What is counted, summed over the tiles so far."""

    tiles: list[TileCounts] = field(default_factory=list)
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    boundary: BoundaryCounts = field(default_factory=BoundaryCounts)
    bins: ProbabilityBins = field(default_factory=no_pixels)


def score_run(
    dataset: TileDataset,
    predictions: Predictions,
    validation: list[PixelCounts] | None,
    threshold: float,
    boundary_px: int,
) -> RunScores:
    """Score the tiles that were predicted; a pixel is found where it reaches the threshold.

    Args:
        dataset: which holds the tiles.
        predictions: probabilities by tile.
        validation: counts of the validation tiles at the same threshold, for the area; None where
            there is none.
        threshold: from 0 to 1.
        boundary_px: tolerance of the boundary F1.

    Raises:
        InputError: a predicted tile is not in the dataset, or of another size.
    """
    positions = {str(name): at for at, name in enumerate(dataset.index["tile_id"])}
    sums = _ScoreSums()
    for tile_id in predictions:
        if tile_id not in positions:
            raise InputError(
                f"{dataset.path}: tile {tile_id} was predicted and is not in the dataset; run the "
                "cell again"
            )
        probability = predictions.probability(tile_id)
        _count_tile(sums, dataset, positions[tile_id], probability, threshold, boundary_px)
    return RunScores(
        threshold=threshold,
        tiles=tuple(sums.tiles),
        objects=_objects(sums.objects, dataset.card.resolution_m),
        boundary=_boundary(sums.boundary, boundary_px),
        curves=_curves(sums.bins),
        area=_area([tile.counts for tile in sums.tiles], validation or []),
    )


def _count_tile(
    sums: _ScoreSums,
    dataset: TileDataset,
    position: int,
    probability: NDArray[np.float32],
    threshold: float,
    boundary_px: int,
) -> None:
    """Add a tile to the sums."""
    tile = dataset.tile(position)
    if probability.shape != tile.label.shape:
        raise InputError(
            f"{dataset.path}: tile {tile.tile_id} has {tile.label.shape} rows and columns and its "
            f"prediction {probability.shape}; run the cell again"
        )
    found, known, counted = probability >= threshold, tile.label == LANDSLIDE, tile.counted
    counts = count_pixels(found, known, counted)
    sums.tiles.append(
        TileCounts(tile_id=tile.tile_id, tp=counts.tp, fp=counts.fp, fn=counts.fn, tn=counts.tn)
    )
    sums.objects += count_objects(found, known, counted)
    sums.boundary += count_boundary(found, known, counted, tolerance_px=boundary_px)
    sums.bins += bin_pixels(probability, known, counted)


def _objects(counts: ObjectCounts, resolution_m: float | None) -> ObjectScores:
    classes = zip(size_classes_px(), counts.landslides, counts.detected, strict=True)
    return ObjectScores(
        by_size=tuple(
            SizeClassScores(
                at_least_px=at_least, under_px=under, landslides=landslides, detected=detected
            )
            for (at_least, under), landslides, detected in classes
        ),
        found=counts.found,
        false=counts.false,
        searched_px=counts.searched_px,
        searched_km2=(
            None if resolution_m is None else searched_km2(counts.searched_px, resolution_m)
        ),
    )


def _boundary(counts: BoundaryCounts, tolerance_px: int) -> BoundaryScores:
    return BoundaryScores(
        tolerance_px=tolerance_px,
        found=counts.found,
        found_near=counts.found_near,
        known=counts.known,
        known_near=counts.known_near,
    )


def _curves(bins: ProbabilityBins) -> ProbabilityHistogram:
    return ProbabilityHistogram(
        landslide=tuple(bins.landslide.tolist()),
        other=tuple(bins.other.tolist()),
        mean_probability=tuple(bins.mean_probability.tolist()),
    )


def _area(tested: Sequence[PixelCounts], validated: Sequence[PixelCounts]) -> AdjustedArea | None:
    """Return the landslide share of the test tiles, from their map and the validation's errors."""
    summed = sum_counts(tested)
    pixels = summed.tp + summed.fp + summed.fn + summed.tn
    if not pixels:
        return None
    mapped = (summed.tp + summed.fp) / pixels
    table = np.array([(one.tp, one.fp, one.fn, one.tn) for one in validated]).reshape(-1, 4)
    adjusted = adjusted_fraction_from_tiles(mapped, table, len(tested), DEFAULT_RESAMPLING)
    if adjusted is None:
        return None
    return AdjustedArea(
        mapped_share=mapped,
        adjusted_share=adjusted.fraction,
        standard_error=adjusted.standard_error,
        reference_share=(summed.tp + summed.fn) / pixels,
    )
