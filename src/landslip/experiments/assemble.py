"""Puts together what cells found: scores of every cell, facts of data sets, splits and methods."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from landslip import __version__
from landslip.datasets.format import TileDataset
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.divide import Divisions
from landslip.experiments.facts import dataset_facts, method_facts, split_facts
from landslip.experiments.job import RECORD, Job, Record, digest_of, read_record
from landslip.experiments.kept import read_kept
from landslip.experiments.machine import commit, machine
from landslip.experiments.pool import Outcome
from landslip.experiments.predictions import Predictions
from landslip.experiments.results import CellFacts, CellKey, CellScores, Results
from landslip.experiments.scoring import score_cell
from landslip.experiments.sources import source_notes
from landslip.experiments.speed import Costs

DATASETS, SCORES = "datasets", "scores"
_SCORING = 1  # raised when scores are taken in another way
_PACKAGES = ("torch", "timm", "segmentation-models-pytorch", "scikit-learn", "openvino", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment whose cells have been run."""

    out: Path
    config: ExperimentConfig
    datasets: Mapping[str, TileDataset]
    divisions: Divisions
    jobs: Mapping[CellKey, Job]
    outcomes: Mapping[CellKey, Outcome]


def assemble(experiment: Experiment, costs: Costs, *, seconds: float) -> Results:
    """Score every finished cell, where that is not done yet, and return all results."""
    config = experiment.config

    def noticed(name: str) -> tuple[str, ...]:
        return source_notes(experiment.out / DATASETS, name)

    return Results(
        name=config.name,
        description=config.description,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=__version__,
        commit=commit(),
        machine=machine(),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
        config=config.model_dump(mode="json"),
        seeds=config.seeds,
        reference=config.reference_method,
        datasets={
            name: dataset_facts(name, config.datasets[name], dataset, noticed(name))
            for name, dataset in experiment.datasets.items()
        },
        splits=tuple(
            split_facts(dataset, split, divided)
            for (dataset, split), divided in experiment.divisions.items()
        ),
        methods={name: method_facts(name, config, costs) for name in config.methods},
        cells=tuple(_cell_facts(experiment, job) for job in experiment.jobs.values()),
        seconds=round(seconds, 1),
    )


def _cell_facts(experiment: Experiment, job: Job) -> CellFacts:
    digest = digest_of(job.made_from)
    if not (job.out / RECORD).is_file():
        outcome = experiment.outcomes.get(job.key, Outcome("it was not run"))
        return CellFacts(key=job.key, state="failed", problem=outcome.problem, digest=digest)
    record = read_record(job.out)
    return CellFacts(
        key=job.key,
        digest=digest,
        scores=_scores(experiment, job, record),
        **record.model_dump(exclude={"key", "made_from", "threshold", "engine", "validation"}),
    )


def _scores(experiment: Experiment, job: Job, record: Record) -> CellScores:
    """Return a cell's scores, from the folder where they were taken in the same way before."""
    boundary_px = experiment.config.boundary_px
    way = [_SCORING, boundary_px, digest_of(job.made_from)]
    file = experiment.out / SCORES / f"{job.key.slug}.json"
    kept = read_kept(file, "scores", way=way)
    with suppress(ValidationError):
        return CellScores.model_validate(kept)
    dataset = TileDataset(job.dataset)
    validation = [tile.counts for tile in record.validation] or None
    scores = score_cell(dataset, Predictions(job.out), validation, record.threshold, boundary_px)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"way": way, "scores": scores.model_dump(mode="json")}))
    return scores


def _version(package: str) -> str | None:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None
