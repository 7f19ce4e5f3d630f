"""Whether intervals of F1 cover, and permutation tests hold their level, on tiles in clusters.

    python benchmarks/interval_coverage.py [--repetitions 400] [--draws 500] [--seed 0]
        [--sizes equal|unequal] [--tiles TILES]

Test sets of 5 to 40 groups of tiles are drawn from a population whose F1 is known. The landslide
pixels of a tile, the pixels mapped wrongly and the fraction of landslides missed vary from tile to
tile; the planted intraclass correlation is the part of that variance which tiles of a group share.
Landslide pixels are exponential: a few tiles hold most. Groups have 6 tiles each, or numbers from a
log-normal distribution.

Coverage is how many of the 95 % intervals contain the true F1: over single tiles; over groups by
plain percentiles, by percentiles of one group fewer (Rao & Wu 1988, doi 10.2307/2288945), by
percentiles further out for the number of groups (Hesterberg 2015), and as landslip has them, for
the effective number of groups. Size is how often a permutation test of two methods of equal skill
says p <= 0.05.

With ``--tiles`` nothing is simulated: the intraclass correlation of the landslide fraction of real
tiles and its design effect are printed, over all tiles of a data set and those with landslides.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from landslip.datasets.format import TileDataset
from landslip.datasets.splits.tile_groups import tile_groups
from landslip.metrics.bootstrap import Resampling, bootstrap_weights, percentile_interval
from landslip.metrics.clustering import clustering
from landslip.metrics.tile_scores import (
    f1,
    group_counts,
    permutation_p_value,
    score_intervals,
)

CORRELATIONS, GROUPS = (0.0, 0.2, 0.5), (5, 10, 20, 40)
TILES_PER_GROUP = 6
LANDSLIDE_PX, WRONG_PX = 1000.0, 150.0
_WRONG_SHAPE = 0.5
_MISSED_LOGIT = -1.4
WAYS = ("tiles", "percentile", "n - 1", "expanded", "landslip")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TestSet:
    """The tiles' groups, and the counts (1, tiles, 3) of two methods of equal skill on them."""

    groups: list[str]
    one: NDArray[np.int64]
    other: NDArray[np.int64]


def draw_test_set(
    generator: np.random.Generator, groups: int, correlation: float, *, equal: bool = True
) -> TestSet:
    """Draw tiles of groups; ``correlation`` of the variance is shared within a group."""
    sizes = np.full(groups, TILES_PER_GROUP)
    if not equal:
        drawn = TILES_PER_GROUP * generator.lognormal(-0.5, 1.0, groups)
        sizes = np.maximum(np.round(drawn), 1).astype(np.int64)
    members = np.repeat(np.arange(groups), sizes)

    def gamma(shape: float) -> NDArray[np.float64]:
        """Gamma variates of mean 1: the shapes of the parts that groups and tiles add sum up."""
        shared = generator.gamma(shape * correlation, 1 / shape, groups)
        return shared[members] + generator.gamma(shape * (1 - correlation), 1 / shape, len(members))

    def normal() -> NDArray[np.float64]:
        shared = generator.standard_normal(groups)[members]
        own = generator.standard_normal(len(members))
        return np.asarray(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)

    landslide = np.round(LANDSLIDE_PX * gamma(1.0)).astype(np.int64)

    def counts() -> NDArray[np.int64]:
        missed = np.round(landslide * expit(_MISSED_LOGIT + normal())).astype(np.int64)
        wrong = np.round(WRONG_PX * gamma(_WRONG_SHAPE)).astype(np.int64)
        return np.stack([landslide - missed, wrong, missed], axis=1)[np.newaxis]

    return TestSet(groups=[f"{at:03}" for at in members], one=counts(), other=counts())


def true_f1() -> float:
    """Return the F1 of the expected counts: landslides and the missed fraction are independent."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    missed = float(expit(_MISSED_LOGIT + nodes) @ weights / weights.sum())
    expected = np.array([LANDSLIDE_PX * (1 - missed), WRONG_PX, LANDSLIDE_PX * missed])
    return float(f1(expected))


def intervals(drawn: TestSet, how: Resampling) -> Iterator[tuple[str, float, float]]:
    """Yield each way's interval of the first method's F1."""
    table = group_counts(drawn.one, drawn.groups)
    groups = table.shape[1]

    def drawn_f1(rows: NDArray[np.int64], size: int | None = None) -> NDArray[np.float64]:
        generator = np.random.default_rng(how.seed)
        return f1(bootstrap_weights(len(rows), how.draws, generator, size) @ rows)

    of_groups = drawn_f1(table[0])
    ends = {
        "tiles": percentile_interval(drawn_f1(drawn.one[0]), how.level),
        "percentile": percentile_interval(of_groups, how.level),
        "n - 1": percentile_interval(drawn_f1(table[0], groups - 1), how.level),
        "expanded": percentile_interval(of_groups, how.level, groups),
    }
    for way, (low, high) in ends.items():
        if low is not None and high is not None:
            yield way, low, high
    found = score_intervals(table, how)["f1"]
    if found.low is not None and found.high is not None:
        yield "landslip", found.low, found.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Fractions over repetitions: intervals that cover by way, and tests that reject."""

    covered: dict[str, float]
    widths: dict[str, float]
    rejected_tiles: float
    rejected_groups: float
    correlation: float
    design_effect: float


