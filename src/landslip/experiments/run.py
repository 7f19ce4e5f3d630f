"""One run: trains its method, and writes model, predictions and record; networks need torch."""

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split, Tta
from landslip.core.errors import InputError
from landslip.core.files import file_lock
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import TileDataset
from landslip.datasets.off_centre import OffCentreTiles
from landslip.experiments.config import SvmConfig
from landslip.experiments.run_folder import (
    ERRORS,
    LOCK,
    MODEL,
    OFF_CENTRE,
    RECORD,
    REPEAT,
    STARTED,
    VALIDATION,
    RunJob,
    RunRecord,
    refuse_changed_run,
    start_run,
    write_predictions,
)
from landslip.experiments.selection import count_tiles
from landslip.metrics.pixels import ThresholdCurve
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import CARD, open_model
from landslip.models.predictions import TilePredictions, threshold_curve
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmSettings
from landslip.models.svm.predict import predicted_tiles as svm_predicted_tiles
from landslip.models.svm.threshold import out_of_fold_curve, out_of_fold_scores
from landslip.models.training.folds import cross_validation

ProbabilitiesByTile = Iterable[tuple[int, NDArray[np.float32]]]
PredictTiles = Callable[[list[int]], ProbabilitiesByTile]


def execute_run(job: RunJob, progress: Progress = no_progress) -> None:
    """Execute a run into ``job.out``; continues an earlier attempt.

    Raises:
        LandslipError: it fails, or another process is working on it.
    """
    dataset = TileDataset(job.dataset).with_split(job.splits, job.split_method)
    with file_lock(job.unfinished / LOCK, "this run"):
        refuse_changed_run(job)
        if job.lacks_off_centre:
            _predict_off_centre(job, dataset, job.out)
            shutil.rmtree(job.unfinished)
            return
        start_run(job)
        if job.svm is not None:
            _run_svm(job, job.svm, dataset, progress)
        else:
            _run_network(job, dataset, progress)
        if job.off_centre:
            _predict_off_centre(job, dataset, job.unfinished)
        for name in (ERRORS, STARTED):
            (job.unfinished / name).unlink(missing_ok=True)
    job.unfinished.rename(job.out)


def _run_network(job: RunJob, dataset: TileDataset, progress: Progress) -> None:
    facts: dict[str, object] = {}
    held_out: ProbabilitiesByTile = ()
    if job.training is not None:
        # the SVM needs no torch
        from landslip.models.training.cross_fitting import OUT_OF_FOLD  # noqa: PLC0415
        from landslip.models.training.model_writer import ENSEMBLE  # noqa: PLC0415
        from landslip.models.training.module import TrainingCallbacks  # noqa: PLC0415
        from landslip.models.training.run import TrainRequest, train  # noqa: PLC0415

        out = job.unfinished / MODEL
        if not (out / CARD).is_file():  # else an earlier attempt has finished the model
            request = TrainRequest(
                dataset=dataset,
                out=out,
                config=job.training,
                start=None if job.start is None else open_model(job.start),
                folds=job.folds,
                resume=True,
                callbacks=TrainingCallbacks(on_step=progress),
            )
            train(request)
        shutil.rmtree(out / ENSEMBLE, ignore_errors=True)  # only the single model is compared
        model = open_model(out)
        training = model.card.training
        facts = {
            "epoch": training.epoch,
            "epochs": training.epochs,
            "train_seconds": training.seconds,
            "device": training.device,
            "precision": training.precision,
        }
        if job.folds > 1 and training.folds is not None:
            facts["validated_on"] = training.folds.tiles
            if job.tta is Tta.NONE:  # what is stored is without augmentation
                stored = TilePredictions(out / OUT_OF_FOLD, REPEAT)
                positions = {name: at for at, name in enumerate(dataset.tile_ids)}
                held_out = ((positions[name], stored.probability(name)) for name in stored)
    elif job.start is not None:
        model = open_model(job.start)
    else:
        raise InputError(f"{job.key.slug}: neither training nor a model is given")
    engine = open_engine(model, job.engine, job.precision, job.tta)
    card = model.card.with_tta(engine.tta)
    facts |= {"engine": f"{engine.name} {engine.precision}", "tta": engine.tta}

    def predict(positions: list[int]) -> ProbabilitiesByTile:
        return predicted_tiles(engine, card, dataset, positions)

    _write_predictions(job, dataset, predict, held_out, lambda _: card.threshold, facts)


