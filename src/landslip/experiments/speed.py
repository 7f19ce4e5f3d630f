"""What methods cost: parameters, operations, and inference side by side in one run."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from landslip.core.choices import Split
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.experiments.cache import read_cache
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.results import RunKey
from landslip.experiments.run_folder import MODEL, RECORD, RunJob
from landslip.models.engines.choose import open_engine
from landslip.models.folder import open_model
from landslip.models.networks.build import network_cost
from landslip.models.svm.model import load_svm
from landslip.models.svm.predict import predict_tile

FILE = "costs.json"
_ROUNDS = 5
_TILES = 4

Costs = dict[str, dict[str, float | int | str | None]]
Run = Callable[[], None]


def measure_costs(
    config: ExperimentConfig, jobs: Mapping[RunKey, RunJob], out: Path, tell: Callable[[str], None]
) -> Costs:
    """Measure every method that has a finished cell; take earlier figures where all are the same.

    Each method predicts a few test tiles of its first cell, in rounds: one method after the other
    in each round, so that a machine that is busy for a while is so for all of them. Whole tiles
    are normalised beforehand and predicted in one batch; the SVM's time is that of its spectra.
    """
    chosen = _first_runs(jobs)
    file, measured_on = out / FILE, {name: job.key.slug for name, job in chosen.items()}
    found: Costs | None = read_cache(file, "costs", cells=measured_on)
    if found is not None:
        return found
    tell("speed of inference, side by side ...")
    runs, costs = {}, {}
    for name, job in chosen.items():
        runs[name], costs[name] = _prepared(config, job)
    for name, rate in _rates(runs).items():
        costs[name]["mpix_per_s"] = rate
    file.write_text(json.dumps({"cells": measured_on, "costs": costs}, indent=1) + "\n")
    return costs


def _first_runs(jobs: Mapping[RunKey, RunJob]) -> dict[str, RunJob]:
    """Return the first finished cell of each method that made a model of its own."""
    first: dict[str, RunJob] = {}
    for key, job in jobs.items():
        if key.target is None and (job.out / RECORD).is_file():
            first.setdefault(key.method, job)
    return first


def _prepared(
    config: ExperimentConfig, job: RunJob
) -> tuple[tuple[Run, int], dict[str, float | int | str | None]]:
    """Return what predicts a few tiles, with their pixels, and what is known without running."""
    dataset = TileDataset(job.dataset).with_split(job.splits, job.split_method)
    positions = dataset.positions(Split.TEST)
    shape = dataset.shape(positions[0])
    alike = [at for at in positions if dataset.shape(at) == shape][:_TILES]
    pixels = len(alike) * shape[0] * shape[1]
    if job.svm is not None:
        svm = load_svm(job.out / MODEL)
        tiles = [dataset.tile(at) for at in alike]

        def run_svm() -> None:
            for tile in tiles:
                predict_tile(svm, tile.stored, tile.valid)

        return (run_svm, pixels), {"engine": "svm"}
    model = open_model(job.out / MODEL)
    engine = open_engine(model, config.engine, config.precision)
    normalisation = model.card.normalisation_of(dataset.card.radiometry)
    multiple = model.card.input.multiple
    batch = np.stack([whole_tile(dataset, at, normalisation, multiple) for at in alike])
    cost = network_cost(model.card.architecture)
    facts: dict[str, float | int | str | None] = {
        "engine": f"{engine.name} {engine.precision}",
        "parameters": cost.parameters,
        "gflop_per_tile": cost.gflop_per_tile,
    }

    def run_network() -> None:
        engine.predict(batch)

    return (run_network, pixels), facts


def _rates(runs: Mapping[str, tuple[Run, int]]) -> dict[str, float]:
    """Return the median MPix/s of each, after a round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(_ROUNDS + 1):
        for name, (run, _) in runs.items():
            started = time.monotonic()
            run()
            seconds[name].append(time.monotonic() - started)
    return {
        name: runs[name][1] / 1e6 / statistics.median(taken[1:]) for name, taken in seconds.items()
    }
