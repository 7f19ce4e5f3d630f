"""Thresholds chosen on the validation predictions of all folds of a split together."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.experiments.results import TileCounts
from landslip.experiments.run_folder import (
    RECORD,
    VALIDATION,
    Predictions,
    RunJob,
    read_run_record,
)
from landslip.metrics.pixels import count_pixels
from landslip.models.predictions import threshold_curve


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledSelection:
    """A threshold, and the counts at it of the predictions that chose it."""

    threshold: float
    validation: tuple[TileCounts, ...]


def count_tiles(
    dataset: TileDataset,
    probabilities: Iterable[tuple[int, NDArray[np.floating]]],
    threshold: float,
) -> tuple[TileCounts, ...]:
    """Count the pixels of tiles, by their positions and probabilities, at a threshold."""
    counts = []
    for position, probability in probabilities:
        tile = dataset.tile(position)
        found = count_pixels(probability >= threshold, tile.label == LANDSLIDE, tile.counted)
        counts.append(TileCounts(tile_id=tile.tile_id, **asdict(found)))
    return tuple(counts)


def pooled_selection(job: RunJob, jobs: Sequence[RunJob]) -> PooledSelection:
    """Choose the threshold of a run on the validation tiles of all folds of its split.

    Each is predicted by the model of its fold, with the method, seed and number of training tiles
    of the run; a tile that is validated in several folds counts once for each of them. Tiles that
    the run is tested on are left out. Folds whose run failed have no predictions. Without
    landslides the run keeps its own threshold.

    Raises:
        InputError: a run of an earlier version has no validation predictions.
    """
    dataset = TileDataset(job.dataset)
    positions = {name: at for at, name in enumerate(dataset.tile_ids)}
    tested = {
        name for name, split in zip(positions, job.splits, strict=True) if split is Split.TEST
    }
    chosen = [
        (positions[name], stored.probability(name))
        for stored in _validation_predictions(job, jobs)
        for name in stored
        if name not in tested
    ]
    curve = threshold_curve(dataset, chosen)
    own = read_run_record(job.out)
    if not curve.has_landslides:
        return PooledSelection(threshold=own.threshold, validation=own.validation)
    threshold = curve.best_threshold()
    return PooledSelection(threshold=threshold, validation=count_tiles(dataset, chosen, threshold))


def _validation_predictions(job: RunJob, jobs: Sequence[RunJob]) -> list[Predictions]:
    """Return the stored predictions of the runs of all folds, in the order of the folds."""
    found = []
    for other in sorted(jobs, key=lambda one: one.key.fold):
        is_fold = other.key.model_copy(update={"fold": job.key.fold}) == job.key
        if not is_fold or not (other.out / RECORD).is_file():
            continue
        if (other.out / VALIDATION).is_file():
            found.append(Predictions(other.out, VALIDATION))
        elif Split.VALIDATION in other.splits:
            raise InputError(
                f"{other.out}: select: pooled needs {VALIDATION}, which runs of earlier versions "
                "lack; remove the folder to repeat the run"
            )
    return found