def _predict_off_centre(job: RunJob, dataset: TileDataset, folder: Path) -> None:
    """Predict the test tiles through moved windows, by the model of a run in a folder."""
    trained = folder / MODEL if job.training is not None else job.start
    if trained is None:
        raise InputError(f"{job.key.slug}: neither training nor a model is given")
    model, moved = open_model(trained), OffCentreTiles(dataset, Split.TEST)
    engine = open_engine(model, job.engine, job.precision, job.tta)
    predicted = predicted_tiles(engine, model.card, moved, dataset.positions(Split.TEST))
    names = dataset.tile_ids
    write_predictions(folder, ((names[at], window) for at, window in predicted), OFF_CENTRE)


def _run_svm(job: RunJob, config: SvmConfig, dataset: TileDataset, progress: Progress) -> None:
    started = time.monotonic()
    settings = SvmSettings(**config.model_dump(), seed=job.key.seed)
    model = fit_svm(dataset, dataset.positions(Split.TRAIN), settings)
    folds = cross_validation(dataset, job.folds, settings.seed) if job.folds > 1 else []
    held_out = list(out_of_fold_scores(dataset, [fold.positions for fold in folds], settings))
    seconds = round(time.monotonic() - started, 1)
    folder = job.unfinished / MODEL
    folder.mkdir(exist_ok=True)
    model.save(folder)

    def predict(positions: list[int]) -> ProbabilitiesByTile:
        return svm_predicted_tiles(model, dataset, positions, progress)

    def threshold(validated: ThresholdCurve) -> float:
        if validated.has_landslides:
            return validated.best_threshold()
        tiles = dataset.positions(Split.TRAIN)
        return out_of_fold_curve(dataset, tiles, settings).best_threshold()

    facts: dict[str, object] = {"train_seconds": seconds, "device": "cpu", "engine": "svm float32"}
    _write_predictions(job, dataset, predict, held_out, threshold, facts)


def _write_predictions(
    job: RunJob,
    dataset: TileDataset,
    predict: PredictTiles,
    held_out: ProbabilitiesByTile,
    choose_threshold: Callable[[ThresholdCurve], float],
    facts: dict[str, object],
) -> None:
    """Predict validation and test tiles; write predictions and record.

    ``held_out`` are the predictions of tiles that folds left out, which take the place of those of
    validation tiles. ``choose_threshold`` is given the curve of either.
    """
    validated = dataset.positions(Split.VALIDATION)
    probabilities = dict(predict(validated)) if validated else dict(held_out)
    threshold = choose_threshold(threshold_curve(dataset, probabilities.items()))
    if probabilities:
        names = ((dataset.tile(at).tile_id, tile) for at, tile in probabilities.items())
        write_predictions(job.unfinished, names, VALIDATION)
    tested = predict(dataset.positions(Split.TEST))
    write_predictions(job.unfinished, ((dataset.tile(at).tile_id, tile) for at, tile in tested))
    is_trained = job.training is not None or job.svm is not None
    record = RunRecord.model_validate(
        {
            "key": job.key,
            "made_from": job.made_from,
            "threshold": threshold,
            "split_sha256": dataset.card.split_sha256,
            "trained_on": len(dataset.positions(Split.TRAIN)) if is_trained else 0,
            "validated_on": len(probabilities),
            "threads": job.threads,
            "validation": count_tiles(dataset, probabilities.items(), threshold),
            **facts,
        }
    )
    (job.unfinished / RECORD).write_text(record.model_dump_json(indent=1) + "\n")
