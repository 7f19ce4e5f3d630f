"""Folds pooled, seeds side by side."""

from dataclasses import replace

import numpy as np
import pytest

from landslip.experiments.results import RunFacts, TileCounts, TileHistogram
from landslip.metrics.curves import average_precision_interval, stored_bins
from landslip.reporting.experiment.contrasts import compare_family
from landslip.reporting.experiment.runs import (
    PooledRunKey,
    on_common_tiles,
    pool_runs,
    score_pooled_run,
)

from .conftest import FakeExperiment

KEY = PooledRunKey(dataset="valley", split="groups", method="ours")


def with_tiles(cell: RunFacts, tiles: dict[str, tuple[int, int, int]]) -> RunFacts:
    assert cell.scores is not None
    counted = tuple(
        TileCounts(tile_id=name, tp=tp, fp=fp, fn=fn, tn=5) for name, (tp, fp, fn) in tiles.items()
    )
    scores = cell.scores.model_copy(update={"tiles": counted})
    return cell.model_copy(update={"scores": scores})


def two_folds(fake: FakeExperiment) -> FakeExperiment:
    """Fold 0 tests a and b, fold 1 tests c; seed 1 does all of it better."""
    for fold in (0, 1):
        fake.add("ours", 0.5, seeds=(0, 1), fold=fold)
    parts = [
        {"b": (10, 0, 10), "a": (20, 5, 0)},
        {"b": (20, 0, 0), "a": (20, 0, 0)},
        {"c": (0, 5, 20)},
        {"c": (20, 10, 0)},
    ]
    fake.cells = [with_tiles(cell, tiles) for cell, tiles in zip(fake.cells, parts, strict=True)]
    return fake


def test_tiles_are_pooled_over_folds_and_scores_are_means_over_seeds(fake: FakeExperiment) -> None:
    run = pool_runs(two_folds(fake).results())[KEY]
    assert run.tile_ids == ("a", "b", "c")
    assert run.seeds == (0, 1)
    np.testing.assert_array_equal(run.counts[0], [[20, 5, 0], [10, 0, 10], [0, 5, 20]])

    line = score_pooled_run(run)
    # seed 0: tp 30, fp 10, fn 30; seed 1: tp 60, fp 10, fn 0; each summed before the ratio
    assert line.precision.by_seed == (30 / 40, 60 / 70)
    assert line.f1.by_seed == (60 / 100, 120 / 130)
    assert line.f1.value == (60 / 100 + 120 / 130) / 2
    assert line.iou.value == (30 / 70 + 60 / 70) / 2
    assert line.f1.spread is not None
    assert line.f1.spread.low == 0.6


def test_a_seed_that_lacks_a_fold_is_left_out(fake: FakeExperiment) -> None:
    fake = two_folds(fake)
    fake.cells.pop()  # seed 1, fold 1
    run = pool_runs(fake.results())[KEY]
    assert (run.seeds, run.left_out, run.tile_ids) == ((0,), (1,), ("a", "b", "c"))


def test_where_no_seed_is_whole_the_fullest_one_counts(fake: FakeExperiment) -> None:
    fake = two_folds(fake)
    fake.cells = [fake.cells[0], fake.cells[3]]  # seed 0 has a and b, seed 1 has c
    run = pool_runs(fake.results())[KEY]
    assert (run.seeds, run.left_out, run.tile_ids) == ((0,), (1,), ("a", "b"))


def test_failed_cells_are_no_runs(fake: FakeExperiment) -> None:
    fake.fail("ours")
    assert pool_runs(fake.results()) == {}


def test_runs_are_compared_on_the_tiles_that_all_were_tested_on(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, tiles=6)
    fake.add("other", 0.7, tiles=4)
    runs = pool_runs(fake.results())
    ours = runs[KEY]
    tables = on_common_tiles(list(runs.values()))
    assert [table.shape for table in tables] == [(3, 4, 3), (3, 4, 3)]
    np.testing.assert_array_equal(tables[0], ours.counts[:, :4])


def test_objects_outlines_and_area_are_summed_over_cells(fake: FakeExperiment) -> None:
    fake.add("ours", 0.5, seeds=(0,))
    fake.add("ours", 0.7, seeds=(1,))
    line = score_pooled_run(pool_runs(fake.results())[KEY])
    small, large = line.by_size
    assert (small.landslides, small.detected) == (100, 20 + 28)
    assert (large.landslides, large.detected) == (40, 10 + 14)
    assert line.false_fraction == (30 + 18) / 120
    # 40 tiles of 10 000 px of 2 m: 1.6 km2 a seed
    assert line.false_per_km2 == (30 + 18) / 3.2
    assert line.boundary_f1.by_seed == (0.5, 0.7)
    assert line.area is not None
    assert line.area.adjusted_share == 0.11


