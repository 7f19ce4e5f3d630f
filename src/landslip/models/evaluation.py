"""Evaluation of a model on the tiles of a dataset's split."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split, Tta
from landslip.core.errors import InputError, OutputExistsError, argument
from landslip.core.files import atomic_file
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress
from landslip.datasets.batches import batches_of_tiles, plan_batches
from landslip.datasets.contents import few_landslides
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import sampled_pixels
from landslip.datasets.off_centre import OffCentreTiles
from landslip.datasets.splits.tile_groups import TileGroups, tile_groups
from landslip.metrics.bootstrap import FEW_GROUPS, IntervalEstimate, Resampling
from landslip.metrics.clustering import Clustering, landslide_clustering
from landslip.metrics.curves import (
    LIKELY,
    ProbabilityBins,
    bin_pixels,
    calibration_error,
    no_pixels,
)
from landslip.metrics.objects import ObjectCounts, count_objects
from landslip.metrics.per_image import per_image_intervals, per_image_scores
from landslip.metrics.pixels import PixelCounts, ThresholdCurve, count_pixels, sum_counts
from landslip.metrics.spread import ProbabilitySpread
from landslip.metrics.tile_scores import tile_intervals
from landslip.models.card import EvaluationCard, ModelCard, SizeClassCard, TtaCard
from landslip.models.engines.base import Engine
from landslip.models.folder import CARD, ModelFolder, check_compatible, check_values
from landslip.models.off_centre import OffCentreEvaluation, count_off_centre

_BATCH_PX = 8 * 256 * 256


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evaluation:
    """Pixel counts of each tile at one threshold, and what should be known of them.

    Attributes:
        objects: over all tiles, see `landslip.metrics.objects`.
        tile_ids: names of the tiles.
        groups: of the tiles that depend on each other, one a tile; None: each is its own.
        spread: of the network's own probabilities, with ``tta`` of their means.
        average_precision: of the same.
        tile_bins: pixels of each tile by these probabilities.
        off_centre: None unless it was asked for; see `landslip.models.off_centre`.
    """

    split: Split
    threshold: float
    tiles: tuple[PixelCounts, ...]
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    tile_ids: tuple[str, ...] = ()
    groups: TileGroups | None = None
    spread: ProbabilitySpread | None = None
    average_precision: float | None = None
    tile_bins: tuple[ProbabilityBins, ...] = ()
    off_centre: OffCentreEvaluation | None = None
    tta: Tta = Tta.NONE
    notes: tuple[Message, ...] = ()
    seed: int = 0

    @property
    def counts(self) -> PixelCounts:
        """Counts over all tiles."""
        return sum_counts(self.tiles)

    @property
    def bins(self) -> ProbabilityBins:
        """Pixels of all tiles by probability."""
        return sum(self.tile_bins, no_pixels())

    @property
    def interval_groups(self) -> TileGroups:
        """The groups that intervals are over: single tiles where none are known."""
        if self.groups is not None:
            return self.groups
        return TileGroups(names=tuple(str(at) for at in range(len(self.tiles))), kind="tiles")

    @property
    def clustering(self) -> Clustering | None:
        """How much alike the landslide fractions of a group's tiles are; None without groups."""
        return landslide_clustering(self.tiles, self.interval_groups.names)

    def __repr__(self) -> str:
        scores = ", ".join(
            f"{name} undefined" if value is None else f"{name} {value:.4f}"
            for name in ("precision", "recall", "f1", "iou")
            for value in (getattr(self.counts, name),)
        )
        tiles = f"{len(self.tiles)} {self.split.value} tiles at threshold {self.threshold:.3f}"
        return f"Evaluation({tiles}: {scores})"

    def as_dict(self) -> dict[str, Any]:
        """Return counts, scores and their 95 % intervals by name, ready for JSON.

        ``tile_counts`` holds tp, fp, fn and tn of each tile, ``groups`` what the intervals draw
        as one. Scores are of pixels of all tiles together; ``per_image`` counts in the other ways
        of `landslip.metrics.per_image`.
        """
        groups, alike = self.interval_groups, self.clustering
        how = Resampling(seed=self.seed)
        intervals = tile_intervals(
            self.tiles, self.tile_bins, groups.names, self.average_precision, how
        )
        averages = per_image_intervals([self.tiles], groups.names, how)
        return {
            "split": self.split.value,
            "tiles": len(self.tiles),
            "threshold": self.threshold,
            "average_precision": self.average_precision,
            "tta": self.tta.value,
            "tile_ids": list(self.tile_ids),
            "groups": list(groups.names),
            "tile_counts": [[one.tp, one.fp, one.fn, one.tn] for one in self.tiles],
            **self.counts.as_dict(),
            "intervals": _limits(intervals),
            "interval_level": 0.95,
            "per_image": per_image_scores(self.tiles).as_dict() | {"intervals": _limits(averages)},
            "calibration_error": calibration_error(self.bins),
            "likely_calibration_error": calibration_error(self.bins, at_least=LIKELY),
            "off_centre": self.off_centre and self.off_centre.as_dict(groups.names),
            "objects": [one.as_dict() for one in self.objects.by_size()],
            "interval_over": groups.kind,
            "interval_units": len(set(groups.names)),
            "intraclass_correlation": alike and alike.intraclass_correlation,
            "design_effect": alike and alike.design_effect,
            "probability": None if self.spread is None else self.spread.model_dump(mode="json"),
            "warnings": list(sentences(self.notes)),
        }


