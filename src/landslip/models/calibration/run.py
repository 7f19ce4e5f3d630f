"""Calibrates a model: predicts tiles, fits the curve, and stores it in the model folder."""

import zlib
from dataclasses import dataclass

import numpy as np

from landslip.core.choices import CalibrationMethod, Split, Tta
from landslip.core.errors import InputError, OutputExistsError, argument
from landslip.core.files import atomic_file, sha256_of
from landslip.core.messages import Message
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.splits.tile_groups import tile_groups
from landslip.metrics.curves import reliability
from landslip.metrics.pixels import ThresholdCurve
from landslip.metrics.spread import ProbabilitySpread
from landslip.metrics.tile_scores import independent_units
from landslip.models.calibration.fit import (
    FITTED_METHODS,
    MethodSelection,
    calibration_folds,
    select_method,
)
from landslip.models.calibration.levels import end_probabilities
from landslip.models.calibration.metrics import (
    CalibrationMetrics,
    LogitCounts,
    count_logits,
    no_logits,
)
from landslip.models.calibration.objects import (
    ObjectSource,
    fit_object_confidence,
    join_objects,
    tile_ndvi,
    tile_objects,
    too_few,
)
from landslip.models.calibration.support import (
    MINIMUM,
    LandslideSupport,
    ResampledCounts,
    supported_methods,
)
from landslip.models.card import (
    CalibrationScoresCard,
    CurveIntervalCard,
    ModelCard,
    ProbabilityCalibrationCard,
    ReliabilityCard,
    TrainingStatisticsCard,
)
from landslip.models.engines.base import Engine, quantise_probability
from landslip.models.evaluation import predicted_tiles, tta_card
from landslip.models.folder import (
    CARD,
    EARLIER_TRAINING_STATISTICS,
    TRAINING_STATISTICS,
    ModelFolder,
)
from landslip.models.ood.training_statistics import (
    MIN_TRAINING_TILES,
    measure_training_statistics,
)

