"""The folder of a run: its job, its record, and the probabilities of its test tiles.

Scores are computed from the stored probabilities, so that new scores need no new training; see
`landslip.models.predictions`.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from landslip.core.choices import EngineName, Precision, Split, Tta
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_file
from landslip.core.records import StrictModel
from landslip.core.text import read_json
from landslip.experiments.config import SvmConfig
from landslip.experiments.results import RunKey, TileCounts
from landslip.models.predictions import TilePredictions, write_tile_predictions
from landslip.models.training.recipe import TrainConfig

MODEL, TRAINING, RECORD = "model", "model.training", "cell.json"
ERRORS, LOCK, STARTED = "errors.txt", "lock", "begun.json"
PREDICTIONS, OFF_CENTRE = "predictions.npz", "off_centre.npz"
VALIDATION = "validation.npz"
REPEAT = "remove the folder to repeat the run"


class RunJob(StrictModel):
    """A run to be executed, with everything that a worker process needs.

    ``training`` is None for the SVM, or without training; ``start`` is the folder of a model. The
    folder ``out`` is written as ``OUT.unfinished`` and renamed in the end.
    """

    key: RunKey
    dataset: Path
    splits: tuple[Split, ...]
    split_method: str
    training: TrainConfig | None = None
    svm: SvmConfig | None = None
    start: Path | None = None
    folds: int = Field(
        1, description="of the training tiles, that choose epoch and threshold; 1: none"
    )
    engine: EngineName = EngineName.AUTO
    precision: Precision = Precision.FP32
    tta: Tta = Tta.NONE
    threads: int = 1
    off_centre: bool = Field(False, description="predict the test tiles off-centre as well")
    out: Path
    made_from: dict[str, Any] = Field(description="decides whether a finished run is this one")

    @property
    def unfinished(self) -> Path:
        """Folder of the run until it is finished."""
        return self.out.with_name(f"{self.out.name}.unfinished")

    @property
    def lacks_off_centre(self) -> bool:
        """Whether the run is finished but for its predictions off-centre."""
        is_finished = (self.out / RECORD).is_file()
        return self.off_centre and is_finished and not (self.out / OFF_CENTRE).is_file()


class RunRecord(StrictModel):
    """``cell.json``: how a finished run was made; its scores come from its predictions."""

    key: RunKey
    made_from: dict[str, Any]
    threshold: float
    split_sha256: str
    trained_on: int
    validated_on: int
    epoch: int | None = None
    epochs: int | None = None
    train_seconds: float | None = None
    threads: int
    device: str | None = None
    precision: str | None = None
    engine: str
    tta: Tta = Tta.NONE
    validation: tuple[TileCounts, ...] = ()


def digest_of(made_from: dict[str, Any]) -> str:
    """Return a digest of everything that decides a run's result."""
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def read_run_record(folder: Path) -> RunRecord:
    """Read ``cell.json`` of a finished run.

    Raises:
        InputError: it is damaged.
    """
    try:
        return RunRecord.model_validate(read_json(folder / RECORD))
    except (InputError, ValidationError) as error:
        raise InputError(f"{folder / RECORD}: damaged; {REPEAT}") from error


def start_run(job: RunJob) -> None:
    """Record what a run is made from, before anything else is written.

    The remains of a failed attempt with other settings are removed.
    """
    folder = job.unfinished
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / STARTED).is_file() and _read_started(folder) != job.made_from:
        for name in (MODEL, TRAINING):
            shutil.rmtree(folder / name, ignore_errors=True)
    stage = folder / f"{STARTED}.partial"
    stage.write_text(json.dumps(job.made_from))
    stage.replace(folder / STARTED)


def refuse_changed_run(job: RunJob) -> None:
    """Refuse a run folder that was made from anything else than the job's settings and data.

    An unfinished run counts as soon as it has weights: before, settings that failed can be changed.

    Raises:
        InputError: it names what has changed, or the folder is not of a run.
    """
    if job.out.exists():
        if not (job.out / RECORD).is_file():
            raise InputError(f"{job.out}: not a finished run, {RECORD} is missing; {REPEAT}")
        folder, how, before = job.out, "made", read_run_record(job.out).made_from
    elif (job.unfinished / STARTED).is_file() and (
        (job.unfinished / MODEL).is_dir() or any((job.unfinished / TRAINING).rglob("*.ckpt"))
    ):
        folder, how, before = job.unfinished, "begun", _read_started(job.unfinished)
    else:
        return
    now = job.made_from
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if changed:
        raise InputError(
            f"{folder}: this run was {how} with another {', '.join(changed)}; choose another "
            f"{argument('out')}, or {REPEAT}"
        )


def _read_started(folder: Path) -> dict[str, Any]:
    try:
        made_from = read_json(folder / STARTED)
    except InputError:
        made_from = None
    if not isinstance(made_from, dict):
        raise InputError(f"{folder / STARTED}: damaged; {REPEAT}")
    return made_from


def write_predictions(
    folder: Path,
    probabilities: Iterable[tuple[str, NDArray[np.floating]]],
    name: str = PREDICTIONS,
) -> None:
    """Write tiles' names and probabilities (height, width) as ``predictions.npz``, or ``name``."""
    with atomic_file(folder / name, overwrite=True) as stage:
        write_tile_predictions(stage, probabilities)


class Predictions(TilePredictions):
    """Stored probabilities of a run's test tiles."""

    def __init__(self, folder: Path, name: str = PREDICTIONS) -> None:
        """Open ``predictions.npz`` of a run's folder, or ``name``.

        Raises:
            InputError: it is missing or damaged.
        """
        super().__init__(folder / name, REPEAT)
