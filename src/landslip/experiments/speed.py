"""Costs of methods: parameters, operations, and the speed of inference side by side."""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from landslip.core.choices import Split
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.experiments.cache import read_cache, write_cache
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

MethodCosts = dict[str, float | int | str | None]
Costs = dict[str, MethodCosts]


def measure_costs(
    config: ExperimentConfig, jobs: Mapping[RunKey, RunJob], out: Path, log: Callable[[str], None]
) -> Costs:
    """Measure every method with a finished run, unless cached for the same runs.

    Each method predicts a few test tiles of its first run, in rounds: one method after the other in
    each round, so that other load on the machine affects all of them. Whole tiles are normalised
    beforehand and predicted in one batch; the SVM's time is that of its spectra.
    """
    first: dict[str, RunJob] = {}
    for key, job in jobs.items():
        if key.target is None and (job.out / RECORD).is_file():
            first.setdefault(key.method, job)
    measured_on = {"cells": {name: job.key.slug for name, job in first.items()}}
    cached: Costs | None = read_cache(out / FILE, "costs", measured_on)
    if cached is not None:
        return cached
    log("speed of inference, side by side ...")
    predictions: dict[str, tuple[Callable[[], object], int]] = {}
    costs: Costs = {}
    for name, job in first.items():
        predict, pixels, costs[name] = _prepare(config, job)
        predictions[name] = predict, pixels
    seconds: dict[str, list[float]] = {name: [] for name in predictions}
    for _ in range(_ROUNDS + 1):
        for name, (predict, _pixels) in predictions.items():
            before = time.monotonic()
            predict()
            seconds[name].append(time.monotonic() - before)
    for name, taken in seconds.items():  # the first round does not count
        costs[name]["mpix_per_s"] = predictions[name][1] / 1e6 / statistics.median(taken[1:])
    write_cache(out / FILE, "costs", costs, measured_on)
    return costs


def _prepare(
    config: ExperimentConfig, job: RunJob
) -> tuple[Callable[[], object], int, MethodCosts]:
    """Return a function that predicts a few tiles, their pixels, and the costs known already."""
    dataset = TileDataset(job.dataset).with_split(job.splits, job.split_method)
    positions = dataset.positions(Split.TEST)
    shape = dataset.shape(positions[0])
    chosen = [at for at in positions if dataset.shape(at) == shape][:_TILES]
    pixels = len(chosen) * shape[0] * shape[1]
    if job.svm is not None:
        svm = load_svm(job.out / MODEL)
        tiles = [dataset.tile(at) for at in chosen]
        return (
            lambda: [predict_tile(svm, tile.stored, tile.valid) for tile in tiles],
            pixels,
            {"engine": "svm"},
        )
    model = open_model(job.out / MODEL)
    engine = open_engine(model, config.engine, config.precision, job.tta)
    normalisation = model.card.normalisation_of(dataset.card.radiometry, dataset.bands)
    multiple = model.card.input.multiple
    batch = np.stack([whole_tile(dataset, at, normalisation, multiple) for at in chosen])
    cost = network_cost(model.card.architecture)
    costs: MethodCosts = {
        "engine": f"{engine.name} {engine.precision}",
        "parameters": cost.parameters,
        "gflop_per_tile": cost.gflop_per_tile,
    }
    return partial(engine.predict, batch), pixels, costs
