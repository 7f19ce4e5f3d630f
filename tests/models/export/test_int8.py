"""Quantisation of graphs worked out by hand."""

import logging
import os
from pathlib import Path

import numpy as np
import openvino
import pytest
from tests.factories.datasets import bright_square, write_dataset
from tests.factories.models import SEVERAL_BANDS, SEVERAL_SOURCES, of_several_sources, write_card
from tests.models.export.conftest import robust_graph
from tests.models.training.conftest import WriteDataset

from landslip.core.choices import EngineName, Precision, Split
from landslip.core.errors import InputError, ModelError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.metrics.pixels import PixelCounts
from landslip.models.engines.base import PROBABILITY_LEVELS, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.export.int8 import (
    QuantisationLoss,
    QuantisationTiles,
    evaluation_split,
    measure_quantisation_loss,
    quantise_graph,
)
from landslip.models.folder import (
    GRAPH,
    GRAPH_WEIGHTS,
    INT8_GRAPH,
    INT8_GRAPH_WEIGHTS,
    ModelFolder,
)


def test_the_tiles_are_a_draw_of_the_training_tiles(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    training = tiles.positions(Split.TRAIN)
    assert len(training) == 9
    some = QuantisationTiles(dataset=tiles, tiles=4).positions()
    assert len(set(some)) == 4
    assert some == sorted(some)
    assert set(some) < set(training)
    assert some == QuantisationTiles(dataset=tiles, tiles=4).positions()
    assert some != QuantisationTiles(dataset=tiles, tiles=4, seed=1).positions()
    assert QuantisationTiles(dataset=tiles, tiles=300).positions() == training


def test_what_cannot_be_calibrated_on_is_refused(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    with pytest.raises(InputError, match=r"tiles is at least 1 tile; got 0"):
        QuantisationTiles(dataset=tiles, tiles=0)
    none = tiles.with_split([Split.TEST] * len(tiles), "none")
    with pytest.raises(InputError, match=r"calibrated on training tiles and there are none"):
        QuantisationTiles(dataset=none).positions()


def test_all_but_the_first_layer_is_8_bit_and_results_near(
    model: ModelFolder, dataset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[float, float]] = []
    calibration = QuantisationTiles(dataset=TileDataset(dataset), tiles=5)
    before = dict(os.environ), logging.root.manager.disable
    graph = quantise_graph(model, calibration, lambda done, total: told.append((done, total)))
    assert (dict(os.environ), logging.root.manager.disable) == before
    assert capfd.readouterr() == ("", "")
    assert told == [(number, 5) for number in range(1, 6)]
    kinds = [node.get_type_name() for node in graph.get_ordered_ops()]
    assert kinds.count("FakeQuantize") == 1
    weights = [
        node
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "Constant" and node.get_element_type() == openvino.Type.i8
    ]
    assert [node.get_shape() for node in weights] == [openvino.Shape([1, 2, 1, 1])]
    pixels = np.random.default_rng(0).uniform(-1, 2, (2, 4, 32, 64)).astype(np.float32)
    core = openvino.Core()
    exact, found = (
        core.compile_model(made, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(pixels)[0]
        for made in (robust_graph(), graph)
    )
    difference = np.abs(found - exact).max()
    assert 0 < difference < 0.06


def test_bands_of_several_sources_are_calibrated_as_they_are_run(
    model: ModelFolder, tmp_path: Path
) -> None:
    """Stored numbers have another scale and offset in each band, and one band misses some."""
    generator = np.random.default_rng(0)
    tiles = [bright_square(f"t{at}", generator) for at in range(16)]
    dataset = write_dataset(
        tmp_path / "tiles",
        tiles,
        bands=SEVERAL_BANDS,
        radiometry=SEVERAL_SOURCES,
        plan=SplitPlan(test_share=0.25, val_share=0.25, seed=0),
    )
    calibration = QuantisationTiles(dataset=dataset, tiles=5, seed=7)
    several, folder = of_several_sources(model), tmp_path / "model"
    folder.mkdir()
    for name in (GRAPH, GRAPH_WEIGHTS):
        (folder / name).write_bytes((model.path / name).read_bytes())
    openvino.save_model(quantise_graph(several, calibration), folder / INT8_GRAPH)
    files = (GRAPH, GRAPH_WEIGHTS, INT8_GRAPH, INT8_GRAPH_WEIGHTS)
    made = write_card(folder, several.card, files)

    stored = tiles[0].stored.copy()
    stored[2, :8] = 0
    pixels = (stored.astype(np.float64) - 400) / 200  # as the plain model has it
    pixels[2, :8] = 0
    expected = 1 / (1 + np.exp(2 - np.maximum(pixels.sum(axis=0), 0)))  # of `robust_graph`
    valid = np.ones(expected.shape, dtype=np.bool_)
    normalisation = made.card.normalisation_of(dataset.card.radiometry)
    spec = WindowSpec(shape=expected.shape, normalisation=normalisation)
    for precision, bound in ((Precision.FP32, 0.0021), (Precision.INT8, 0.062)):
        runner = open_engine(made, EngineName.OPENVINO, precision).runner(spec)
        found = runner.run(stored, valid) / PROBABILITY_LEVELS
        assert np.abs(found - expected).max() < bound, precision


def test_ranges_reach_to_the_brightest_tile(
    model: ModelFolder, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    """A bright landslide in one tile of nine is not cut off."""
    folder = write_dataset(tmp_path / "tiles")
    tiles = TileDataset(folder)
    training = tiles.positions(Split.TRAIN)
    images = np.fromfile(folder / "images.bin", dtype=np.uint16).reshape(16, 4, 64, 64)
    images[training[3], :, :16, :16] = 4000  # 18 deviations, where others have up to 2
    images.tofile(folder / "images.bin")
    graph = quantise_graph(model, QuantisationTiles(dataset=TileDataset(folder), tiles=9))
    highs = [
        float(node.input_value(2).get_node().get_data().max())
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "FakeQuantize"
    ]
    assert max(highs) >= 4 * 17.9  # the sum of the bands


def test_a_damaged_graph_is_refused(model: ModelFolder, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / GRAPH).write_bytes((model.path / GRAPH).read_bytes()[:-10])
    (tmp_path / GRAPH_WEIGHTS).write_bytes((model.path / GRAPH_WEIGHTS).read_bytes())
    calibration = QuantisationTiles(dataset=TileDataset(dataset))
    with pytest.raises(ModelError, match="truncated or changed"):
        quantise_graph(ModelFolder(tmp_path, model.card), calibration)


def test_the_loss_is_in_points() -> None:
    cost = QuantisationLoss(
        fp32=PixelCounts(tp=8, fp=2, fn=2, tn=88),
        int8=PixelCounts(tp=6, fp=4, fn=4, tn=86),
        other_layers="fp32",
    )
    assert cost.pixels == 100
    assert list(cost.f1_percent) == pytest.approx([80, 60])
    assert cost.loss_points == pytest.approx(20)


def test_both_graphs_are_counted_over_one_split(model: ModelFolder, dataset: Path) -> None:
    """The float32 graph stands in for the other: both count the same."""
    files = model.card.files
    staged = ModelFolder(
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
    cost = measure_quantisation_loss(
        staged,
        TileDataset(dataset),
        Split.VALIDATION,
        lambda done, total: told.append((done, total)),
    )
    for name in (INT8_GRAPH, INT8_GRAPH_WEIGHTS):
        (model.path / name).unlink()
    assert cost.pixels == 3 * 64 * 64
    assert cost.fp32 == PixelCounts(tp=3 * 20 * 20, tn=3 * (64 * 64 - 20 * 20))
    assert cost.int8 == cost.fp32
    assert cost.other_layers in {"bf16", "fp32"}
    assert told == [(3, 6), (6, 6)]


def test_validation_tiles_come_before_test_tiles(
    write_dataset: WriteDataset, dataset: Path, tmp_path: Path
) -> None:
    tiles = TileDataset(dataset)
    assert evaluation_split(tiles) is Split.VALIDATION
    test_only = [Split.TEST if split is Split.VALIDATION else split for split in tiles.splits]
    assert evaluation_split(tiles.with_split(test_only, "test")) is Split.TEST
    training = tiles.with_split([Split.TRAIN] * len(tiles), "all")
    message = r"validation or test tiles with landslides and there are none .*val_share"
    with pytest.raises(InputError, match=message):
        evaluation_split(training)
    barren = TileDataset(write_dataset(tmp_path / "barren", landslides=False))
    with pytest.raises(InputError, match=message):
        evaluation_split(barren)
