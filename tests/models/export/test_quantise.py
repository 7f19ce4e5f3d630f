"""Quantisation of graphs worked out by hand."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
from tests.models.export.conftest import robust_graph

from landslip.core.choices import Split
from landslip.core.errors import InputError, ModelError
from landslip.datasets.format import TileDataset
from landslip.models.export.quantise import Calibration, quantised_graph
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, Model

WriteDataset = Callable[..., Path]


def test_the_tiles_are_a_draw_of_the_training_tiles(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    training = tiles.positions(Split.TRAIN)
    assert len(training) == 9
    some = Calibration(dataset=tiles, tiles=4).positions()
    assert len(set(some)) == 4
    assert some == sorted(some)
    assert set(some) < set(training)
    assert some == Calibration(dataset=tiles, tiles=4).positions()
    assert some != Calibration(dataset=tiles, tiles=4, seed=1).positions()
    assert Calibration(dataset=tiles, tiles=300).positions() == training


def test_what_cannot_be_calibrated_on_is_refused(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    with pytest.raises(InputError, match=r"--tiles: at least 1 tile .* got 0"):
        Calibration(dataset=tiles, tiles=0)
    none = tiles.with_split([Split.TEST] * len(tiles), "none")
    with pytest.raises(InputError, match=r"calibrated on training tiles and there is none"):
        Calibration(dataset=none).positions()


def test_all_but_the_first_layer_is_8_bit_and_results_near(
    model: Model, dataset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[float, float]] = []
    calibration = Calibration(dataset=TileDataset(dataset), tiles=5)
    before = dict(os.environ), logging.root.manager.disable
    graph = quantised_graph(model, calibration, lambda done, total: told.append((done, total)))
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


def test_ranges_reach_to_the_brightest_tile(
    model: Model, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    """A bright landslide in one tile of nine is not cut off."""
    folder = write_dataset(tmp_path / "tiles")
    tiles = TileDataset(folder)
    training = tiles.positions(Split.TRAIN)
    images = np.fromfile(folder / "images.bin", dtype=np.uint16).reshape(16, 4, 64, 64)
    images[training[3], :, :16, :16] = 4000  # 18 deviations, where others have up to 2
    images.tofile(folder / "images.bin")
    graph = quantised_graph(model, Calibration(dataset=TileDataset(folder), tiles=9))
    highs = [
        float(node.input_value(2).get_node().get_data().max())
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "FakeQuantize"
    ]
    assert max(highs) >= 4 * 17.9  # the sum of the bands


def test_a_damaged_graph_is_refused(model: Model, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / GRAPH).write_bytes((model.path / GRAPH).read_bytes()[:-10])
    (tmp_path / GRAPH_WEIGHTS).write_bytes((model.path / GRAPH_WEIGHTS).read_bytes())
    calibration = Calibration(dataset=TileDataset(dataset))
    with pytest.raises(ModelError, match="truncated or changed"):
        quantised_graph(Model(tmp_path, model.card), calibration)