def _limits(estimates: Mapping[str, IntervalEstimate]) -> dict[str, list[float] | None]:
    """Return the ends of intervals by name, ready for JSON."""
    return {name: None if one.ends is None else list(one.ends) for name, one in estimates.items()}


def evaluate(  # noqa: PLR0913 - moved windows are predicted beside their tiles
    engine: Engine,
    card: ModelCard,
    dataset: TileDataset,
    split: Split,
    *,
    off_centre: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
) -> Evaluation:
    """Predict every tile of a split and count its pixels at the model's threshold.

    With ``off_centre`` each tile's moved window is predicted too, see
    `landslip.datasets.off_centre`. With test-time augmentation of the engine it is the threshold
    that was chosen with it.

    Raises:
        InputError: the split has no tile.
        ModelError: the dataset's bands, units or values are not the model's; values that only look
            wrong pass with ``force``, and are noted.
    """
    positions = dataset.positions(split)
    doubts = check_dataset(card, dataset, positions, force=force)
    unchosen, card = card.threshold_warning(engine.tta), card.with_tta(engine.tta)
    counts, bins, objects, curve = {}, {}, ObjectCounts(), ThresholdCurve()
    moved, shown = OffCentreTiles(dataset, split), {}
    windows = predicted_tiles(engine, card, moved, positions)
    for position, probability in predicted_tiles(engine, card, dataset, positions, progress):
        tile = dataset.tile(position)
        predicted, truth = probability >= card.threshold, tile.label == LANDSLIDE
        counts[position] = count_pixels(predicted, truth, tile.counted)
        objects += count_objects(predicted, truth, tile.counted)
        curve.add(probability, truth, tile.counted)
        bins[position] = bin_pixels(probability, truth, tile.counted)
        if off_centre:
            _, window = next(windows)  # in batches of the same tiles
            pair = probability, window
            shown[position] = count_off_centre(moved, position, pair, card.threshold)
    spread = curve.spread()
    tiles = tuple(counts[position] for position in positions)
    training = training_note(card, dataset, split)
    few = few_landslides(
        {name: of for name, of in dataset.contents.items() if name == split and of.landslide_tiles}
    )
    result = result_warning(sum_counts(tiles), len(tiles))
    known = tile_groups(dataset)
    groups = known.of(positions)
    grouped = _groups_note(known, groups)
    notes = (*doubts, unchosen, training, *few, spread.warning, result, grouped)
    return Evaluation(
        split=split,
        threshold=card.threshold,
        tiles=tiles,
        objects=objects,
        tile_ids=tuple(dataset.tile_ids[position] for position in positions),
        groups=groups,
        spread=spread,
        average_precision=curve.average_precision(),
        tile_bins=tuple(bins[position] for position in positions),
        off_centre=OffCentreEvaluation(
            centred=tuple(shown[position][0] for position in positions),
            off_centre=tuple(shown[position][1] for position in positions),
            surroundings=moved.count_surroundings(positions),
        )
        if off_centre
        else None,
        tta=engine.tta,
        notes=tuple(note for note in notes if note is not None),
    )


def tta_card(engine: Engine, dataset: TileDataset, split: Split, curve: ThresholdCurve) -> TtaCard:
    """Return the record of the threshold that is best for probabilities by test-time augmentation.

    ``curve`` is of all tiles of the split, which the network was not trained on.
    """
    threshold = curve.best_threshold()
    return TtaCard(
        mode=engine.tta,
        threshold=threshold,
        f1=curve.counts(threshold).f1,
        split=split.value,
        tiles=len(dataset.positions(split)),
        pixels_sha256=dataset.card.pixels_sha256,
        split_sha256=dataset.card.split_sha256,
        engine=engine.name,
        precision=engine.precision,
    )


def result_warning(total: PixelCounts, tiles: int) -> Message | None:
    """Return a warning of tiles without landslides or data, or where a model maps none or all.

    Args:
        total: pixels of all tiles.
        tiles: number of tiles.
    """
    counted = total.tp + total.fp + total.fn + total.tn
    landslide, mapped = total.tp + total.fn, total.tp + total.fp
    if counted == 0:
        return message("warning.tiles_empty", tiles=tiles)
    if landslide == 0:
        return message("warning.tiles_without_landslides", tiles=tiles, mapped=mapped)
    if landslide == counted:
        return message("evaluation.landslide_only")
    if total.tp == 0:
        return message("warning.tiles_none_found", tiles=tiles, landslide=landslide, mapped=mapped)
    if 2 * mapped > counted > 2 * landslide:
        return message("warning.tiles_mostly_mapped", percent=100 * mapped / counted)
    return None


