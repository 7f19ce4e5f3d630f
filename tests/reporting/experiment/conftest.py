"""Synthetic experiments: every figure is drawn from what the test asks for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.experiments import run_folder
from landslip.experiments.results import (
    AdjustedArea,
    BoundaryScores,
    DatasetFacts,
    FoldFacts,
    MethodFacts,
    ObjectScores,
    ProbabilityHistogram,
    Results,
    RunFacts,
    RunKey,
    RunScores,
    SizeClassScores,
    SplitFacts,
    TileCounts,
)
from landslip.reporting.experiment.summary import ExperimentSummary

TILE_LANDSLIDE_PX, TILE_PX = 1000, 10_000
BINS = 200


@dataclass
class FakeExperiment:
    """An experiment that is added to cell by cell; `results` gives the whole."""

    reference: str = "ours"
    datasets: dict[str, DatasetFacts] = field(default_factory=dict)
    methods: dict[str, MethodFacts] = field(default_factory=dict)
    splits: dict[tuple[str, str], SplitFacts] = field(default_factory=dict)
    cells: list[RunFacts] = field(default_factory=list)

    def dataset(self, name: str, *, title: str | None = None, **more: object) -> None:
        facts = {
            "title": title or name,
            "source": "made up",
            "tiles": 40,
            "tile_size": 100,
            "bands": ("red", "green", "blue", "nir"),
            "units": "reflectance",
            "resolution_m": 2.0,
            "landslide_share": 0.1,
            "pixels_sha256": "ab" * 32,
        }
        self.datasets[name] = DatasetFacts.model_validate(facts | more)

    def split(self, dataset: str, name: str, method: str) -> None:
        if dataset not in self.datasets:
            self.dataset(dataset)
        fold = FoldFacts(sha256="cd" * 32, tiles={"train": 30, "val": 2, "test": 8})
        self.splits[dataset, name] = SplitFacts(
            dataset=dataset,
            split=name,
            method=method,
            description=f"Tiles divided by {method}.",
            folds=(fold,),
        )

    def method(self, name: str, arch: str = "linknet", **more: object) -> None:
        facts = {"label": name, "arch": arch, "parameters": 31_000_000, "gflop_per_tile": 14.6}
        self.methods[name] = MethodFacts.model_validate(facts | {"mpix_per_s": 1.5} | more)

    def add(
        self,
        method: str,
        f1: float,
        *,
        dataset: str = "valley",
        split: str = "groups",
        split_method: str = "groups",
        seeds: tuple[int, ...] = (0, 1, 2),
        tiles: int = 40,
        noise: float = 0.03,
        **key: object,
    ) -> None:
        """Add a cell a seed whose tiles have precision, recall and F1 near ``f1``."""
        if (dataset, split) not in self.splits:
            self.split(dataset, split, split_method)
        if method not in self.methods:
            self.method(method)
        for seed in seeds:
            facts = {"dataset": dataset, "split": split, "method": method, "seed": seed}
            cell = RunKey.model_validate(facts | key)
            self.cells.append(_cell(cell, f1, tiles, noise))

    def fail(
        self, method: str, problem: str = "the machine ran out of memory", seed: int = 0
    ) -> None:
        if method not in self.methods:
            self.method(method)
        if ("valley", "groups") not in self.splits:
            self.split("valley", "groups", "groups")
        key = RunKey(dataset="valley", split="groups", method=method, seed=seed)
        self.cells.append(RunFacts(key=key, state="failed", problem=problem, digest="00"))

    def results(self) -> Results:
        return Results(
            name="synthetic",
            description="Figures that were made up.",
            created="2026-11-22T12:00:00Z",
            code_version="0.1.0",
            commit="0123456789abcdef",
            machine="2 cores",
            packages={"torch": "2.15", "scikit-learn": "1.9"},
            config={"name": "synthetic"},
            seeds=tuple(sorted({cell.key.seed for cell in self.cells})),
            reference=self.reference,
            datasets=self.datasets,
            splits=tuple(self.splits.values()),
            methods=self.methods,
            cells=tuple(self.cells),
            seconds=4000.0,
        )


def _cell(key: RunKey, f1: float, tiles: int, noise: float) -> RunFacts:
    entropy = np.frombuffer(key.slug.encode(), np.uint8)
    generator = np.random.default_rng([int(byte) for byte in entropy])
    shares = np.clip(f1 + noise * generator.standard_normal(tiles), 0, 1)
    return RunFacts(
        key=key,
        digest="ef" * 32,
        split_sha256="cd" * 32,
        trained_on=key.train_tiles or 180,
        validated_on=2,
        epoch=17,
        epochs=30,
        train_seconds=100.0 + 10 * key.seed,
        threads=2,
        device="cpu",
        precision="fp32",
        scores=_scores(shares, f1),
    )


def _scores(shares: NDArray[np.float64], f1: float) -> RunScores:
    counts = []
    for at, share in enumerate(shares):
        tp = round(TILE_LANDSLIDE_PX * share)
        wrong = TILE_LANDSLIDE_PX - tp
        counts.append(
            TileCounts(tile_id=f"t{at:02d}", tp=tp, fp=wrong, fn=wrong, tn=TILE_PX - 2 * wrong - tp)
        )
    return RunScores(
        threshold=0.5,
        tiles=tuple(counts),
        objects=ObjectScores(
            by_size=(
                SizeClassScores(
                    at_least_px=1, under_px=100, landslides=50, detected=round(40 * f1)
                ),
                SizeClassScores(
                    at_least_px=100, under_px=None, landslides=20, detected=round(20 * f1)
                ),
            ),
            found=60,
            false=round(60 * (1 - f1)),
            searched_px=len(shares) * TILE_PX,
            searched_km2=len(shares) * TILE_PX * 4 / 1e6,
        ),
        boundary=BoundaryScores(
            tolerance_px=2,
            found=1000,
            found_near=round(1000 * f1),
            known=1000,
            known_near=round(1000 * f1),
        ),
        curves=fake_curves(f1),
        area=AdjustedArea(
            mapped_share=0.1,
            adjusted_share=0.11,
            standard_error=0.004,
            reference_share=0.105,
            rates_share=0.104,
            rates_error=0.006,
        ),
    )


def fake_curves(f1: float) -> ProbabilityHistogram:
    """Pixels by probability: a share ``f1`` of landslides is found, and as many others wrong."""
    middles = (np.arange(BINS) + 0.5) / BINS
    found, missed = np.exp(-(1 - middles) / 0.12), np.exp(-middles / 0.35)
    upper, lower = found / found.sum(), missed / missed.sum()
    landslide = 40_000 * (f1 * upper + (1 - f1) * lower)
    other = 40_000 * (1 - f1) * upper + (360_000 - 40_000 * (1 - f1)) * lower**2 / (lower**2).sum()
    return ProbabilityHistogram(
        landslide=tuple(int(number) for number in landslide),
        other=tuple(int(number) for number in other),
        mean_probability=tuple(float(middle) for middle in middles),
    )


def whole_experiment() -> FakeExperiment:
    """Everything that a report can show."""
    fake = FakeExperiment(reference="linknet-r50")
    encoders = {"resnet18": 0.80, "resnet34": 0.815, "resnet50": 0.83, "resnet101": 0.828}
    for encoder in encoders:
        short = encoder.replace("resnet", "r")
        label = f"LinkNet, {encoder.replace('resnet', 'ResNet-')}"
        fake.method(f"linknet-{short}", encoder=encoder, transferred=True, label=label)
        fake.method(f"scratch-{short}", encoder=encoder, label=f"{label}, not transferred")
        fake.method("albunet", "albunet", encoder="resnet34", transferred=True, label="AlbuNet")
    fake.method(
        "unet", "improved-unet", label="Improved U-Net", notes=("Its widths are not public.",)
    )
    fake.method(
        "unetpp", "unetplusplus", encoder="resnet50", transferred=True, label="UNet++, ResNet-50"
    )
    fake.method("svm", "svm", label="SVM", parameters=None, gflop_per_tile=None, mpix_per_s=0.4)
    fake.dataset("valley", title="Valley, 2 m, 4 bands", events=("quake",))
    fake.dataset("bijie", title="Bijie", bands=("red", "green", "blue"), units="dn")
    fake.dataset("tianshui", title="Tianshui", resolution_m=None)
    others = {"albunet": 0.815, "unet": 0.78, "unetpp": 0.84, "svm": 0.55}
    for dataset, lower in (("valley", 0.0), ("bijie", 0.02)):
        more: dict[str, Any]
        for split, method, gain in (("random", "random", 0.02), ("groups", "groups", 0.0)):
            more = {"dataset": dataset, "split": split, "split_method": method}
            for encoder, f1 in encoders.items():
                short = encoder.replace("resnet", "r")
                fake.add(f"linknet-{short}", f1 + gain - lower, **more)
                fake.add(f"scratch-{short}", f1 + gain - lower - 0.035, **more)
            for name, f1 in others.items():
                fake.add(name, f1 + gain - lower, noise=0.05, **more)
    for tiles, loss, gap in ((20, 0.2, 0.15), (50, 0.1, 0.09), (100, 0.05, 0.05)):
        fake.add("linknet-r50", 0.83 - loss, train_tiles=tiles)
        fake.add("scratch-r50", 0.83 - loss - gap, train_tiles=tiles)
    for tiles, f1 in ((0, 0.31), (1, 0.42), (3, 0.55), (6, 0.61)):
        for fold in range(2):
            more = {"target": "tianshui", "target_fold": fold, "tune_tiles": tiles}
            fake.add("linknet-r50", f1, tiles=6, **more)
            fake.add("scratch-r50", f1 - 0.1, tiles=6, **more)
    fake.cells = [
        cell.model_copy(update={"scores": _renamed(cell)}) if cell.key.target_fold else cell
        for cell in fake.cells
    ]
    return fake


def _renamed(cell: RunFacts) -> RunScores:
    """The scores of a cell whose tiles have names of their own."""
    assert cell.scores is not None
    tiles = tuple(
        tile.model_copy(update={"tile_id": f"u{tile.tile_id}"}) for tile in cell.scores.tiles
    )
    return cell.scores.model_copy(update={"tiles": tiles})


def make_dataset(path: Path, tiles: int = 8, size: int = 96) -> TileDataset:
    """Smooth ground with brown landslides; the names of tiles are those of `FakeExperiment`."""
    path.mkdir(parents=True)
    description = DatasetDescription(
        bands=Bands(("red", "green", "blue", "nir")),
        radiometry=Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1e-4, offset=0.0),
        nodata=None,
        resolution_m=2.0,
        tile_size=size,
        source="made up",
        split_method="random",
        plan=SplitPlan(test_share=0.2, val_share=0.1, seed=0),
    )
    writer = DatasetWriter(path, description)
    for at in range(tiles):
        tile = _tile(at, size)
        window = Window(col_off=0, row_off=0, width=size, height=size)
        writer.add(tile, TileOrigin(scene="made up", window=window, group=tile.tile_id))
    writer.finish()
    return TileDataset(path)


def _tile(at: int, size: int) -> Tile:
    generator = np.random.default_rng(at)
    ground = ndimage.gaussian_filter(generator.standard_normal((size, size)), 3)
    slide = ndimage.gaussian_filter(generator.standard_normal((size, size)), 7)
    label = slide > np.quantile(slide, 0.75 + 0.03 * at)
    colours = np.where(
        label, [[[1800]], [[1500]], [[1100]], [[2000]]], [[[400]], [[700]], [[500]], [[3200]]]
    )
    stored = np.clip(colours * (1 + 1.5 * ground), 0, 9999).astype(np.uint16)
    return Tile(
        tile_id=f"t{at:02d}",
        stored=stored,
        label=label.astype(np.uint8),
        valid=np.ones((size, size), bool),
    )


def write_predictions(folder: Path, dataset: TileDataset, key: RunKey, error: float) -> None:
    """Write blurred labels with ``error`` of noise as what a cell's method made of all tiles."""
    cell = folder / "cells" / key.slug
    cell.mkdir(parents=True)
    generator = np.random.default_rng(len(key.method))
    made = {}
    for position in range(len(dataset)):
        tile = dataset.tile(position)
        noise = ndimage.gaussian_filter(generator.standard_normal(tile.label.shape), 3) * 10 * error
        made[tile.tile_id] = np.clip(tile.label * 0.8 + 0.1 + noise, 0, 0.999)
    run_folder.write_predictions(cell, made.items())


@pytest.fixture
def fake() -> FakeExperiment:
    """An experiment without a cell."""
    return FakeExperiment()


@pytest.fixture(scope="session")
def whole() -> ExperimentSummary:
    """The summary of an experiment that has everything."""
    return ExperimentSummary(whole_experiment().results())
