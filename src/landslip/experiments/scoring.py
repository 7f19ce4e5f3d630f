"""Scores of one run, from its stored probabilities and the labels of its test tiles."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.off_centre import OffCentreTiles
from landslip.experiments.results import (
    AdjustedArea,
    BoundaryScores,
    ObjectScores,
    OffCentreScores,
    ProbabilityHistogram,
    RunScores,
    SizeClassScores,
    TileCounts,
    TileHistogram,
)
from landslip.experiments.run_folder import Predictions
from landslip.metrics.area import (
    adjusted_fraction_from_tiles,
    fraction_by_error_rates,
    fraction_by_map_classes,
)
from landslip.metrics.bootstrap import DEFAULT_RESAMPLING
from landslip.metrics.boundary import BoundaryCounts, count_boundary
from landslip.metrics.curves import bin_pixels, merged_bins, no_pixels, ranking_bins
from landslip.metrics.objects import ObjectCounts, count_objects, searched_km2
from landslip.metrics.pixels import PixelCounts, ThresholdCurve, count_pixels, sum_counts
from landslip.metrics.tile_scores import group_counts, independent_units
from landslip.models.off_centre import count_off_centre

TILE_BINS = 40


class TileProbabilities(Protocol):
    """Probabilities of tiles, such as `landslip.experiments.run_folder.Predictions`."""

    def __iter__(self) -> Iterator[str]: ...

    def probability(self, tile_id: str) -> NDArray[np.float32]:
        """Return a tile's probability (height, width)."""
        ...


def score_run(
    dataset: TileDataset,
    predictions: TileProbabilities,
    validation: Sequence[TileCounts],
    threshold: float,
    boundary_px: int,
) -> RunScores:
    """Score the predicted tiles; pixels that reach the threshold are landslide.

    ``validation`` has the counts of the validation tiles at the same threshold, with their groups,
    for the area.

    Raises:
        InputError: a predicted tile is not in the dataset, or of another size.
    """
    positions = {tile_id: at for at, tile_id in enumerate(dataset.tile_ids)}
    tiles: list[TileCounts] = []
    curves: list[TileHistogram] = []
    objects, boundary, bins = ObjectCounts(), BoundaryCounts(), no_pixels()
    fine = ThresholdCurve()
    for tile_id in predictions:
        if tile_id not in positions:
            raise InputError(
                f"{dataset.path}: tile {tile_id} was predicted and is not in the dataset; repeat "
                "the run"
            )
        tile, probability = dataset.tile(positions[tile_id]), predictions.probability(tile_id)
        if probability.shape != tile.label.shape:
            raise InputError(
                f"{dataset.path}: tile {tile_id} has {tile.label.shape} rows and columns and its "
                f"prediction {probability.shape}; repeat the run"
            )
        predicted, truth, counted = probability >= threshold, tile.label == LANDSLIDE, tile.counted
        counts = count_pixels(predicted, truth, counted)
        tiles.append(TileCounts(tile_id=tile_id, **asdict(counts)))
        objects += count_objects(predicted, truth, counted)
        boundary += count_boundary(predicted, truth, counted, tolerance_px=boundary_px)
        of_tile = bin_pixels(probability, truth, counted)
        bins, few = bins + of_tile, merged_bins(of_tile, TILE_BINS)
        fine.add(probability, truth, counted)
        curves.append(TileHistogram(landslide=few.landslide.tolist(), other=few.other.tolist()))
    by_size = tuple(SizeClassScores(**asdict(one)) for one in objects.by_size())
    searched_px, resolution_m = objects.searched_px, dataset.card.resolution_m
    ranking = ranking_bins(fine.histograms)
    return RunScores(
        threshold=threshold,
        tiles=tuple(tiles),
        objects=ObjectScores(
            by_size=by_size,
            found=objects.found,
            false=objects.false,
            searched_px=searched_px,
            searched_km2=None if resolution_m is None else searched_km2(searched_px, resolution_m),
        ),
        boundary=BoundaryScores(tolerance_px=boundary_px, **asdict(boundary)),
        curves=ProbabilityHistogram(
            landslide=tuple(bins.landslide.tolist()),
            other=tuple(bins.other.tolist()),
            mean_probability=tuple(bins.mean_probability.tolist()),
            ranking=(tuple(ranking[0].tolist()), tuple(ranking[1].tolist())),
        ),
        tile_curves=tuple(curves),
        area=_area([tile.counts for tile in tiles], validation),
    )


def score_off_centre(
    dataset: TileDataset, centred: Predictions, off_centre: Predictions, threshold: float
) -> OffCentreScores:
    """Score the pixels of the test tiles that moved windows show, in place and off-centre.

    Raises:
        InputError: a tile was predicted in one way only.
    """
    positions, moved = dataset.positions(Split.TEST), OffCentreTiles(dataset, Split.TEST)
    names = dataset.tile_ids
    if {*centred} != {*off_centre} or {*centred} != {names[at] for at in positions}:
        raise InputError(
            f"{dataset.path}: other tiles were predicted off-centre than in place; repeat the run"
        )
    counts = []
    for at in positions:
        probabilities = centred.probability(names[at]), off_centre.probability(names[at])
        counts.append(
            tuple(
                TileCounts(tile_id=names[at], **asdict(one))
                for one in count_off_centre(moved, at, probabilities, threshold)
            )
        )
    return OffCentreScores(
        centred=tuple(one for one, _ in counts),
        off_centre=tuple(other for _, other in counts),
        surroundings=moved.count_surroundings(positions),
    )


def _area(tested: Sequence[PixelCounts], validated: Sequence[TileCounts]) -> AdjustedArea | None:
    """Return the test tiles' landslide fraction, adjusted by the errors on validation tiles."""
    summed = sum_counts(tested)
    pixels = summed.tp + summed.fp + summed.fn + summed.tn
    if not pixels:
        return None
    mapped = (summed.tp + summed.fp) / pixels
    if not validated:
        return None
    table = np.array([[(one.tp, one.fp, one.fn, one.tn) for one in validated]])
    names = [one.tile_id if one.group is None else one.group for one in validated]
    units = group_counts(table, independent_units(names))[0]
    mapped_units = max(round(len(tested) * len(units) / len(validated)), 2)
    adjusted, by_rates = (
        adjusted_fraction_from_tiles(mapped, units, mapped_units, DEFAULT_RESAMPLING, estimator)
        for estimator in (fraction_by_map_classes, fraction_by_error_rates)
    )
    if adjusted is None:
        return None
    return AdjustedArea(
        mapped_share=mapped,
        adjusted_share=adjusted.fraction,
        standard_error=adjusted.standard_error,
        reference_share=(summed.tp + summed.fn) / pixels,
        rates_share=None if by_rates is None else by_rates.fraction,
        rates_error=None if by_rates is None else by_rates.standard_error,
    )
