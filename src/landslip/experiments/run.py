"""One cell: trains its method, predicts its test tiles, and keeps both; networks need torch."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.files import file_lock
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.experiments.results import TileCounts
from landslip.experiments.run_folder import (
    BEGUN,
    ERRORS,
    LOCK,
    MODEL,
    RECORD,
    PredictionsWriter,
    RunJob,
    RunRecord,
    begin,
    check_same,
)
from landslip.metrics.pixels import count_pixels
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import ModelFolder, open_model
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmSettings
from landslip.models.svm.predict import THRESHOLD
from landslip.models.svm.predict import predicted_tiles as svm_predicted_tiles

Predicted = Iterator[tuple[int, NDArray[np.float32]]]
Predict = Callable[[list[int]], Predicted]


@dataclass(slots=True)
class _RunState:
    """A cell under way."""

    job: RunJob
    dataset: TileDataset
    progress: Progress = no_progress
    facts: dict[str, object] = field(default_factory=dict)


def execute_run(job: RunJob, progress: Progress = no_progress) -> None:
    """Run a cell into ``job.out``; goes on where an earlier try stopped.

    Raises:
        LandslipError: it cannot be run, or another process is at it.
    """
    dataset = TileDataset(job.dataset).with_split(job.splits, job.split_method)
    with file_lock(job.unfinished / LOCK, "this cell"):
        check_same(job)
        begin(job)
        cell = _RunState(job, dataset, progress)
        if job.svm is not None:
            _run_svm(cell)
        else:
            _run_network(cell)
        for name in (ERRORS, BEGUN):
            (job.unfinished / name).unlink(missing_ok=True)
    job.unfinished.rename(job.out)


def _run_network(cell: _RunState) -> None:
    job = cell.job
    model = open_model(job.start) if job.training is None and job.start else _trained(cell)
    engine = open_engine(model, job.engine, job.precision)
    known = model.card.training
    if job.training is not None:
        cell.facts = {
            "epoch": known.epoch,
            "epochs": known.epochs,
            "train_seconds": known.seconds,
            "device": known.device,
            "precision": known.precision,
        }
    cell.facts["engine"] = f"{engine.name} {engine.precision}"

    def predicted(positions: list[int]) -> Predicted:
        return predicted_tiles(engine, model.card, cell.dataset, positions)

    _write_predictions(cell, predicted, model.card.threshold)


def _trained(cell: _RunState) -> ModelFolder:
    """Train, or take up the model that an earlier try finished."""
    from landslip.models.training.module import TrainingCallbacks  # noqa: PLC0415 - the SVM needs no torch
    from landslip.models.training.run import TrainRequest, train  # noqa: PLC0415

    job, out = cell.job, cell.job.unfinished / MODEL
    if job.training is None:
        raise InputError(f"{job.key.slug}: neither a recipe nor a model is given")
    if not (out / "model.json").is_file():
        request = TrainRequest(
            dataset=cell.dataset,
            out=out,
            config=job.training,
            start=None if job.start is None else open_model(job.start),
            resume=True,
            callbacks=TrainingCallbacks(on_step=cell.progress),
        )
        train(request)
    return open_model(out)


def _run_svm(cell: _RunState) -> None:
    known, started = cell.job.svm, time.monotonic()
    if known is None:
        raise InputError(f"{cell.job.key.slug}: the SVM's settings are missing")
    settings = SvmSettings(
        c=known.c,
        gamma=known.gamma,
        pixels_per_class=known.pixels_per_class,
        seed=cell.job.key.seed,
    )
    model = fit_svm(cell.dataset, cell.dataset.positions(Split.TRAIN), settings)
    seconds = round(time.monotonic() - started, 1)
    folder = cell.job.unfinished / MODEL
    folder.mkdir(exist_ok=True)
    model.save(folder)
    cell.facts = {"train_seconds": seconds, "device": "cpu", "engine": "svm float32"}

    def predicted(positions: list[int]) -> Predicted:
        return svm_predicted_tiles(model, cell.dataset, positions, cell.progress)

    _write_predictions(cell, predicted, THRESHOLD)


def _write_predictions(cell: _RunState, predicted: Predict, threshold: float) -> None:
    """Predict validation and test tiles; write predictions and record."""
    job, dataset = cell.job, cell.dataset
    writer, validation = PredictionsWriter(), []
    wanted = dataset.positions(Split.VALIDATION)
    for position, probability in predicted(wanted) if wanted else ():
        validation.append(_counted(dataset, position, probability >= threshold))
    for position, probability in predicted(dataset.positions(Split.TEST)):
        writer.add(dataset.tile(position).tile_id, probability)
    writer.write(job.unfinished)
    record = RunRecord.model_validate(
        {
            "key": job.key,
            "made_from": job.made_from,
            "threshold": threshold,
            "split_sha256": dataset.card.split_sha256,
            "trained_on": 0
            if job.training is None and job.svm is None
            else len(dataset.positions(Split.TRAIN)),
            "validated_on": len(wanted),
            "threads": job.threads,
            "validation": validation,
            **cell.facts,
        }
    )
    (job.unfinished / RECORD).write_text(record.model_dump_json(indent=1) + "\n")


def _counted(dataset: TileDataset, position: int, found: NDArray[np.bool_]) -> TileCounts:
    tile = dataset.tile(position)
    counts = count_pixels(found, tile.label == LANDSLIDE, tile.counted)
    return TileCounts(tile_id=tile.tile_id, **asdict(counts))
