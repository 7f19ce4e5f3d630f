"""What an experiment says of each of its methods, pixels on one value included.

    landslip experiment configs/heads.yaml --out OUT
    python benchmarks/heads.py OUT [--table TABLE.md]

For each method and data set: average precision (AP), pixel F1 at the model's threshold, expected
calibration error (ECE) over all pixels and over those with a probability above 0.1, all of pooled
pixels; mean over seeds, and standard deviation of several, folds pooled. "On one value" is the
share of landslide pixels that have the most frequent of their stored probabilities (steps of
1 / 65536): where the head's activation is zero in all channels, the logit is its bias.
"""

import argparse
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from landslip.core.text import read_json
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.experiments.assembly import DATASETS
from landslip.experiments.experiment import RUNS
from landslip.experiments.results import FILE, Results
from landslip.experiments.run_folder import Predictions
from landslip.metrics.curves import (
    BINS,
    ProbabilityBins,
    average_precision,
    bin_pixels,
    calibration_error,
    no_pixels,
)
from landslip.metrics.pixels import PixelCounts, sum_counts
from landslip.models.predictions import quantise

HEADER = """| method | tested on | AP % | F1 % | ECE | ECE above 0.1 | on one value % |
|---|---|---|---|---|---|---|"""


@dataclass(slots=True)
class Pooled:
    """The test pixels of one method and seed, over all folds."""

    counts: list[PixelCounts] = field(default_factory=list)
    bins: ProbabilityBins = field(default_factory=no_pixels)
    levels: Counter[int] = field(default_factory=Counter)

    def scores(self) -> tuple[float, ...]:
        """Return AP, F1, both calibration errors and the share on one value; nan: undefined."""
        above = np.arange(BINS) >= BINS // 10
        confident = ProbabilityBins(
            landslide=np.where(above, self.bins.landslide, 0),
            other=np.where(above, self.bins.other, 0),
            probability_sum=np.where(above, self.bins.probability_sum, 0.0),
        )
        ((_, most),) = self.levels.most_common(1)
        found = (
            average_precision(self.bins),
            sum_counts(self.counts).f1,
            calibration_error(self.bins),
            calibration_error(confident),
            most / self.levels.total(),
        )
        return tuple(float("nan") if one is None else one for one in found)


def main() -> None:
    """Read the folder of an experiment and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    results = Results.model_validate(read_json(options.experiment / FILE))
    datasets = {
        name: TileDataset(options.experiment / DATASETS / name) for name in results.datasets
    }
    pooled: dict[tuple[str, str], dict[int, Pooled]] = defaultdict(lambda: defaultdict(Pooled))
    for run in results.cells:
        if run.scores is None:
            continue
        tested = run.key.target or run.key.dataset
        one = pooled[run.key.method, tested][run.key.seed]
        dataset = datasets[tested]
        one.counts += [tile.counts for tile in run.scores.tiles]
        predictions = Predictions(options.experiment / RUNS / run.key.slug)
        for tile_id in predictions:
            tile = dataset.tile(dataset.tile_ids.index(tile_id))
            probability, truth = predictions.probability(tile_id), tile.label == LANDSLIDE
            one.bins += bin_pixels(probability, truth, tile.counted)
            one.levels.update(quantise(probability[truth & tile.counted]).tolist())
    lines = [HEADER]
    for (method, tested), seeds in sorted(pooled.items(), key=lambda item: item[0][1]):
        columns = list(zip(*(one.scores() for one in seeds.values()), strict=True))
        cells = [
            f"{_in_words(column, scale)}"
            for column, scale in zip(columns, (100, 100, 1, 1, 100), strict=True)
        ]
        title = results.datasets[tested].title
        lines.append(f"| {results.methods[method].label} | {title} | {' | '.join(cells)} |")
    print("\n".join(lines))
    if options.table is not None:
        options.table.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _in_words(values: tuple[float, ...], scale: int) -> str:
    digits = 1 if scale == 100 else 4
    mean = f"{scale * statistics.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {scale * statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
