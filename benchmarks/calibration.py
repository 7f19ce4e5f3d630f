"""The gain by calibration on tiles that it was not fitted on, and on tiles from elsewhere.

    python benchmarks/calibration.py MODEL TILES [--shift NAME=TILES ...] [--seed 0]
        [--out TABLE.md] [--plot RELIABILITY.png]

Curves are fitted on the validation tiles of TILES and measured on its test tiles, and on all tiles
of each shift. TILES are divided as in configs/bijie_cpu.yaml where MODEL was trained on that
division. MODEL stays as it is: a copy of it is calibrated. Intervals are 95 % bootstrap intervals
over tiles. The out-of-distribution warning is of 200 draws of 16 test tiles, and of all tiles of a
shift, cut to the size of training tiles.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from landslip.core.choices import CalibrationMethod, EngineName, Precision, Split
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.splits.division import Division, divide
from landslip.datasets.splits.leaks import find_duplicates
from landslip.metrics.curves import reliability
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.calibration.fit import FITTED_METHODS, MethodSelection, fit
from landslip.models.calibration.metrics import (
    CalibrationMetrics,
    LogitCounts,
    calibration_metrics,
    count_logits,
    sum_counts,
)
from landslip.models.calibration.run import CalibrateRequest, calibrate, count_tiles
from landslip.models.engines.base import Engine
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import ModelFolder, open_model
from landslip.models.ood.score import (
    OodDistances,
    measure_distances,
    score_distances,
    training_statistics_of,
)
from landslip.models.ood.training_statistics import TrainingStatistics, patches_of_tile

RESAMPLES, DRAWS, DRAWN_TILES = 1000, 200, 16
HEADER = """| tiles | curve | calibration error | Brier score | log loss |
|---|---|---|---|---|"""
OOD_HEADER = """| tiles | compared | beyond 99 % by spectra | by features | warning |
|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSet:
    """Tiles that curves are measured on.

    Attributes:
        name: in the table.
        dataset: of the tiles.
        positions: of the tiles.
        counts: pixels of each.
    """

    name: str
    dataset: TileDataset
    positions: list[int]
    counts: list[LogitCounts]


def main() -> None:
    """Fit, measure, print the tables and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("tiles", type=Path)
    parser.add_argument("--shift", action="append", default=[], metavar="NAME=TILES")
    parser.add_argument("--engine", type=EngineName, default=EngineName.OPENVINO)
    parser.add_argument("--precision", type=Precision, default=Precision.AUTO)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model"
        shutil.copytree(options.model, copy)
        model = open_model(copy)
        engine = open_engine(model, options.engine, options.precision)
        dataset = as_trained(TileDataset(options.tiles), model)
        request = CalibrateRequest(
            model=model,
            dataset=dataset,
            engine=engine,
            seed=options.seed,
            overwrite=True,
        )
        validation = sum_counts(count_tiles(request, dataset.positions(Split.VALIDATION)).folds)
        done = calibrate(request)
        test_sets = [measured("test tiles", model, engine, dataset, dataset.positions(Split.TEST))]
        for shift in options.shift:
            name, _, path = shift.partition("=")
            other = TileDataset(Path(path))
            test_sets.append(measured(name, model, engine, other, list(range(len(other)))))
        curves = {method: fit(validation, method) for method in FITTED_METHODS}
        lines = [
            *about(model, engine, dataset, done.selection),
            "",
            *table(done.selection, test_sets, curves, options.seed),
            "",
            *ood_rows(open_model(copy), test_sets, options.seed),
        ]
    text = "\n".join(lines)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")
    if options.plot:
        draw(test_sets, curves[done.selection.method], options.plot)


def as_trained(dataset: TileDataset, model: ModelFolder) -> TileDataset:
    """Return the dataset as it was divided when the model was trained."""
    trained = model.card.training.split_sha256
    if dataset.card.split_sha256 == trained:
        return dataset
    division = Division(method="groups", test_share=0.2, val_share=0.1, seed=0)
    (fold,) = divide(dataset, division, duplicates=find_duplicates(dataset))
    divided = dataset.with_split(fold.splits, "by groups, as in configs/bijie_cpu.yaml")
    if divided.card.split_sha256 != trained:
        raise SystemExit(f"{dataset.path}: the model was trained on another division of the tiles")
    return divided


def measured(
    name: str, model: ModelFolder, engine: Engine, dataset: TileDataset, positions: list[int]
) -> TestSet:
    """Count the pixels of tiles by logit."""
    counts = {}
    for position, probability in predicted_tiles(engine, model.card, dataset, positions):
        tile = dataset.tile(position)
        counts[position] = count_logits(probability, tile.label == LANDSLIDE, tile.counted)
    return TestSet(
        name=name,
        dataset=dataset,
        positions=positions,
        counts=[counts[position] for position in positions],
    )


def about(
    model: ModelFolder, engine: Engine, dataset: TileDataset, selection: MethodSelection
) -> Iterator[str]:
    """Describe the model and the fit."""
    architecture = model.card.architecture
    tiles = len(dataset.positions(Split.VALIDATION))
    yield (
        f"{architecture.title}, {architecture.encoder}, {engine.name} {engine.precision}; fitted "
        f"on {tiles} validation tiles in {selection.folds} folds of "
        f"groups; auto takes {selection.method}; the threshold {model.card.threshold:.3f} becomes "
        f"{selection.curve.probability(model.card.threshold):.3f}."
    )


def table(
    selection: MethodSelection,
    test_sets: list[TestSet],
    curves: dict[CalibrationMethod, CalibrationCurve],
    seed: int,
) -> Iterator[str]:
    """Give a row for each set of tiles and curve."""
    curves_by_name: dict[str, CalibrationCurve | None] = {"none": None}
    curves_by_name |= {method.value: curve for method, curve in curves.items()}
    yield HEADER
    yield row("validation tiles", "none", selection.before)
    for method, found in selection.after.items():
        yield row("validation tiles, cross-validated", method.value, found)
    for tested in test_sets:
        for name, curve in curves_by_name.items():
            total = calibration_metrics(sum_counts(tested.counts), curve)
            spread = error_interval(tested.counts, curve, seed)
            yield row(tested.name, name, total, spread)


def row(
    name: str, curve: str, found: CalibrationMetrics, spread: tuple[float, float] | None = None
) -> str:
    """Format a row."""
    interval = "" if spread is None else f" ({spread[0]:.4f} to {spread[1]:.4f})"
    return (
        f"| {name} | {curve} | {found.calibration_error:.4f}{interval} | {found.brier:.4f} | "
        f"{found.log_loss:.4f} |"
    )


def error_interval(
    counts: list[LogitCounts], curve: CalibrationCurve | None, seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of the calibration error, tiles drawn with replacement."""
    parts = [calibration_metrics(one, curve).bins for one in counts]
    surplus = np.array([part.landslide - part.probability_sum for part in parts])
    surplus = surplus.reshape(len(parts), 20, -1).sum(axis=2)
    pixels = np.array([part.pixels.sum() for part in parts])
    drawn = np.random.default_rng(seed).integers(0, len(parts), (RESAMPLES, len(parts)))
    errors = np.abs(surplus[drawn].sum(axis=1)).sum(axis=1) / pixels[drawn].sum(axis=1)
    low, high = np.quantile(errors, (0.025, 0.975))
    return float(low), float(high)


