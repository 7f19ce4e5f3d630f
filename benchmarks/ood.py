"""Whether the out-of-distribution warning comes where it should, and only there.

    python benchmarks/ood.py MODEL TILES [--other NAME=TILES ...] [--scene NAME=RASTER ...]
        [--draws 200] [--seed 0] [--predict] [--out TABLE.md]

MODEL is a model folder and TILES the dataset that it was trained on; the model is copied, and its
training tiles are measured. Test tiles of TILES are drawn in groups of 16 without replacement, as a
scene is sampled: the fraction of draws with a warning is the rate of false alarms. The same is done
with the tiles of other datasets. Scenes are scored as they are. With --predict, F1 at the model's
threshold is given too, and how much of the confident pixels (below 0.1, above 0.9) is wrong.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from landslip.core.bands import Bands
from landslip.core.choices import Split, Units
from landslip.core.files import sha256_of
from landslip.core.messages import sentences
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.io.raster import Scene, SceneOptions
from landslip.metrics.pixels import PixelCounts, count_pixels, sum_counts
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import CARD, TRAINING_STATISTICS, ModelFolder, open_model
from landslip.models.ood.score import (
    SAMPLED_TILES,
    OodDistances,
    OodScore,
    measure_distances,
    score_distances,
    score_scene,
)
from landslip.models.ood.training_statistics import (
    TrainingStatistics,
    measure_training_statistics,
    patches_of_tile,
)

HEADER = """\
| data | tiles | spectra beyond 99 %, % | ratio | features beyond 99 %, % | ratio | \
draws with a warning of spectra, % | of features, % | of either, % | F1, % | confident errors, % |
|---|---|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result of one dataset, or of one scene: then without draws."""

    name: str
    score: OodScore
    alarms: tuple[float, float, float] | None = None
    f1: float | None = None
    confident_and_wrong: float | None = None

    def __str__(self) -> str:
        score = self.score
        values = [
            (score.spectral_share, 100, 1),
            (score.spectral_ratio, 1, 2),
            (score.feature_share, 100, 1),
            (score.feature_ratio, 1, 2),
            *((alarm, 100, 1) for alarm in self.alarms or (None, None, None)),
            (self.f1, 100, 1),
            (self.confident_and_wrong, 100, 2),
        ]
        cells = ["–" if one is None else f"{one * by:.{digits}f}" for one, by, digits in values]
        return f"| {self.name} | {score.tiles} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print the table."""
    options = arguments()
    home = TileDataset(options.tiles)
    others = [named(text) for text in options.other]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        model, statistics = with_statistics(
            options.model, home, Path(folder) / "model", options.seed
        )
        took = time.perf_counter() - started
        rows = [
            row_of(name, dataset, positions, model, statistics, options)
            for name, dataset, positions in (
                ("held-out tiles of the same data", home, home.positions(Split.TEST)),
                *(
                    (name, dataset, range(len(dataset)))
                    for name, dataset in ((name, TileDataset(Path(at))) for name, at in others)
                ),
            )
        ]
        timed = [scene_row(*named(text), model, options) for text in options.scene]
    measured = (
        f"{statistics.tiles} training tiles of {statistics.tile_px} px, "
        f"{statistics.features} features of {statistics.layer}, measured in {took:.1f} s; "
        f"99 % of them within {statistics.spectral.p99:.2f} by spectra and "
        f"{statistics.feature.p99:.2f} by features"
    )
    table = [HEADER, *map(str, rows), *(str(row) for row, _ in timed)]
    timings = [f"{row.name}: scored in {seconds:.2f} s; {notes(row)}" for row, seconds in timed]
    text = "\n".join([measured, "", *table, "", *timings])
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("tiles", type=Path)
    parser.add_argument("--other", action="append", default=[], metavar="NAME=TILES")
    parser.add_argument("--scene", action="append", default=[], metavar="NAME=RASTER")
    parser.add_argument("--bands", type=Bands.parse, help="of scenes that do not name them")
    parser.add_argument("--units", type=Units, help="of scenes that do not state them")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--predict", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def named(text: str) -> tuple[str, str]:
    """Split NAME=PLACE."""
    name, _, place = text.partition("=")
    return name, place