MAX_ERROR = 0.1
"""Expected calibration error after calibration from which it is worth a note."""
MAX_INTERVAL = 0.3
"""Width of the interval at the threshold from which it is worth a note."""


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
        if same_pixels and training.folds is not None and self.split is Split.VALIDATION:
            raise InputError(
                f"{argument('split', self.split.value)}: a model of folds was trained on the "
                "validation tiles too, and would be more confident on them; take test, or other "
                "tiles"
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

    With test-time augmentation of the engine the curve is of the means, and on validation tiles
    their threshold is chosen too.

    ``model.json`` is replaced last, in one step.

    Raises:
        InputError: the split has no tiles, or too few with landslides for the method.
        ModelError: the dataset's bands or units are not the model's, or a file is damaged.
    """
    model, dataset = request.model, request.dataset
    positions = dataset.positions(request.split)
    support = landslide_support(dataset, positions)
    methods = _methods(request, support) if positions else ()
    counted = count_tiles(request, positions)
    selection = select_method(counted.folds, request.method, methods)
    spread, card = counted.curve.spread(), _card_with_curve(request, counted.curve)
    places = _places(card.with_tta(request.engine.tta).threshold, spread)
    intervals = counted.samples.intervals(selection.method, places)
    notes = _notes(request, selection, support, methods)
    if spread.warning is not None:
        notes.append(spread.warning.text())
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
    calibration = _calibration_card(request, selection, len(positions)).model_copy(
        update={
            "landslide_tiles": support.tiles,
            "landslide_groups": support.groups,
            "intervals": _interval_cards(selection, places, intervals),
            "interval_units": counted.units,
        }
    )
    widest = calibration.intervals[0] if calibration.intervals else None
    if widest is not None and widest.high - widest.low > MAX_INTERVAL:
        notes.append(
            f"at the threshold the calibrated probability is between {widest.low:.2f} and "
            f"{widest.high:.2f} (95 % interval): more landslide tiles are needed to know it"
        )
    card = card.model_copy(update={"calibration": calibration})
    card, missing = _with_object_confidence(request, card, counted)
    if missing is not None:
        notes.append(missing.text())
    with atomic_file(model.path / CARD, overwrite=True) as card_file:
        if statistics is None:
            card_file.write_text(card.model_dump_json(indent=2) + "\n")
        else:
            with atomic_file(model.path / TRAINING_STATISTICS, overwrite=True) as file:
                statistics.write(file)
                files = card.files | {TRAINING_STATISTICS: sha256_of(file)}
                files.pop(EARLIER_TRAINING_STATISTICS, None)
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
    if EARLIER_TRAINING_STATISTICS not in card.files:
        (model.path / EARLIER_TRAINING_STATISTICS).unlink(missing_ok=True)
    return CalibrationResult(card=card, selection=selection, notes=tuple(notes))


def _card_with_curve(request: CalibrateRequest, curve: ThresholdCurve) -> ModelCard:
    """Return the model's card with what the tiles say of the probabilities before calibration."""
    card, engine, split = request.model.card, request.engine, request.split
    if engine.tta is Tta.NONE:
        spreads = card.probabilities | {split.value: curve.spread()}
        return card.model_copy(update={"probabilities": spreads})
    if split is Split.VALIDATION:
        return card.with_tta_card(tta_card(engine, request.dataset, split, curve))
    return card


def _with_object_confidence(
    request: CalibrateRequest, card: ModelCard, counted: "CountedTiles"
) -> tuple[ModelCard, Message | None]:
    """Return the card with the confidence of objects, or without and what is missing for it."""
    dataset, applied = request.dataset, card.with_tta(request.engine.tta)
    groups, positions = dataset.groups, sorted(counted.levels)
    units = independent_units([groups[at] for at in positions])
    samples = []
    for at, unit in zip(positions, units, strict=True):
        tile = dataset.tile(at)
        stored = np.frombuffer(zlib.decompress(counted.levels[at]), dtype=np.uint8)
        samples.append(
            tile_objects(
                stored.reshape(tile.label.shape),
                tile,
                threshold=applied.threshold,
                min_area_px=card.min_area_px,
                unit=unit,
                ndvi=tile_ndvi(tile, dataset),
            )
        )
    objects, confidence = join_objects(samples), None
    missing = too_few(objects)
    if missing is None:
        source = ObjectSource(
            data=dataset.card,
            split=request.split.value,
            tiles=len(positions),
            threshold=applied.calibrated_threshold,
            table=applied.level_table,
            min_area_px=card.min_area_px,
            seed=request.seed,
        )
        confidence = fit_object_confidence(objects, source)
    return card.model_copy(update={"object_confidence": confidence}), missing


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTiles:
    """Pixels of predicted tiles by logit.

    Attributes:
        folds: of each fold.
        samples: of bootstrap samples.
        units: number of groups, or of tiles, that samples are drawn from.
        curve: of all tiles.
        levels: compressed levels (height, width) of each tile's probabilities, by its position.
    """

    folds: list[LogitCounts]
    samples: ResampledCounts
    units: int
    curve: ThresholdCurve
    levels: dict[int, bytes]


def count_tiles(request: CalibrateRequest, positions: list[int]) -> CountedTiles:
    """Predict tiles and count the pixels of each fold, and of bootstrap samples, by logit."""
    dataset = request.dataset
    groups = tile_groups(dataset).of(positions).names
    assigned = calibration_folds(groups, seed=request.seed)
    fold_of = dict(zip(positions, assigned, strict=True))
    names, numbers = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    unit_of = dict(zip(positions, numbers.tolist(), strict=True))
    folds = [no_logits()] * (max(assigned, default=0) + 1)
    samples, curve = ResampledCounts(max(len(names), 1), request.seed), ThresholdCurve()
    levels = {}
    predicted = predicted_tiles(
        request.engine, request.model.card, dataset, positions, request.progress
    )
    for position, probability in predicted:
        tile, fold = dataset.tile(position), fold_of[position]
        landslide = tile.label == LANDSLIDE
        counts = count_logits(probability, landslide, tile.counted)
        folds[fold] += counts
        samples.add(counts, unit_of[position])
        curve.add(probability, landslide, tile.counted)
        levels[position] = zlib.compress(quantise_probability(probability).tobytes(), 1)
    return CountedTiles(folds=folds, samples=samples, units=len(names), curve=curve, levels=levels)


def landslide_support(dataset: TileDataset, positions: list[int]) -> LandslideSupport:
    """Return how many tiles, groups and valid and labelled pixels have landslides."""
    pixels, groups = {}, dataset.groups
    for position in positions:
        tile = dataset.tile(position)
        pixels[position] = int(np.count_nonzero((tile.label == LANDSLIDE) & tile.counted))
    shown = [position for position, count in pixels.items() if count]
    return LandslideSupport(
        tiles=len(shown),
        groups=len({groups[position] for position in shown}),
        pixels=sum(pixels.values()),
    )


def _methods(request: CalibrateRequest, support: LandslideSupport) -> tuple[CalibrationMethod, ...]:
    """Return the methods that the tiles have enough landslides for.

    Raises:
        InputError: not even for the one that was asked for.
    """
    methods, wanted = supported_methods(support), request.method
    least = CalibrationMethod.TEMPERATURE if wanted is CalibrationMethod.AUTO else wanted
    if least not in methods:
        other = f"take {argument('method', methods[0].value)}, or more" if methods else "take more"
        raise InputError(
            f"{request.dataset.path}: {least.value} calibration needs enough landslides "
            f"({MINIMUM[least]}), and the {request.split} tiles have too few ({support}); {other} "
            "tiles with landslides"
        )
    return methods


def _notes(
    request: CalibrateRequest,
    selection: MethodSelection,
    support: LandslideSupport,
    methods: tuple[CalibrationMethod, ...],
) -> list[str]:
    notes = []
    missing = [method for method in FITTED_METHODS if method not in methods]
    if missing and request.method is CalibrationMethod.AUTO:
        names = " and ".join(method.value for method in missing)
        notes.append(
            f"the {request.split} tiles have too few landslides for {names} ({support}; needed for "
            f"{missing[0].value}: {MINIMUM[missing[0]]})"
        )
    if not selection.after:
        notes.append(
            "the gain by the curve is unknown: landslides, or other pixels, are in too few tiles "
            "for cross-validation"
        )
    elif (error := selection.after[selection.method].calibration_error) > MAX_ERROR:
        notes.append(
            f"on tiles that it was not fitted on, calibrated probabilities are still off by "
            f"{error:.2f} on average: do not read them as probabilities; the network is hardly "
            "trained, or more landslide tiles are needed"
        )
    elif selection.after[selection.method].log_loss > selection.before.log_loss:
        notes.append(
            "on tiles that it was not fitted on the curve makes probabilities worse; more tiles "
            "are needed"
        )
    return notes


def _places(threshold: float, spread: ProbabilitySpread) -> list[float]:
    """Return the network's probabilities whose intervals are stated, the threshold first."""
    places = {round(place, 3): place for place in (spread.quantiles or ())}
    return [threshold, *(place for key, place in places.items() if key != round(threshold, 3))]


def _interval_cards(
    selection: MethodSelection,
    places: list[float],
    intervals: list[tuple[float, float] | None],
) -> tuple[CurveIntervalCard, ...]:
    return tuple(
        CurveIntervalCard(
            network=place, calibrated=selection.curve.probability(place), low=ends[0], high=ends[1]
        )
        for place, ends in zip(places, intervals, strict=True)
        if ends is not None
    )


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
        tta=request.engine.tta,
        before=_scores_card(before),
        after=None if after is None else _scores_card(after),
        reliability_before=_reliability_card(before),
        reliability_after=None if after is None else _reliability_card(after),
        ends=end_probabilities(selection.counts, curve),
    )


def _scores_card(metrics: CalibrationMetrics) -> CalibrationScoresCard:
    return CalibrationScoresCard(
        calibration_error=metrics.calibration_error,
        likely_calibration_error=metrics.likely_calibration_error,
        brier=metrics.brier,
        log_loss=metrics.log_loss,
    )


def _reliability_card(metrics: CalibrationMetrics) -> ReliabilityCard:
    table = reliability(metrics.bins)
    return ReliabilityCard(
        mean_probability=tuple(np.asarray(table.mean_probability).tolist()),
        landslide_share=tuple(table.landslide_share.tolist()),
        pixels=tuple(table.pixels.tolist()),
    )