def ood_rows(model: ModelFolder, test_sets: list[TestSet], seed: int) -> Iterator[str]:
    """Give a row on the out-of-distribution score of each set of tiles."""
    statistics = training_statistics_of(model)
    if statistics is None:
        return
    yield OOD_HEADER
    for at, tested in enumerate(test_sets):
        patches = chain.from_iterable(
            patches_of_tile(model.card, tested.dataset, position, statistics.tile_px)
            for position in tested.positions
        )
        distances = measure_distances(statistics, model, patches)
        score = score_distances(statistics, distances)
        if score is None:
            continue
        warning = "yes" if score.notes() else "no"
        if at == 0:
            warning = f"{alarm_rate(statistics, distances, seed):.1%} of draws"
        yield (
            f"| {tested.name} | {score.tiles} | {score.spectral_share:.1%} | "
            f"{score.feature_share:.1%} | {warning} |"
        )


def alarm_rate(statistics: TrainingStatistics, distances: OodDistances, seed: int) -> float:
    """Return the fraction of draws of tiles with a warning."""
    generator, warned = np.random.default_rng(seed), 0
    for _ in range(DRAWS):
        drawn = generator.choice(len(distances.spectral), DRAWN_TILES, replace=False)
        part = OodDistances(spectral=distances.spectral[drawn], feature=distances.feature[drawn])
        score = score_distances(statistics, part)
        warned += score is not None and bool(score.notes())
    return warned / DRAWS


def draw(test_sets: list[TestSet], curve: CalibrationCurve, file: Path) -> None:
    """Draw reliability diagrams, before and after."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(
        1, len(test_sets), figsize=(4 * len(test_sets), 4.6), sharey=True, squeeze=False
    )
    for panel, tested in zip(panels[0], test_sets, strict=True):
        counts = sum_counts(tested.counts)
        panel.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for name, by, marker in (("network", None, "o"), ("calibrated", curve, "s")):
            found = reliability(calibration_metrics(counts, by).bins)
            panel.plot(
                found.mean_probability, found.landslide_share, marker=marker, ms=4, label=name
            )
        panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability", title=tested.name)
        panel.set_aspect("equal")
    panels[0][0].set_ylabel("fraction of landslide pixels")
    panels[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(file, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