@pytest.mark.parametrize(
    ("tp", "fp", "fn", "degenerate"),
    [
        (20, 80, 0, 1),  # all is called landslide: F1 2 * 20 / (2 * 20 + 80) = 1 / 3
        (0, 0, 20, 1),
        (20, 75, 0, 0),  # 40 / 115, more than a point above
        (12, 8, 8, 0),
    ],
)
def test_what_is_no_better_than_calling_all_landslide_learned_nothing(
    fake: FakeExperiment, tp: int, fp: int, fn: int, degenerate: int
) -> None:
    fake.add("ours", 0.5, seeds=(0,))
    (cell,) = fake.cells
    tile = TileCounts(tile_id="a", tp=tp, fp=fp, fn=fn, tn=100 - tp - fp - fn)
    assert cell.scores is not None
    scores = cell.scores.model_copy(update={"tiles": (tile,)})
    fake.cells = [cell.model_copy(update={"scores": scores})]
    run = pool_runs(fake.results())[KEY]
    assert run.all_positive_f1 == pytest.approx(1 / 3)
    assert run.degenerate_seeds == degenerate


def test_a_model_of_other_ground_may_fail_without_having_learned_nothing(
    fake: FakeExperiment,
) -> None:
    fake.dataset("tianshui")
    fake.add("ours", 0.05, target="tianshui")
    (run,) = pool_runs(fake.results()).values()
    assert run.degenerate_seeds == 0


def test_what_is_undefined_is_none(fake: FakeExperiment) -> None:
    fake.add("ours", 0.5, seeds=(0,))
    fake.cells = [with_tiles(fake.cells[0], {"a": (0, 0, 20), "b": (0, 0, 10)})]
    line = score_pooled_run(pool_runs(fake.results())[KEY])
    assert line.precision.value is None
    assert line.f1.value == 0
    assert line.f1.spread is not None
    assert line.f1.spread.sd is None


def test_tiles_of_a_group_are_drawn_together(fake: FakeExperiment) -> None:
    """Every tile four times under other names: as if each were there once, but for the scores."""
    fake.add("ours", 0.8, tiles=12, noise=0.1)
    once = score_pooled_run(pool_runs(fake.results())[KEY])
    fake.cells = [with_copies(cell, 4) for cell in fake.cells]
    copied = score_pooled_run(pool_runs(fake.results())[KEY])
    assert copied.run.counts.shape == (3, 48, 3)
    assert len(set(copied.run.groups)) == 12
    assert (copied.f1.low, copied.f1.high) == (once.f1.low, once.f1.high)


def test_average_precision_has_an_interval_over_groups_of_all_folds(fake: FakeExperiment) -> None:
    generator = np.random.default_rng(0)
    names = [["a", "b", "c"], ["d", "e"]]
    group_of = {"a": "x", "b": "y", "c": "x", "d": "z", "e": "y"}
    pixels = {name: generator.integers(1, 50, (2, 40)) for name in group_of}
    for fold, tiles in enumerate(names):
        fake.add("ours", 0.5, seeds=(0,), fold=fold)
        scores = fake.cells[-1].scores
        assert scores is not None
        counted = [
            TileCounts(tile_id=at, tp=1, fp=1, fn=1, tn=1, group=group_of[at]) for at in tiles
        ]
        curves = [
            TileHistogram(landslide=pixels[at][0].tolist(), other=pixels[at][1].tolist())
            for at in tiles
        ]
        changed = scores.model_copy(update={"tiles": tuple(counted), "tile_curves": tuple(curves)})
        fake.cells[-1] = fake.cells[-1].model_copy(update={"scores": changed})
    found = score_pooled_run(pool_runs(fake.results())[KEY]).average_precision
    groups = [pixels["a"] + pixels["c"], pixels["b"] + pixels["e"], pixels["d"]]
    units = [[stored_bins(one[0], one[1], np.zeros(40)) for one in groups]]
    expected = average_precision_interval(units, found.value)
    assert found.low is not None
    assert (found.low, found.high) == (expected.low, expected.high)


def test_comparisons_are_over_groups(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, tiles=6)
    fake.add("other", 0.7, tiles=6)
    plain = compare_family(pool_runs(fake.results()), [(KEY, replace(KEY, method="other"))])
    fake.cells = [with_copies(cell, 4) for cell in fake.cells]
    runs = pool_runs(fake.results())
    copied = compare_family(runs, [(KEY, replace(KEY, method="other"))])
    (one,), (other,) = plain.values(), copied.values()
    assert one.groups == other.groups == 6
    assert one.p_value == other.p_value == 2 / 64
    assert one.estimate == other.estimate


def with_copies(cell: RunFacts, copies: int) -> RunFacts:
    assert cell.scores is not None
    tiles = tuple(
        tile.model_copy(update={"tile_id": f"{tile.tile_id}_{copy}", "group": tile.tile_id})
        for copy in range(copies)
        for tile in cell.scores.tiles
    )
    return cell.model_copy(update={"scores": cell.scores.model_copy(update={"tiles": tiles})})
