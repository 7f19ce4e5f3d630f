"""Calibrates a model: predicts tiles, fits the curve, and stores it in the model folder."""

from dataclasses import dataclass

import numpy as np

from landslip.core.choices import CalibrationMethod, Split
from landslip.core.errors import InputError, OutputExistsError, argument
from landslip.core.files import atomic_file, sha256_of
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.metrics.curves import reliability
from landslip.models.calibration.fit import MethodSelection, calibration_folds, select_method
from landslip.models.calibration.levels import end_probabilities
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
from landslip.models.ood.training_statistics import (
    EARLIER_NAME,
    MIN_TRAINING_TILES,
    TRAINING_STATISTICS,
    measure_training_statistics,
)

MIN_TILES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateRequest:
    """What a model is calibrated with.

    The model's folder is changed. ``split`` has tiles that the network was not trained on, ``seed``
    is of their folds and of the draw for the training statistics. With ``training_statistics`` the
    training tiles are measured too, so that scenes out of distribution are detected.
    """

    model: ModelFolder
    dataset: TileDataset
    engine: Engine
    split: Split = Split.VALIDATION
    method: CalibrationMethod = CalibrationMethod.AUTO
    seed: int = 0
    training_statistics: bool = True
    overwrite: bool = False
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        if self.split not in (Split.VALIDATION, Split.TEST):
            raise InputError(
                f"{argument('split', self.split.value)}: a network is more confident on tiles that "
                "it was trained on, and so would be a curve fitted to them; take val or test"
            )
        data, training = self.dataset.card, self.model.card.training
        same_pixels = data.pixels_sha256 == training.pixels_sha256
        if same_pixels and data.split_sha256 != training.split_sha256:
            raise InputError(
                f"{self.dataset.path}: these are the tiles of the model's training with another "
                f"split, so that it may have been trained on the {self.split} tiles; take the "
                "dataset as it was at the training, or other tiles"
            )
        if self.model.card.calibration is not None and not self.overwrite:
            raise OutputExistsError(
                f"{self.model.path}: the model is calibrated already; pass "
                f"{argument('overwrite', True)} to calibrate it again"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationResult:
    """The new ``model.json``, the curve with metrics without and with it, and notes."""

    card: ModelCard
    selection: MethodSelection
    notes: tuple[str, ...]


def calibrate(request: CalibrateRequest) -> CalibrationResult:
    """Fit a curve to a model's probabilities and store it in the model folder.

    ``model.json`` is replaced last, in one step.

    Raises:
        InputError: the split has no tiles, or only one class.
        ModelError: the dataset's bands or units are not the model's, or a file is damaged.
    """
    model, dataset = request.model, request.dataset
    positions = dataset.positions(request.split)
    selection = select_method(count_logits_by_fold(request, positions), request.method)
    notes = _notes(selection, len(positions))
    statistics = None
    if request.training_statistics:
        training_tiles, problem = len(dataset.positions(Split.TRAIN)), None
        if dataset.card.pixels_sha256 != model.card.training.pixels_sha256:
            problem = "this is not the dataset that the model was trained on"
        elif training_tiles < MIN_TRAINING_TILES:
            needed = f"{MIN_TRAINING_TILES} training tiles are needed"
            problem = f"{needed}, and there are {training_tiles}"
        if problem is None:
            statistics = measure_training_statistics(
                model, dataset, seed=request.seed, progress=request.progress
            )
        else:
            notes.append(f"the training tiles are not measured: {problem}")
    calibration = _calibration_card(request, selection, len(positions))
    card = model.card.model_copy(update={"calibration": calibration})
    with atomic_file(model.path / CARD, overwrite=True) as card_file:
        if statistics is None:
            card_file.write_text(card.model_dump_json(indent=2) + "\n")
        else:
            with atomic_file(model.path / TRAINING_STATISTICS, overwrite=True) as file:
                statistics.write(file)
                files = card.files | {TRAINING_STATISTICS: sha256_of(file)}
                files.pop(EARLIER_NAME, None)
                described = TrainingStatisticsCard(
                    file=TRAINING_STATISTICS,
                    tiles=statistics.tiles,
                    tile_px=statistics.tile_px,
                    features=statistics.features,
                    layer=statistics.layer,
                    spectral_p99=statistics.spectral.p99,
                    feature_p99=statistics.feature.p99,
                    dataset_source=dataset.card.source,
                    pixels_sha256=dataset.card.pixels_sha256,
                )
                card = card.model_copy(update={"files": files, "training_statistics": described})
                card_file.write_text(card.model_dump_json(indent=2) + "\n")
    if EARLIER_NAME not in card.files:
        (model.path / EARLIER_NAME).unlink(missing_ok=True)
    return CalibrationResult(card=card, selection=selection, notes=tuple(notes))


def count_logits_by_fold(request: CalibrateRequest, positions: list[int]) -> list[LogitCounts]:
    """Predict tiles and count the pixels of each fold by logit."""
    dataset, groups = request.dataset, request.dataset.groups
    assigned = calibration_folds([groups[at] for at in positions], seed=request.seed)
    fold_of = dict(zip(positions, assigned, strict=True))
    folds = [no_logits()] * (max(assigned, default=0) + 1)
    predicted = predicted_tiles(
        request.engine, request.model.card, dataset, positions, request.progress
    )
    for position, probability in predicted:
        tile, fold = dataset.tile(position), fold_of[position]
        folds[fold] += count_logits(probability, tile.label == LANDSLIDE, tile.counted)
    return folds


def _notes(selection: MethodSelection, tiles: int) -> list[str]:
    notes = []
    if tiles < MIN_TILES:
        notes.append(
            f"the curve is fitted on {tiles} tile{'s' if tiles != 1 else ''} and may not hold on "
            f"others; take {MIN_TILES} or more"
        )
    if not selection.after:
        notes.append(
            "the gain by the curve is unknown: landslides, or other pixels, are in too few tiles "
            "for cross-validation"
        )
    elif selection.after[selection.method].log_loss > selection.before.log_loss:
        notes.append(
            "on tiles that it was not fitted on the curve makes probabilities worse; more tiles "
            "are needed"
        )
    return notes


def _calibration_card(
    request: CalibrateRequest, selection: MethodSelection, tiles: int
) -> ProbabilityCalibrationCard:
    data, curve, before = request.dataset.card, selection.curve, selection.before
    after = selection.after.get(selection.method)
    return ProbabilityCalibrationCard(
        method=selection.method.value,
        knots=curve.knots,
        slope_below=curve.slope_below,
        slope_above=curve.slope_above,
        split=request.split.value,
        tiles=tiles,
        pixels=before.pixels,
        landslide_pixels=int(before.bins.landslide.sum()),
        folds=selection.folds,
        dataset_source=data.source,
        pixels_sha256=data.pixels_sha256,
        split_sha256=data.split_sha256,
        seed=request.seed,
        engine=request.engine.name,
        precision=request.engine.precision,
        before=_scores_card(before),
        after=None if after is None else _scores_card(after),
        reliability_before=_reliability_card(before),
        reliability_after=None if after is None else _reliability_card(after),
        ends=end_probabilities(selection.counts, curve),
    )


def _scores_card(metrics: CalibrationMetrics) -> CalibrationScoresCard:
    return CalibrationScoresCard(
        calibration_error=metrics.calibration_error, brier=metrics.brier, log_loss=metrics.log_loss
    )


def _reliability_card(metrics: CalibrationMetrics) -> ReliabilityCard:
    table = reliability(metrics.bins)
    return ReliabilityCard(
        mean_probability=tuple(np.asarray(table.mean_probability).tolist()),
        landslide_share=tuple(table.landslide_share.tolist()),
        pixels=tuple(table.pixels.tolist()),
    )
