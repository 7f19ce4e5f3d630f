"""What int8 costs, on a dataset whose landslides a graph worked out by hand finds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.metrics.pixels import Counts
from landslip.models.export.measure import Cost, measure_int8, measured_split
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, INT8_GRAPH, INT8_GRAPH_WEIGHTS, Model

WriteDataset = Callable[..., Path]


def test_the_loss_is_in_points() -> None:
    cost = Cost(
        split=Split.TEST,
        tiles=1,
        fp32=Counts(tp=8, fp=2, fn=2, tn=88),
        int8=Counts(tp=6, fp=4, fn=4, tn=86),
        other_layers="fp32",
    )
    assert cost.pixels == 100
    assert list(cost.f1_percent) == pytest.approx([80, 60])
    assert cost.loss_points == pytest.approx(20)


def test_both_graphs_are_counted_over_one_split(model: Model, dataset: Path) -> None:
    """The float32 graph stands in for the other: both count the same."""
    files = model.card.files
    staged = Model(
        model.path,
        model.card.model_copy(
            update={
                "files": files
                | {INT8_GRAPH: files[GRAPH], INT8_GRAPH_WEIGHTS: files[GRAPH_WEIGHTS]}
            }
        ),
    )
    for name, copied in ((GRAPH, INT8_GRAPH), (GRAPH_WEIGHTS, INT8_GRAPH_WEIGHTS)):
        (model.path / copied).write_bytes((model.path / name).read_bytes())
    told: list[tuple[float, float]] = []
    cost = measure_int8(
        staged,
        TileDataset(dataset),
        Split.VALIDATION,
        lambda done, total: told.append((done, total)),
    )
    for name in (INT8_GRAPH, INT8_GRAPH_WEIGHTS):
        (model.path / name).unlink()
    assert cost.tiles == 3
    assert cost.pixels == 3 * 64 * 64
    assert cost.fp32 == Counts(tp=3 * 20 * 20, tn=3 * (64 * 64 - 20 * 20))
    assert cost.int8 == cost.fp32
    assert cost.other_layers in {"bf16", "fp32"}
    assert told == [(3, 6), (6, 6)]


def test_validation_tiles_come_before_test_tiles(
    write_dataset: WriteDataset, dataset: Path, tmp_path: Path
) -> None:
    tiles = TileDataset(dataset)
    assert measured_split(tiles) is Split.VALIDATION
    test_only = [Split.TEST if split is Split.VALIDATION else split for split in tiles.splits]
    assert measured_split(tiles.with_split(test_only, "test")) is Split.TEST
    training = tiles.with_split([Split.TRAIN] * len(tiles), "all")
    message = r"validation or test tiles with landslides and there is none .*--val-share"
    with pytest.raises(InputError, match=message):
        measured_split(training)
    barren = TileDataset(write_dataset(tmp_path / "barren", landslides=False))
    with pytest.raises(InputError, match=message):
        measured_split(barren)
