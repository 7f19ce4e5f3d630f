"""Assembles the results of an experiment: scores of its runs, facts of datasets and methods."""

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from landslip import __version__
from landslip.core.choices import Arch, Split
from landslip.datasets.format import TileDataset, position_prior
from landslip.datasets.splits.tile_groups import TileGroups
from landslip.experiments.cache import read_cache, write_cache
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.deviations import paper_deviations
from landslip.experiments.divisions import DatasetDivision, Divisions, transfer_split
from landslip.experiments.mean_mask import MEAN_MASK, score_mean_mask
from landslip.experiments.results import (
    DatasetFacts,
    FoldFacts,
    MethodFacts,
    Results,
    RunFacts,
    RunKey,
    RunScores,
    SplitFacts,
    TileCounts,
)
from landslip.experiments.run_folder import (
    OFF_CENTRE,
    RECORD,
    Predictions,
    RunJob,
    digest_of,
    read_run_record,
)
from landslip.experiments.scoring import score_off_centre, score_run
from landslip.experiments.selection import pooled_selection
from landslip.experiments.sources import source_notes
from landslip.experiments.speed import Costs

DATASETS, SCORES = "datasets", "scores"
_SCORING_VERSION = 4  # to be raised when scores are computed in another way
_PACKAGES = ("torch", "timm", "segmentation-models-pytorch", "scikit-learn", "openvino", "numpy")
_UNET_NOTE = "layer widths and normalisation of the published network are not public"
_DIVISIONS = {
    "random": "tiles assigned at random, as in the paper; neighbours may be in different splits",
    "groups": "tiles assigned by group; a group is never divided",
    "blocks": "tiles assigned by block, with a buffer; no landslide is in two splits",
    "scene": "a whole scene held out",
    "event": "a whole event held out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentState:
    """An experiment whose runs have been executed."""

    out: Path
    config: ExperimentConfig
    datasets: Mapping[str, TileDataset]
    divisions: Divisions
    jobs: Mapping[RunKey, RunJob]
    problems: Mapping[RunKey, str | None]


def assemble(experiment: ExperimentState, costs: Costs, *, seconds: float) -> Results:
    """Score every finished run that has no scores yet, and return all results."""
    config = experiment.config
    datasets = {name: _dataset_facts(experiment, name) for name in experiment.datasets}
    runs = tuple(_run_facts(experiment, job) for job in experiment.jobs.values())
    packages = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            packages[package] = version(package).split("+")[0]
    return Results(
        name=config.name,
        description=config.description,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=__version__,
        commit=commit(),
        machine=machine(),
        packages=packages,
        config=config.model_dump(mode="json"),
        seeds=config.seeds,
        reference=config.reference_method,
        datasets=datasets,
        splits=tuple(
            _split_facts(dataset, split, division)
            for (dataset, split), division in experiment.divisions.items()
        ),
        methods={name: _method_facts(name, config, costs) for name in config.methods},
        cells=runs,
        baselines=tuple(_baselines(experiment, runs)),
        deviations=paper_deviations(config, datasets),
        seconds=round(seconds, 1),
    )


def _run_facts(experiment: ExperimentState, job: RunJob) -> RunFacts:
    """Return a run's facts and scores, cached where they were computed in the same way."""
    digest = digest_of(job.made_from)
    if not (job.out / RECORD).is_file():
        problem = experiment.problems.get(job.key, "it was not run")
        return RunFacts(key=job.key, state="failed", problem=problem, digest=digest)
    record = read_run_record(job.out)
    boundary_px = experiment.config.boundary_px
    threshold, validation = record.threshold, record.validation
    way: list[object] = [_SCORING_VERSION, boundary_px, digest]
    if experiment.config.splits[job.key.split].select == "pooled" and job.key.target is None:
        pooled = pooled_selection(job, list(experiment.jobs.values()))
        threshold, validation = pooled.threshold, pooled.validation
        way.append(threshold)
    has_off_centre = job.off_centre and (job.out / OFF_CENTRE).is_file()
    measured_on = {"way": [*way, has_off_centre]}
    file = experiment.out / SCORES / f"{job.key.slug}.json"
    try:
        scores = RunScores.model_validate(read_cache(file, "scores", measured_on))
    except ValidationError:
        dataset = TileDataset(job.dataset)
        predictions = Predictions(job.out)
        validated = _with_groups(experiment, job.key, validation)
        scores = score_run(dataset, predictions, validated, threshold, boundary_px)
        if has_off_centre:
            divided = dataset.with_split(job.splits, job.split_method)
            moved = Predictions(job.out, OFF_CENTRE)
            off_centre = score_off_centre(divided, predictions, moved, threshold)
            scores = scores.model_copy(update={"off_centre": off_centre})
        write_cache(file, "scores", scores.model_dump(mode="json"), measured_on, indent=None)
    return RunFacts(
        key=job.key,
        digest=digest,
        scores=_scores_with_groups(experiment, job.key, scores),
        **record.model_dump(
            exclude={"key", "made_from", "threshold", "engine", "tta", "validation"}
        ),
    )


def _scores_with_groups(experiment: ExperimentState, key: RunKey, scores: RunScores) -> RunScores:
    """Return scores whose test tiles have their groups."""
    moved = scores.off_centre
    if moved is not None:
        centred, off_centre = (
            _with_groups(experiment, key, tiles) for tiles in (moved.centred, moved.off_centre)
        )
        moved = moved.model_copy(update={"centred": centred, "off_centre": off_centre})
    tiles = _with_groups(experiment, key, scores.tiles)
    return scores.model_copy(update={"tiles": tiles, "off_centre": moved})


def _with_groups(
    experiment: ExperimentState, key: RunKey, tiles: tuple[TileCounts, ...]
) -> tuple[TileCounts, ...]:
    """Return tiles of the dataset that a run is tested on, with their groups."""
    name = key.target or key.dataset
    groups = _groups_of(experiment, name)
    if groups is None:
        raise ValueError(f"data set {name} has a run and no division")
    group_of = dict(zip(experiment.datasets[name].tile_ids, groups.names, strict=True))
    return tuple(tile.model_copy(update={"group": group_of[tile.tile_id]}) for tile in tiles)


def _groups_of(experiment: ExperimentState, dataset: str) -> TileGroups | None:
    """Return the groups of a dataset's tiles; None where no run needs it."""
    divisions = experiment.divisions.items()
    return next((one.groups for (name, _), one in divisions if name == dataset), None)


def _baselines(experiment: ExperimentState, runs: Iterable[RunFacts]) -> Iterator[RunFacts]:
    """Yield the mean mask on each fold, and target, that a finished run was tested on.

    It is fitted to all training tiles, once: it has the first seed.
    """
    whole = {"method": MEAN_MASK, "seed": experiment.config.seeds[0]}
    keys = {
        run.key.model_copy(update=whole): None
        for run in runs
        if run.state == "done" and run.key.train_tiles is None and not run.key.tune_tiles
    }
    for key in keys:
        division = experiment.divisions[key.dataset, key.split]
        fold = division.folds[key.fold]
        fitted = tested = division.dataset.with_split(fold.splits, division.config.method)
        if key.target is not None:
            transfer = next(
                one
                for one in experiment.config.transfers
                if (one.source, one.split, one.target) == (key.dataset, key.split, key.target)
            )
            target = experiment.divisions[key.target, transfer_split(transfer.folds)]
            splits = target.folds[key.target_fold].splits
            tested = target.dataset.with_split(splits, target.config.method)
        boundary_px = experiment.config.boundary_px
        pixels = [one.card.pixels_sha256 for one in (fitted, tested)]
        splits_of = [one.card.split_sha256 for one in (fitted, tested)]
        digest = digest_of({"pixels": pixels, "divisions": splits_of})
        measured_on = {"way": [_SCORING_VERSION, boundary_px, digest]}
        file = experiment.out / SCORES / f"{key.slug.replace(' ', '_')}.json"
        scores: RunScores | None
        try:
            scores = RunScores.model_validate(read_cache(file, "scores", measured_on))
        except ValidationError:
            scores = score_mean_mask(fitted, tested, boundary_px)
            if scores is None:
                continue
            stored = scores.model_dump(mode="json")
            write_cache(file, "scores", stored, measured_on, indent=None)
        yield RunFacts(
            key=key,
            digest=digest,
            split_sha256=tested.card.split_sha256,
            trained_on=len(fitted.positions(Split.TRAIN)),
            validated_on=len(fitted.positions(Split.VALIDATION)),
            scores=_scores_with_groups(experiment, key, scores),
        )


def _dataset_facts(experiment: ExperimentState, name: str) -> DatasetFacts:
    dataset, config = experiment.datasets[name], experiment.config.datasets[name]

    def distinct(column: str) -> tuple[str, ...]:
        return tuple(sorted({str(value) for value in dataset.index.get(column) or ()}))

    card, groups = dataset.card, _groups_of(experiment, name)
    return DatasetFacts(
        title=config.title or name,
        source=card.source,
        tiles=len(dataset),
        tile_size=card.tile_size,
        bands=card.bands,
        units=card.units,
        resolution_m=card.resolution_m,
        landslide_share=card.landslide_share,
        pixels_sha256=card.pixels_sha256,
        position_prior=position_prior(dataset),
        tile_groups=None if groups is None else groups.kind,
        scenes=distinct("scene") if config.pairs is None else (),
        events=distinct("event") or (config.event or name,),
        notes=source_notes(experiment.out / DATASETS, name),
    )


def _split_facts(dataset: str, split: str, division: DatasetDivision) -> SplitFacts:
    config = division.config
    description, within = _DIVISIONS[config.method], config.selection_folds
    if within > 1:
        description += f"; epoch and threshold chosen by {within} folds of the training tiles"
    folds = tuple(
        FoldFacts(
            sha256=division.digest(at),
            tiles={side.value: fold.splits.count(side) for side in Split},
            notes=fold.notes,
        )
        for at, fold in enumerate(division.folds)
    )
    return SplitFacts(
        dataset=dataset, split=split, method=config.method, description=description, folds=folds
    )


def _method_facts(name: str, config: ExperimentConfig, costs: Costs) -> MethodFacts:
    facts = {
        key: value for key, value in costs.get(name, {}).items() if key in MethodFacts.model_fields
    } | {"label": config.label_of(name)}
    training = config.train_config(name, 0)
    if training is None:
        svm = config.methods[name].svm
        note = (
            f"Gaussian kernel, C = {svm.c:g}, gamma {svm.gamma}, {svm.pixels_per_class} pixels of "
            "each class"
        )
        return MethodFacts.model_validate(facts | {"arch": "svm", "notes": (note,)})
    has_encoder = training.arch is not Arch.IMPROVED_UNET
    transferred = has_encoder and training.encoder_weights != "none"
    return MethodFacts.model_validate(
        facts
        | {
            "arch": training.arch.value,
            "encoder": training.encoder if has_encoder else None,
            "transferred": transferred,
            "weights": Path(training.encoder_weights).name if transferred else None,
            "first_layer": training.first_layer.value,
            "tta": config.methods[name].tta,
            "notes": () if has_encoder else (_UNET_NOTE,),
        }
    )


def machine() -> str:
    """Describe processor, cores and memory in a line."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = named[0] if named else platform.machine()
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{processor}, {cores} cores, {memory:.0f} GiB, {platform.system()}"


def commit() -> str | None:
    """Return the commit of the code, followed by ``+`` if modified; None outside a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None

    def git(*words: str) -> str:
        result = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return result.stdout.strip()

    try:
        head = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "src")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}+" if changed else head