def _groups_note(known: TileGroups, tested: TileGroups) -> Message | None:
    """Return a warning of tested tiles that are of few groups, or of a single one."""
    number = len(set(tested.names))
    if known.kind == "tiles" or number < 2:
        return None
    if tested.kind == "tiles":
        return message("evaluation.one_group", tiles=number)
    few = number < FEW_GROUPS
    return message(f"evaluation.few_{tested.kind}", number=number) if few else None


def training_note(card: ModelCard, dataset: TileDataset, split: Split) -> Message | None:
    """Return what it means that the model was, or may have been, trained on the tiles."""
    if dataset.card.pixels_sha256 != card.training.pixels_sha256:
        return None
    if dataset.card.split_sha256 != card.training.split_sha256:
        return message("evaluation.other_split")
    trained = {Split.TRAIN} if card.training.folds is None else {Split.TRAIN, Split.VALIDATION}
    return message("evaluation.training_tiles") if split in trained else None


def record_evaluation(
    model: ModelFolder,
    dataset: TileDataset,
    evaluation: Evaluation,
    engine: Engine,
    *,
    overwrite: bool = False,
) -> ModelCard:
    """Write an evaluation's scores into ``model.json``, under the name of its split.

    Scores on the same tiles are replaced.

    Raises:
        InputError: the model was, or may have been, trained on the tiles.
        OutputExistsError: there are scores of other tiles under this name.
    """
    card, data, name = model.card, dataset.card, evaluation.split.value
    if note := training_note(card, dataset, evaluation.split):
        raise InputError(f"{dataset.path}: {note.text()} They are not recorded; take other tiles")
    own = card.training.pixels_sha256, card.training.split_sha256
    before = card.evaluations.get(name)
    earlier = own if before is None else (before.pixels_sha256, before.split_sha256)
    is_other = earlier != (data.pixels_sha256, data.split_sha256)
    if name in card.metrics and is_other and not overwrite:
        raise OutputExistsError(
            f"{model.path / CARD}: has scores of other {name} tiles; pass "
            f"{argument('overwrite', True)} to replace them"
        )
    counts = evaluation.as_dict()
    recorded = EvaluationCard(
        tiles=len(evaluation.tiles),
        threshold=evaluation.threshold,
        intervals=counts["intervals"],
        objects=tuple(SizeClassCard.model_validate(row) for row in counts["objects"]),
        interval_over=counts["interval_over"],
        interval_units=counts["interval_units"],
        dataset_source=data.source,
        pixels_sha256=data.pixels_sha256,
        split_sha256=data.split_sha256,
        engine=engine.name,
        precision=engine.precision,
        tta=engine.tta,
    )
    changes: dict[str, object] = {
        "metrics": card.metrics
        | {name: evaluation.counts.as_dict() | {"average_precision": evaluation.average_precision}},
        "evaluations": card.evaluations | {name: recorded},
    }
    if evaluation.spread is not None and evaluation.tta is Tta.NONE:
        changes["probabilities"] = card.probabilities | {name: evaluation.spread}
    card = card.model_copy(update=changes)
    with atomic_file(model.path / CARD, overwrite=True) as file:
        file.write_text(card.model_dump_json(indent=2) + "\n")
    return card


def check_dataset(
    card: ModelCard, dataset: TileDataset, positions: list[int], *, force: bool = False
) -> list[Message]:
    """Refuse tiles that do not fit a model; return warnings.

    Raises:
        ModelError: bands or units are not the model's, or values do not look like its training
            data's; see `landslip.models.folder.check_values`.
    """
    name = str(dataset.path)
    check_compatible(card, dataset.bands, dataset.card.radiometry, name)
    if not positions:
        return []
    order = list(dataset.bands.positions_of(card.bands))
    values = sampled_pixels(dataset, positions)[order]
    return check_values(card, values, dataset.bands, name, force=force)


def predicted_tiles(
    engine: Engine,
    card: ModelCard,
    dataset: TileDataset,
    positions: list[int],
    progress: Progress = no_progress,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each tile's position and probability (height, width), in batches of one shape.

    Raises:
        InputError: there is no tile.
        ModelError: the dataset's bands or units are not the model's.
    """
    check_compatible(card, dataset.bands, dataset.card.radiometry, str(dataset.path))
    if not positions:
        raise InputError(
            f"{dataset.path}: the split has no tile (tiles: {dataset.card.tiles}); choose another "
            f"with {argument('split')}"
        )
    multiple, done = card.input.multiple, 0
    batches = plan_batches(dataset, positions, multiple=multiple, batch_px=_BATCH_PX)
    normalisation = card.normalisation_of(dataset.card.radiometry, dataset.bands)
    order = dataset.bands.positions_of(card.bands)
    for batch, pixels in batches_of_tiles(dataset, batches, normalisation, multiple, order):
        for position, probability in zip(batch, engine.predict(pixels), strict=True):
            height, width = dataset.shape(position)
            yield position, probability[:height, :width]
        done += len(batch)
        progress(done, len(positions))
