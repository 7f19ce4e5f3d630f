"""What a worker is told: one cell, with all that it needs; no torch here.

A cell's probabilities of its test tiles, kept on disk so that scores can be taken anew.

Probabilities are stored in steps of 1 / 65536, rounded down: a threshold that is a multiple of it,
one half above all, divides the pixels exactly as before.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from landslip.core.choices import EngineName, Precision, Split
from landslip.core.errors import InputError
from landslip.core.records import StrictModel
from landslip.experiments.config import SvmConfig
from landslip.experiments.results import RunKey, TileCounts
from landslip.models.training.recipe import TrainConfig

MODEL, TRAINING, RECORD = "model", "model.training", "cell.json"
ERRORS, LOCK, BEGUN = "errors.txt", "lock", "begun.json"


class RunJob(StrictModel):
    """A cell to be run.

    Attributes:
        dataset: folder of the tiles that it is trained and tested on.
        splits: the side of each tile there.
        training: how a network is trained; None for the SVM, or where nothing is trained.
        start: folder of a model to begin from.
        out: folder of the cell; it is made as ``OUT.unfinished`` and renamed in the end.
    """

    key: RunKey
    dataset: Path
    splits: tuple[Split, ...]
    split_method: str
    training: TrainConfig | None = None
    svm: SvmConfig | None = None
    start: Path | None = None
    engine: EngineName = EngineName.AUTO
    precision: Precision = Precision.FP32
    threads: int = 1
    out: Path
    made_from: dict[str, Any] = Field(description="decides whether a finished cell is this one")

    @property
    def unfinished(self) -> Path:
        """Where the cell is made."""
        return self.out.with_name(f"{self.out.name}.unfinished")


class RunRecord(StrictModel):
    """``cell.json``: how a finished cell was made; its scores come from its predictions."""

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
    validation: tuple[TileCounts, ...] = ()


def digest_of(made_from: dict[str, Any]) -> str:
    """Return a digest of what a cell was made from."""
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def read_run_record(folder: Path) -> RunRecord:
    """Read ``cell.json`` of a finished cell.

    Raises:
        InputError: it is damaged.
    """
    try:
        return RunRecord.model_validate_json((folder / RECORD).read_text())
    except (UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"{folder / RECORD}: damaged; remove the folder to have the cell made again"
        ) from error


def begin(job: RunJob) -> None:
    """Write down what a cell is made from, before anything of it is made.

    What a failed try with other settings left is removed.
    """
    job.unfinished.mkdir(parents=True, exist_ok=True)
    if (job.unfinished / BEGUN).is_file() and _begun(job.unfinished / BEGUN) != job.made_from:
        for folder in (MODEL, TRAINING):
            shutil.rmtree(job.unfinished / folder, ignore_errors=True)
    stage = job.unfinished / f"{BEGUN}.partial"
    stage.write_text(json.dumps(job.made_from))
    stage.replace(job.unfinished / BEGUN)


def check_same(job: RunJob) -> None:
    """Refuse a cell that was made from anything else than what is asked for now.

    One that is not finished counts as soon as there are weights of it: before, settings that did
    not work can be mended.

    Raises:
        InputError: it names what is another, or the folder is no cell.
    """
    if job.out.exists():
        if not (job.out / RECORD).is_file():
            raise InputError(
                f"{job.out}: not a finished cell, there is no {RECORD} in it; remove the folder to "
                "have the cell made again"
            )
        _refuse_changed(job.out, "made", read_run_record(job.out).made_from, job.made_from)
    elif (job.unfinished / BEGUN).is_file() and _has_weights(job.unfinished):
        _refuse_changed(job.unfinished, "begun", _begun(job.unfinished / BEGUN), job.made_from)


def _has_weights(unfinished: Path) -> bool:
    checkpoints = (unfinished / TRAINING).rglob("*.ckpt")
    return (unfinished / MODEL).is_dir() or next(checkpoints, None) is not None


def _begun(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{file}: damaged; remove the folder to have the cell made again")
    return found


def _refuse_changed(folder: Path, how: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if changed:
        raise InputError(
            f"{folder}: this cell was {how} with another {', '.join(changed)}; choose another "
            "--out, or remove the folder to have it made again"
        )


PREDICTIONS = "predictions.npz"
_STEPS = 65536


def quantise(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return probabilities in whole steps, rounded down."""
    return np.clip(np.floor(probability * np.float64(_STEPS)), 0, _STEPS - 1).astype(np.uint16)


class PredictionsWriter:
    """Collects probabilities by tile and writes them as one file."""

    def __init__(self) -> None:
        """Start with no tile."""
        self._tiles: dict[str, NDArray[np.uint16]] = {}

    def add(self, tile_id: str, probability: NDArray[np.floating]) -> None:
        """Keep a tile's probability (height, width)."""
        self._tiles[tile_id] = quantise(probability)

    def write(self, folder: Path) -> None:
        """Write ``predictions.npz`` into a folder."""
        names = np.array(list(self._tiles))
        tiles = {f"tile_{at}": tile for at, tile in enumerate(self._tiles.values())}
        with (folder / PREDICTIONS).open("wb") as file:
            np.savez_compressed(file, tile_ids=names, **tiles)  # type: ignore[arg-type]


class Predictions:
    """Probabilities read back, by tile."""

    def __init__(self, folder: Path) -> None:
        """Open ``predictions.npz`` of a folder.

        Raises:
            InputError: it is missing or damaged.
        """
        try:
            with (
                (folder / PREDICTIONS).open("rb") as file,
                np.load(file, allow_pickle=False) as stored,
            ):
                names = [str(name) for name in stored["tile_ids"]]
                self._tiles = {name: stored[f"tile_{at}"] for at, name in enumerate(names)}
        except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as error:
            raise InputError(
                f"{folder / PREDICTIONS}: missing or damaged; remove the folder to have the cell "
                "made again"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._tiles)

    def __len__(self) -> int:
        return len(self._tiles)

    def probability(self, tile_id: str) -> NDArray[np.float32]:
        """Return a tile's probability (height, width), on the lower edge of its step."""
        lower: NDArray[np.float32] = self._tiles[tile_id].astype(np.float32) / np.float32(_STEPS)
        return lower