def simulate(
    groups: int,
    correlation: float,
    *,
    repetitions: int,
    draws: int,
    seed: int = 0,
    equal: bool = True,
) -> Coverage:
    """Draw test sets, and count how often intervals cover and tests reject."""
    truth = true_f1()
    covered: Counter[str] = Counter()
    widths = dict.fromkeys(WAYS, 0.0)
    rejected = np.zeros(2)
    alike = []
    for repetition in range(repetitions):
        generator = np.random.default_rng([seed, groups, int(100 * correlation), repetition])
        drawn = draw_test_set(generator, groups, correlation, equal=equal)
        how = Resampling(seed=repetition, draws=draws, swaps=draws)
        for way, low, high in intervals(drawn, how):
            covered[way] += low <= truth <= high
            widths[way] += high - low
        one, other = (group_counts(counts, drawn.groups) for counts in (drawn.one, drawn.other))
        p_values = (
            permutation_p_value(drawn.one, drawn.other, how),
            permutation_p_value(one, other, how),
        )
        rejected += np.array(p_values) <= 0.05
        found = clustering(drawn.one[0, :, 0] + drawn.one[0, :, 2], drawn.groups)
        if found is not None:
            alike.append((found.intraclass_correlation, found.design_effect))
    correlations, effects = np.mean(alike, axis=0)
    return Coverage(
        covered={way: covered[way] / repetitions for way in WAYS},
        widths={way: widths[way] / repetitions for way in WAYS},
        rejected_tiles=float(rejected[0]) / repetitions,
        rejected_groups=float(rejected[1]) / repetitions,
        correlation=float(correlations),
        design_effect=float(effects),
    )


def print_clustering(tiles: Path) -> None:
    """Print how much alike the tiles of a group are, in a data set that `landslip dataset` made."""
    dataset = TileDataset(tiles)
    groups = tile_groups(dataset)
    pixels = zip(dataset.column("landslide_px"), dataset.column("valid_px"), strict=True)
    fractions = [landslide / max(valid, 1) for landslide, valid in pixels]
    shown = [at for at, fraction in enumerate(fractions) if fraction > 0]
    print(f"| tiles | number | {groups.kind} | intraclass correlation | design effect |")
    print("|---|---|---|---|---|")
    for name, chosen in (("all", list(range(len(fractions)))), ("with landslides", shown)):
        names = groups.of(chosen).names
        found = clustering([fractions[at] for at in chosen], names)
        if found is not None:
            print(
                f"| {name} | {len(chosen)} | {len(set(names))} | "
                f"{found.intraclass_correlation:.2f} | {found.design_effect:.1f} |"
            )


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", choices=("equal", "unequal"), default="equal")
    parser.add_argument("--tiles", type=Path, help="measure this data set instead")
    options = parser.parse_args()
    if options.tiles is not None:
        print_clustering(options.tiles)
        return
    started = time.process_time()
    names = " | ".join(f"coverage, {way}" for way in WAYS)
    print(
        f"| planted correlation | groups | estimated | design effect | {names} | width, tiles | "
        "width, landslip | size, tiles | size, groups |"
    )
    print("|" + "---|" * (len(WAYS) + 8))
    for correlation in CORRELATIONS:
        for groups in GROUPS:
            found = simulate(
                groups,
                correlation,
                repetitions=options.repetitions,
                draws=options.draws,
                seed=options.seed,
                equal=options.sizes == "equal",
            )
            shares = " | ".join(f"{100 * found.covered[way]:.1f} %" for way in WAYS)
            widths = " | ".join(f"{found.widths[way]:.3f}" for way in ("tiles", "landslip"))
            print(
                f"| {correlation:g} | {groups} | {found.correlation:.2f} | "
                f"{found.design_effect:.1f} | {shares} | {widths} | "
                f"{100 * found.rejected_tiles:.1f} % | {100 * found.rejected_groups:.1f} % |",
                flush=True,
            )
    print(f"\nCPU time: {time.process_time() - started:.0f} s")


if __name__ == "__main__":
    main()
