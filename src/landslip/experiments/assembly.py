"""Puts together what cells found: scores of every cell, facts of data sets, splits and methods."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from landslip import __version__
from landslip.core.choices import Arch, Split
from landslip.datasets.format import TileDataset
from landslip.experiments.cache import read_cache
from landslip.experiments.config import DatasetConfig, ExperimentConfig, MethodConfig
from landslip.experiments.divisions import DatasetDivision, Divisions
from landslip.experiments.results import (
    DatasetFacts,
    FoldFacts,
    MethodFacts,
    Results,
    RunFacts,
    RunKey,
    RunScores,
    SplitFacts,
)
from landslip.experiments.run_folder import (
    RECORD,
    Predictions,
    RunJob,
    RunRecord,
    digest_of,
    read_run_record,
)
from landslip.experiments.scoring import score_run
from landslip.experiments.sources import source_notes
from landslip.experiments.speed import Costs
from landslip.experiments.worker_pool import RunOutcome

DATASETS, SCORES = "datasets", "scores"
_SCORING_VERSION = 1  # raised when scores are taken in another way
_PACKAGES = ("torch", "timm", "segmentation-models-pytorch", "scikit-learn", "openvino", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentState:
    """An experiment whose cells have been run."""

    out: Path
    config: ExperimentConfig
    datasets: Mapping[str, TileDataset]
    divisions: Divisions
    jobs: Mapping[RunKey, RunJob]
    outcomes: Mapping[RunKey, RunOutcome]


def assemble(experiment: ExperimentState, costs: Costs, *, seconds: float) -> Results:
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
        cells=tuple(_run_facts(experiment, job) for job in experiment.jobs.values()),
        seconds=round(seconds, 1),
    )


def _run_facts(experiment: ExperimentState, job: RunJob) -> RunFacts:
    digest = digest_of(job.made_from)
    if not (job.out / RECORD).is_file():
        outcome = experiment.outcomes.get(job.key, RunOutcome("it was not run"))
        return RunFacts(key=job.key, state="failed", problem=outcome.problem, digest=digest)
    record = read_run_record(job.out)
    return RunFacts(
        key=job.key,
        digest=digest,
        scores=_scores(experiment, job, record),
        **record.model_dump(exclude={"key", "made_from", "threshold", "engine", "validation"}),
    )


def _scores(experiment: ExperimentState, job: RunJob, record: RunRecord) -> RunScores:
    """Return a cell's scores, from the folder where they were taken in the same way before."""
    boundary_px = experiment.config.boundary_px
    way = [_SCORING_VERSION, boundary_px, digest_of(job.made_from)]
    file = experiment.out / SCORES / f"{job.key.slug}.json"
    kept = read_cache(file, "scores", way=way)
    with suppress(ValidationError):
        return RunScores.model_validate(kept)
    dataset = TileDataset(job.dataset)
    validation = [tile.counts for tile in record.validation] or None
    scores = score_run(dataset, Predictions(job.out), validation, record.threshold, boundary_px)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"way": way, "scores": scores.model_dump(mode="json")}))
    return scores


def _version(package: str) -> str | None:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None


_NOTES = {
    Arch.IMPROVED_UNET: "layer widths and normalisation of the published network are not public",
}
_DIVISIONS = {
    "random": "tiles dealt out at random, as in the paper; neighbours may stand on both sides",
    "groups": "tiles dealt out by group, so that a group is never on both sides",
    "blocks": "ground dealt out in blocks with a buffer; a landslide is never on both sides",
    "scene": "a whole scene held out",
    "event": "a whole event held out",
}


def dataset_facts(
    name: str, config: DatasetConfig, dataset: TileDataset, noticed: tuple[str, ...]
) -> DatasetFacts:
    """Tell of a data set; ``noticed`` is what was noticed while it was made."""
    card, index = dataset.card, dataset.index
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
        scenes=_distinct(index.get("scene")) if config.pairs is None else (),
        events=_distinct(index.get("event")) or (config.event or name,),
        notes=noticed,
    )


def _distinct(column: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in column or ()}))


def split_facts(dataset: str, split: str, divided: DatasetDivision) -> SplitFacts:
    """Tell of a division and its folds."""
    method = divided.config.method
    folds = tuple(
        FoldFacts(
            sha256=divided.digest(at),
            tiles={side.value: fold.splits.count(side) for side in Split},
            notes=fold.notes,
        )
        for at, fold in enumerate(divided.folds)
    )
    return SplitFacts(
        dataset=dataset,
        split=split,
        method=method,
        description=_DIVISIONS[method],
        folds=folds,
    )


def method_facts(name: str, config: ExperimentConfig, costs: Costs) -> MethodFacts:
    """Tell of a method and of what it costs."""
    method: MethodConfig = config.methods[name]
    training = config.train_config(name, 0)
    known = {
        key: value for key, value in costs.get(name, {}).items() if key in MethodFacts.model_fields
    }
    if training is None:
        svm = method.svm
        note = (
            f"Gaussian kernel, C = {svm.c:g}, gamma {svm.gamma}, {svm.pixels_per_class} pixels of "
            "each class"
        )
        return MethodFacts.model_validate(
            {"label": config.label_of(name), "arch": "svm", "notes": (note,), **known}
        )
    has_encoder = training.arch is not Arch.IMPROVED_UNET
    transferred = has_encoder and training.encoder_weights != "none"
    return MethodFacts.model_validate(
        {
            "label": config.label_of(name),
            "arch": training.arch.value,
            "encoder": training.encoder if has_encoder else None,
            "transferred": transferred,
            "weights": Path(training.encoder_weights).name if transferred else None,
            "first_layer": training.first_layer.value,
            "notes": (_NOTES[training.arch],) if training.arch in _NOTES else (),
            **known,
        }
    )


def machine() -> str:
    """Describe processor, cores and memory in a line."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()}"


def commit() -> str | None:
    """Return the commit of the code, ``+`` after it where files differ; None outside a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        found = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "src")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{found}+" if changed else found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", "-C", str(root), *words],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()
