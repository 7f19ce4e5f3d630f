"""Runs an experiment: makes its datasets, divides them, executes the runs and scores them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError, OutputExistsError, argument
from landslip.core.files import file_lock, refuse_existing
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import TileDataset, position_prior
from landslip.experiments.assembly import DATASETS, ExperimentState, assemble
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.divisions import DUPLICATES, divide_all
from landslip.experiments.plan import make_job, plan_runs
from landslip.experiments.results import FILE, Results, RunKey
from landslip.experiments.run_folder import RECORD, RunJob, refuse_changed_run
from landslip.experiments.sources import prepare_datasets
from landslip.experiments.speed import measure_costs
from landslip.experiments.worker_pool import RunWorkerPool
from landslip.models.networks.weights_download import check_network

RUNS, LOCK = "cells", ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRequest:
    """An experiment and its output folder.

    ``resume`` continues in the folder of an earlier call. ``jobs`` runs at a time share the cores.
    ``progress`` gets the number of finished runs, parts of runs included.
    """

    config: ExperimentConfig
    out: Path
    resume: bool = False
    jobs: int = 1
    log: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise InputError(f"{argument('jobs')} is at least 1; got {self.jobs}")


def run_experiment(request: ExperimentRequest) -> tuple[Results, dict[str, TileDataset]]:
    """Run an experiment into a folder; finished runs of an earlier call are not repeated.

    Returns results, which are also in ``results.json``, and the datasets for a report's maps. The
    folder holds ``datasets/``, ``cells/`` (a folder for each run, with its model, predictions
    and ``cell.json``) and ``results.json``. A failed run is part of the results, and is repeated
    when the experiment is resumed.

    Raises:
        OutputExistsError: ``out`` exists and ``resume`` is not set.
        InputError: datasets, divisions or finished runs do not fit the configuration.
    """
    started = time.monotonic()
    config, out, log = request.config, request.out, request.log
    if not request.resume:
        try:
            refuse_existing(out, overwrite=False)
        except OutputExistsError as error:
            raise OutputExistsError(
                f"{out}: already exists; pass {argument('resume', True)} to continue what is "
                f"there, or choose another {argument('out')}"
            ) from error
    elif out.is_dir():
        names = {path.name for path in out.iterdir()}
        if names and not names & {LOCK, DATASETS, DUPLICATES, RUNS, FILE}:
            raise InputError(
                f"{out}: not the folder of an experiment, so there is nothing to resume; choose "
                f"another {argument('out')}"
            )
    with _locked_folder(out):
        datasets = prepare_datasets(config, out / DATASETS, log)
        divisions = divide_all(config, datasets, out / DUPLICATES, log)
        folds = {pair: len(division.folds) for pair, division in divisions.items()}
        keys = plan_runs(config, folds)
        centred = {name for name, dataset in datasets.items() if _is_centred(dataset)}
        jobs = {key: make_job(config, key, divisions, out / RUNS) for key in keys}
        jobs = {
            key: job.model_copy(update={"off_centre": True})
            if job.svm is None and (key.target or key.dataset) in centred
            else job
            for key, job in jobs.items()
        }
        for job in jobs.values():
            refuse_changed_run(job)
        problems = _execute_runs(request, jobs)
        costs = measure_costs(config, jobs, out, log)
        log("scores ...")
        state = ExperimentState(
            out=out,
            config=config,
            datasets=datasets,
            divisions=divisions,
            jobs=jobs,
            problems=problems,
        )
        results = assemble(state, costs, seconds=time.monotonic() - started)
        results.write(out)
    return results, datasets


def _is_centred(dataset: TileDataset) -> bool:
    """Whether landslides have so much the same place in tiles that off-centre scores are needed."""
    prior = position_prior(dataset)
    return prior is not None and prior.is_strong


@contextmanager
def _locked_folder(out: Path) -> Iterator[None]:
    """Lock a folder against a second call, and remove it if it is still empty in the end."""
    try:
        with file_lock(out / LOCK, "this experiment"):
            yield
    finally:
        for folder in (out / DATASETS, out / RUNS, out):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _execute_runs(
    request: ExperimentRequest, jobs: dict[RunKey, RunJob]
) -> dict[RunKey, str | None]:
    """Execute unfinished runs, and return why they failed."""
    waiting = [
        job for job in jobs.values() if not (job.out / RECORD).is_file() or job.lacks_off_centre
    ]
    for encoder in {
        job.training.encoder for job in waiting if job.training and job.training.downloads_weights
    }:
        check_network(encoder)
    done = len(jobs) - len(waiting)
    request.log(f"{len(jobs)} runs, {done} of them finished before")
    problems: dict[RunKey, str | None] = {}

    def report(fraction: float) -> None:
        request.progress(done + len(problems) + fraction, len(jobs))

    with RunWorkerPool(request.jobs, report) as pool:
        for job, problem in pool.execute(waiting):
            problems[job.key] = problem
            ending = "" if problem is None else f": {problem}"
            request.log(f"run {done + len(problems)}/{len(jobs)} {job.key.slug}{ending}")
            report(0)
    return problems
