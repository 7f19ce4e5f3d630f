"""What a worker is told: one cell, with all that it needs; no torch here."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from landslip.choices import EngineName, Precision, Split
from landslip.experiment.config import SvmConfig
from landslip.experiment.results import CellKey, TileCounts
from landslip.training.recipe import TrainConfig

MODEL, RECORD = "model", "cell.json"
ERRORS, LOCK = "errors.txt", "lock"


class Job(BaseModel):
    """A cell to be run.

    Attributes:
        dataset: folder of the tiles that it is trained and tested on.
        splits: the side of each tile there.
        training: how a network is trained; None for the SVM, or where nothing is trained.
        start: folder of a model to begin from.
        out: folder of the cell; it is made as ``OUT.unfinished`` and renamed in the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: CellKey
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


class Record(BaseModel):
    """``cell.json``: how a finished cell was made; its scores come from its predictions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: CellKey
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


def read_record(folder: Path) -> Record:
    """Read ``cell.json`` of a finished cell."""
    return Record.model_validate_json((folder / RECORD).read_text())
