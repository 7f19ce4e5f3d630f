"""Runs an experiment: makes its data sets, divides them, executes the runs and scores them."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import file_lock, refuse_existing
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import TileDataset
from landslip.experiments.assembly import DATASETS, ExperimentState, assemble
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.divisions import DUPLICATES, divide_all
from landslip.experiments.plan import make_job, plan_runs
from landslip.experiments.results import FILE, Results, RunKey
from landslip.experiments.run_folder import RECORD, RunJob, check_same
from landslip.experiments.sources import prepare_datasets
from landslip.experiments.speed import measure_costs
from landslip.experiments.worker_pool import RunOutcome, WorkerPool

RUNS, LOCK = "cells", ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRequest:
    """What is run, and where to.

    Attributes:
        resume: go on in a folder that an earlier run of the same experiment left.
        jobs: how many cells are run at a time; the cores are shared among them.
        tell: told of each step and cell.
        progress: told of the share of cells that are finished.
    """

    config: ExperimentConfig
    out: Path
    resume: bool = False
    jobs: int = 1
    tell: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise InputError(f"--jobs is at least 1; got {self.jobs}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """Results, which are also in ``results.json``, and the opened data sets for a report's maps."""

    results: Results
    datasets: Mapping[str, TileDataset]


def run_experiment(request: ExperimentRequest) -> ExperimentResult:
    """Run an experiment into a folder; finished cells of an earlier run are left as they are.

    The folder holds ``datasets/``, ``cells/`` (a folder a cell, with its model, predictions and
    ``cell.json``) and ``results.json``. A run that fails is reported in the results and tried again
    when the experiment is resumed.

    Raises:
        OutputExistsError: ``out`` is there and ``resume`` is not set.
        InputError: data sets, divisions or finished cells do not fit the configuration.
    """
    started = time.monotonic()
    config, out = request.config, request.out
    if request.resume:
        _refuse_foreign(out)
    else:
        _refuse_existing(out)
    with _folder_of(out):
        datasets = prepare_datasets(config, out / DATASETS, request.tell)
        divisions = divide_all(config, datasets, out / DUPLICATES, request.tell)
        folds = {pair: len(divided.folds) for pair, divided in divisions.items()}
        keys = plan_runs(config, folds)
        jobs = {key: make_job(config, key, divisions, out / RUNS) for key in keys}
        for job in jobs.values():
            check_same(job)
        outcomes = _execute_runs(request, jobs)
        experiment = ExperimentState(
            out=out,
            config=config,
            datasets=datasets,
            divisions=divisions,
            jobs=jobs,
            outcomes=outcomes,
        )
        costs = measure_costs(config, jobs, out, request.tell)
        request.tell("scores ...")
        seconds = time.monotonic() - started
        results = assemble(experiment, costs, seconds=seconds)
        results.write(out)
    return ExperimentResult(results=results, datasets=datasets)


def _refuse_existing(out: Path) -> None:
    try:
        refuse_existing(out, overwrite=False)
    except OutputExistsError as error:
        raise OutputExistsError(
            f"{out}: already exists; go on with what is there by --resume, or choose another --out"
        ) from error


def _refuse_foreign(out: Path) -> None:
    """Stop where a folder holds something, and nothing that an experiment leaves."""
    if not out.is_dir():
        return
    found = {path.name for path in out.iterdir()}
    if found and not found & {LOCK, DATASETS, DUPLICATES, RUNS, FILE}:
        raise InputError(
            f"{out}: no experiment was begun in this folder, so there is nothing to go on with; "
            "choose another --out"
        )


@contextmanager
def _folder_of(out: Path) -> Iterator[None]:
    """Keep a second run out of a folder, and remove one that was refused while it was empty."""
    try:
        with file_lock(out / LOCK, "this experiment"):
            yield
    finally:
        for folder in (out / DATASETS, out / RUNS, out):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _execute_runs(
    request: ExperimentRequest, jobs: dict[RunKey, RunJob]
) -> dict[RunKey, RunOutcome]:
    """Run what is not finished; return what became of every cell that was tried."""
    waiting = [job for job in jobs.values() if not (job.out / RECORD).is_file()]
    done = len(jobs) - len(waiting)
    request.tell(f"{len(jobs)} cells, {done} of them finished before")
    outcomes: dict[RunKey, RunOutcome] = {}

    def show(share: float) -> None:
        request.progress(done + len(outcomes) + share, len(jobs))

    with WorkerPool(request.jobs, show) as pool:
        for job, outcome in pool.run(waiting):
            outcomes[job.key] = outcome
            line = "" if outcome.problem is None else f": {outcome.problem}"
            request.tell(f"cell {done + len(outcomes)}/{len(jobs)} {job.key.slug}{line}")
            show(0)
    return outcomes