def with_statistics(
    source: Path, home: TileDataset, folder: Path, seed: int
) -> tuple[ModelFolder, TrainingStatistics]:
    """Copy a model and measure its training tiles."""
    shutil.copytree(source, folder)
    model = open_model(folder)
    statistics = measure_training_statistics(model, home, seed=seed)
    statistics.write(folder / TRAINING_STATISTICS)
    files = model.card.files | {TRAINING_STATISTICS: sha256_of(folder / TRAINING_STATISTICS)}
    (folder / CARD).write_text(model.card.model_copy(update={"files": files}).model_dump_json())
    return open_model(folder), statistics


def row_of(
    name: str,
    dataset: TileDataset,
    positions: Sequence[int],
    model: ModelFolder,
    statistics: TrainingStatistics,
    options: argparse.Namespace,
) -> Row:
    """Score tiles, all together and in draws of 16."""
    patches = chain.from_iterable(
        patches_of_tile(model.card, dataset, position, statistics.tile_px) for position in positions
    )
    distances = measure_distances(statistics, model, patches)
    score = score_distances(statistics, distances)
    if score is None:
        raise SystemExit(f"{name}: too few tiles")
    f1, wrong = prediction_scores(dataset, positions, model) if options.predict else (None, None)
    alarms = alarm_rates(statistics, distances, options.draws, options.seed)
    return Row(name=name, score=score, alarms=alarms, f1=f1, confident_and_wrong=wrong)


def alarm_rates(
    statistics: TrainingStatistics, distances: OodDistances, draws: int, seed: int
) -> tuple[float, float, float]:
    """Return the fraction of draws with a warning of spectra, of features, and of either."""
    generator, number = np.random.default_rng(seed), len(distances.spectral)
    warned = np.zeros((draws, 2), dtype=np.bool_)
    for draw in range(draws):
        chosen = generator.choice(number, min(SAMPLED_TILES, number), replace=False)
        drawn = OodDistances(spectral=distances.spectral[chosen], feature=distances.feature[chosen])
        score = score_distances(statistics, drawn)
        notes_now = [] if score is None else score.notes()
        warned[draw] = [
            any(note.key == f"ood.{kind}" for note in notes_now) for kind in ("spectra", "features")
        ]
    spectra, features = warned.mean(axis=0)
    return float(spectra), float(features), float(warned.any(axis=1).mean())


def prediction_scores(
    dataset: TileDataset, positions: Sequence[int], model: ModelFolder
) -> tuple[float | None, float | None]:
    """Return F1, and the fraction of confident pixels that are wrong."""
    engine, counts, confident_px, wrong_px = open_engine(model), [], 0, 0
    for position, probability in predicted_tiles(engine, model.card, dataset, list(positions)):
        tile = dataset.tile(position)
        truth, counted = tile.label == LANDSLIDE, tile.counted
        counts.append(count_pixels(probability >= model.card.threshold, truth, counted))
        confident = counted & ((probability < 0.1) | (probability > 0.9))
        confident_px += int(confident.sum())
        wrong_px += int((confident & ((probability > 0.5) != truth)).sum())
    total: PixelCounts = sum_counts(counts)
    return total.f1, wrong_px / confident_px if confident_px else None


def scene_row(
    name: str, place: str, model: ModelFolder, options: argparse.Namespace
) -> tuple[Row, float]:
    """Score a scene as extraction does."""
    with Scene(place, SceneOptions(bands=options.bands, units=options.units)) as scene:
        started = time.perf_counter()
        score = score_scene(scene, model)
        took = time.perf_counter() - started
    if score is None:
        raise SystemExit(f"{name}: too few tiles")
    return Row(name=name, score=score), took


def notes(row: Row) -> str:
    """Return the warnings in words."""
    return " / ".join(sentences(row.score.notes())) or "no warning"


if __name__ == "__main__":
    main()
