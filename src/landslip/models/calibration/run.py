"""Calibrates a model: predicts tiles, fits the curve, and puts it into the model folder."""

from dataclasses import dataclass

import numpy as np

from landslip.core.choices import CalibrationMethod, Split
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import atomic_directory, sha256_of
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.metrics.curves import reliability
from landslip.models.calibration.fit import MethodSelection, calibration_folds, select_method
from landslip.models.calibration.metrics import (
    CalibrationMetrics,
    LogitCounts,
    count_logits,
    no_logits,
)
from landslip.models.card import (
    CalibrationScoresCard,
    ModelCard,
    ProbabilityCalibrationCard,
    ReliabilityCard,
    TrainingStatisticsCard,
)
from landslip.models.engines.base import Engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import CARD, ModelFolder
from landslip.models.ood.statistics import (
    MIN_TRAINING_TILES,
    TRAINING_STATISTICS,
    measure_training_statistics,
)

MIN_TILES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateRequest:
    """What a model is calibrated with.

    Attributes:
        model: its folder is added to.
        dataset: with the model's bands.
        engine: runs the network.
        split: tiles that the network was not trained on.
        method: of fitting the curve.
        seed: of the folds of tiles, and of what is drawn for the look.
        look: measure too what the training tiles look like.
        overwrite: replace an earlier calibration.
        progress: told of tiles.
    """

    model: ModelFolder
    dataset: TileDataset
    engine: Engine
    split: Split = Split.VALIDATION
    method: CalibrationMethod = CalibrationMethod.AUTO
    seed: int = 0
    look: bool = True
    overwrite: bool = False
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        _check_unseen(self.model.card, self.dataset, self.split)
        if self.model.card.calibration is not None and not self.overwrite:
            raise OutputExistsError(
                f"{self.model.path}: the model is calibrated already; add --overwrite to fit its "
                "probabilities again"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationResult:
    """What came of it.

    Attributes:
        card: what ``model.json`` says now.
        choice: the curve, and what it brings.
        notes: what people should know.
    """

    card: ModelCard
    choice: MethodSelection
    notes: tuple[str, ...]


def calibrate(request: CalibrateRequest) -> CalibrationResult:
    """Fit a curve to a model's probabilities and keep it in the model folder.

    ``model.json`` is replaced as the last thing, in one step.

    Raises:
        InputError: the split has no tiles, or none with landslide, or nothing but landslide.
        ModelError: the dataset's bands or units are not the model's, or a file of it is damaged.
    """
    model, dataset = request.model, request.dataset
    positions = dataset.positions(request.split)
    folds = count_logits_by_fold(request, positions)
    choice = select_method(folds, request.method)
    notes = _notes_on(choice, len(positions))
    about_look = _why_no_look(model.card, dataset)
    update: dict[str, object] = {"calibration": _card(request, choice, len(positions))}
    with atomic_directory(model.path, overwrite=True) as stage:
        if request.look and about_look is None:
            look = measure_training_statistics(
                model, dataset, seed=request.seed, progress=request.progress
            )
            look.write(stage / TRAINING_STATISTICS)
            update["files"] = model.card.files | {
                TRAINING_STATISTICS: sha256_of(stage / TRAINING_STATISTICS)
            }
            update["look"] = TrainingStatisticsCard(
                file=TRAINING_STATISTICS,
                tiles=look.tiles,
                tile_px=look.tile_px,
                features=look.features,
                layer=look.layer,
                spectral_p99=look.spectral_p99,
                feature_p99=look.feature_p99,
                dataset_source=dataset.card.source,
                pixels_sha256=dataset.card.pixels_sha256,
            )
        elif request.look and about_look is not None:
            notes.append(about_look)
        card = model.card.model_copy(update=update)
        # renamed in the order of names: after look.npz, which it holds the digest of
        (stage / CARD).write_text(card.model_dump_json(indent=2) + "\n")
    return CalibrationResult(card=card, choice=choice, notes=tuple(notes))


def count_logits_by_fold(request: CalibrateRequest, positions: list[int]) -> list[LogitCounts]:
    """Predict tiles and count the pixels of each fold of them by logit."""
    dataset, groups = request.dataset, request.dataset.groups
    fold_of = dict(
        zip(
            positions,
            calibration_folds([groups[at] for at in positions], seed=request.seed),
            strict=True,
        )
    )
    folds = [no_logits()] * (max(fold_of.values(), default=0) + 1)
    predicted = predicted_tiles(
        request.engine, request.model.card, dataset, positions, request.progress
    )
    for position, probability in predicted:
        tile, fold = dataset.tile(position), fold_of[position]
        folds[fold] += count_logits(probability, tile.label == LANDSLIDE, tile.counted)
    return folds


def _check_unseen(card: ModelCard, dataset: TileDataset, split: Split) -> None:
    """Refuse tiles that the network was trained on, or may have been."""
    if split not in (Split.VALIDATION, Split.TEST):
        raise InputError(
            f"--split {split}: a network is surer of tiles that it was trained on than of others, "
            "and a curve fitted on them would keep it so; take val or test"
        )
    known, trained = dataset.card, card.training
    same_pixels = known.pixels_sha256 == trained.pixels_sha256
    if same_pixels and known.split_sha256 != trained.split_sha256:
        raise InputError(
            f"{dataset.path}: these are the tiles that the model was trained with, divided "
            f"otherwise than then, so that its {split} tiles may have been trained on; take the "
            "dataset as it was at the training, or tiles from elsewhere"
        )


def _why_no_look(card: ModelCard, dataset: TileDataset) -> str | None:
    tiles = len(dataset.positions(Split.TRAIN))
    if dataset.card.pixels_sha256 != card.training.pixels_sha256:
        return (
            "what the training data looked like is not measured: these tiles are not the ones "
            "that the model was trained on"
        )
    if tiles < MIN_TRAINING_TILES:
        return (
            f"what the training data looked like is not measured: that takes {MIN_TRAINING_TILES} "
            f"training tiles, and there are {tiles}"
        )
    return None


def _notes_on(choice: MethodSelection, tiles: int) -> list[str]:
    notes = []
    if tiles < MIN_TILES:
        notes.append(
            f"the curve is fitted on {tiles} tile{'s' if tiles != 1 else ''} and may not hold on "
            f"others; take {MIN_TILES} or more"
        )
    if not choice.after:
        notes.append(
            "what the curve brings is not known: landslides, or other pixels, are in too few tiles "
            "for some to be set aside"
        )
    elif choice.after[choice.method].log_loss > choice.before.log_loss:
        notes.append(
            "on tiles that it was not fitted on the curve makes probabilities worse; more tiles "
            "are needed"
        )
    return notes


def _card(
    request: CalibrateRequest, choice: MethodSelection, tiles: int
) -> ProbabilityCalibrationCard:
    known, curve, after = request.dataset.card, choice.curve, choice.after.get(choice.method)
    return ProbabilityCalibrationCard(
        method=choice.method.value,
        knots=curve.knots,
        slope_below=curve.slope_below,
        slope_above=curve.slope_above,
        split=request.split.value,
        tiles=tiles,
        pixels=choice.before.pixels,
        landslide_pixels=int(choice.before.bins.landslide.sum()),
        folds=choice.folds,
        dataset_source=known.source,
        pixels_sha256=known.pixels_sha256,
        split_sha256=known.split_sha256,
        seed=request.seed,
        engine=request.engine.name,
        precision=request.engine.precision,
        before=_figures(choice.before),
        after=None if after is None else _figures(after),
        reliability_before=_reliability(choice.before),
        reliability_after=None if after is None else _reliability(after),
    )


def _figures(found: CalibrationMetrics) -> CalibrationScoresCard:
    return CalibrationScoresCard(
        calibration_error=found.calibration_error, brier=found.brier, log_loss=found.log_loss
    )


def _reliability(found: CalibrationMetrics) -> ReliabilityCard:
    table = reliability(found.bins)
    return ReliabilityCard(
        mean_probability=tuple(np.asarray(table.mean_probability).tolist()),
        landslide_share=tuple(table.landslide_share.tolist()),
        pixels=tuple(table.pixels.tolist()),
    )
