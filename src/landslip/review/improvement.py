"""A model that learns from reviewed ground, and whether that made it better.

Reviewed ground is little, so that none of it is set aside: copies of the model are fine-tuned
without each of some folds of blocks of ground in turn, and what they find there is compared with
what the model finds there as it is. The last epoch is taken, and the threshold of a fold is chosen
on the others, so that nothing of a fold has a say in its score. The model that is written is
fine-tuned on all of it. It is written only where the comparison says that it is better.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from landslip.core.arrays import read_arrays
from landslip.core.choices import EngineName
from landslip.core.errors import InputError, argument
from landslip.core.files import move_into_place, refuse_existing, stage_beside
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.datasets.format import TileDataset
from landslip.metrics.bootstrap import IntervalEstimate, Resampling
from landslip.models.card import ParentModelCard
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import CARD, WEIGHTS, ModelFolder, open_model
from landslip.models.predictions import TilePredictions
from landslip.models.training.cross_fitting import OUT_OF_FOLD
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.review.ground import ReviewedScene
from landslip.review.ground_tiles import OwnTiles, write_ground_tiles
from landslip.review.improvement_record import RECORD, ImprovementRecord, ReviewProvenance
from landslip.review.model_comparison import (
    ModelComparison,
    Probability,
    compare_models,
    cross_fitted_thresholds,
    score_tiles,
)

FINE_TUNING: dict[str, Any] = {
    "epochs": 12,
    "optimizer": "adamw",
    "learning_rate": 3e-4,
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup_epochs": 0.5,
    "hard_background": 0.0,
}
"""Settings of fine-tuning; all others are those that the model was trained with."""
LEAST_STEPS = 10
_TRAINING_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ImprovementResult:
    """The result: the model folder, or None where it is not better and was not kept."""

    record: ImprovementRecord
    path: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveRequest:
    """A model, the ground that was reviewed, and the model folder to write.

    Attributes:
        reviews: where ``scenes`` come from.
        tiles: the model's own tiles, of which as many training tiles as there are of reviewed
            ground are mixed in, so that it does not forget; None: none.
        settings: of training, over those of `FINE_TUNING` and of the model.
        folds: of blocks of ground.
        keep: write the model also where it is not better.
        resume: continue an interrupted run; the reviews must be as they were.
        overwrite: replace a model, and discard an interrupted run.
        force: only warn of scenes that do not look like the model's training data.
    """

    model: ModelFolder
    scenes: tuple[ReviewedScene, ...]
    out: Path
    reviews: tuple[ReviewProvenance, ...] = ()
    tiles: TileDataset | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 3
    seed: int = 0
    keep: bool = False
    resume: bool = False
    overwrite: bool = False
    force: bool = False
    callbacks: TrainingCallbacks = field(default_factory=TrainingCallbacks)
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise InputError(f"{argument('folds')} is 2 or more; got {self.folds}")


def improve(request: ImproveRequest) -> ImprovementResult:
    """Fine-tune a model on reviewed ground; write it if it is better than before.

    While it runs, checkpoints are in ``NAME.candidate.training`` beside ``out``, from which an
    interrupted run is resumed.

    Raises:
        InputError: too little was reviewed, scenes cannot be read, or a setting is wrong.
        ModelError: scenes are in other bands or units than the model's.
        OutputExistsError: ``out`` or an interrupted run exists.
        KeyboardInterrupt: the user stopped it; the run can be resumed.
    """
    out = request.out
    refuse_existing(out, overwrite=request.overwrite)
    candidate = out.with_name(f"{out.name}.candidate")
    with stage_beside(out) as folder:
        tiles = folder / "tiles"
        own = None if request.tiles is None else OwnTiles(request.tiles, request.seed)
        ground = write_ground_tiles(request.scenes, request.model.card, tiles, own=own)
        dataset = TileDataset(tiles)
        config = fine_tuning_config(request.model, request.settings, len(dataset), request.seed)
        folds = min(request.folds, ground.landslide_blocks)
        _train(request, dataset, config, folds, candidate)
        reviewed = list(range(ground.tiles))
        comparison, beyond = _compare(request, dataset, reviewed, candidate)
    own_config = request.model.card.training.config
    record = ImprovementRecord(
        started_from=ParentModelCard(
            name=request.model.card.name, weights_sha256=request.model.card.files[WEIGHTS]
        ),
        reviews=request.reviews,
        ground=ground,
        own_tiles=len(dataset) - ground.tiles,
        folds=folds,
        settings={
            name: value
            for name, value in config.model_dump(mode="json").items()
            if own_config.get(name) != value
        },
        seed=request.seed,
        comparison=comparison,
        beyond_threshold=beyond,
    )
    if not (record.is_better or request.keep):
        shutil.rmtree(candidate)
        return ImprovementResult(record=record, path=None)
    (candidate / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    card = open_model(candidate).card
    card = card.model_copy(update={"name": out.name, "notes": (*card.notes, record.note)})
    (candidate / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    move_into_place(candidate, out)
    return ImprovementResult(record=record, path=out)


def fine_tuning_config(
    model: ModelFolder, settings: Mapping[str, Any], tiles: int, seed: int
) -> TrainConfig:
    """Return the configuration of fine-tuning on so many tiles.

    An epoch has at least `LEAST_STEPS` steps, so that few tiles are seen often enough.
    """
    known = {
        name: value
        for name, value in model.card.training.config.items()
        if name in TrainConfig.model_fields
    }
    chosen = known | FINE_TUNING | {"steps_per_epoch": None, "seed": seed} | dict(settings)
    config = TrainConfig.model_validate(chosen)
    if config.steps_per_epoch is None and tiles < LEAST_STEPS * config.batch_size:
        config = config.model_copy(update={"steps_per_epoch": LEAST_STEPS})
    return config


def _train(
    request: ImproveRequest, dataset: TileDataset, config: TrainConfig, folds: int, candidate: Path
) -> None:
    """Train the candidate, unless an interrupted run has."""
    if candidate.exists():
        if request.resume:
            card = open_model(candidate).card
            if card.training.pixels_sha256 == dataset.card.pixels_sha256:
                return
        shutil.rmtree(candidate)
    shown = sub_progress(request.progress, 0.0, _TRAINING_SHARE, 1.0)
    last, finished = 0.0, 0.0

    def on_step(done: float, total: float) -> None:
        nonlocal last, finished
        request.callbacks.on_step(done, total)
        part = done / total if total else 1.0
        if part < last:  # the folds are done, and the network of all ground begins
            finished = float(folds)
        last = part
        shown(finished + part * (1 if finished else folds), folds + 1)

    train(
        TrainRequest(
            dataset=dataset,
            out=candidate,
            config=config,
            start=request.model,
            folds=folds,
            only_scores=True,
            resume=request.resume,
            overwrite=request.overwrite,
            force=request.force,
            callbacks=TrainingCallbacks(on_epoch=request.callbacks.on_epoch, on_step=on_step),
        )
    )


def _compare(
    request: ImproveRequest, dataset: TileDataset, reviewed: list[int], candidate: Path
) -> tuple[ModelComparison, IntervalEstimate]:
    """Compare the models on the reviewed tiles, and with both thresholds chosen on them."""
    file = candidate / OUT_OF_FOLD
    stored = TilePredictions(file, "improve the model again")
    fold_of = dict(zip(stored, read_arrays(file)["folds"].tolist(), strict=True))
    place = {at: dataset.tile_ids[at] for at in reviewed}
    folds = {at: int(fold_of[name]) for at, name in place.items()}
    after = {at: stored.probability(name) for at, name in place.items()}
    engine = open_engine(request.model, EngineName.TORCH)
    progress = sub_progress(request.progress, _TRAINING_SHARE, 1.0, 1.0)
    card = request.model.card
    before: dict[int, Probability] = dict(
        predicted_tiles(engine, card, dataset, reviewed, progress)
    )
    how = Resampling(seed=request.seed)
    new = score_tiles(dataset, after, cross_fitted_thresholds(dataset, after, folds))
    old = score_tiles(dataset, before, dict.fromkeys(reviewed, card.threshold))
    moved = score_tiles(dataset, before, cross_fitted_thresholds(dataset, before, folds))
    return compare_models(old, new, how), compare_models(moved, new, how).f1
