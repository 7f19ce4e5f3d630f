"""Figure 6: which tiles, which methods, which colours."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from landslip.datasets.format import TileDataset
from landslip.experiments.run_folder import Predictions
from landslip.experiments.scoring import score_run
from landslip.io.visualization import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE
from landslip.reporting.experiment.error_maps import (
    ErrorMapGrid,
    error_map_grids,
    select_tiles,
    shown_methods,
)
from landslip.reporting.experiment.summary import ExperimentSummary

from .conftest import FakeExperiment, make_dataset, write_predictions


def test_tiles_are_chosen_at_equal_steps_of_their_share() -> None:
    shares = {f"t{at:02d}": at / 100 for at in range(13)}  # t00 has none
    assert select_tiles(shares, 6) == ["t02", "t04", "t06", "t08", "t10", "t12"]
    assert select_tiles(shares, 1) == ["t07"]
    assert select_tiles({"a": 0.2, "b": 0.0, "c": 0.1}, 6) == ["c", "a"]
    assert select_tiles({"a": 0.0}, 6) == []


def test_the_paper_s_methods_come_first_in_its_order(whole: ExperimentSummary) -> None:
    assert shown_methods(whole, ("valley", "groups")) == [
        *("svm", "unet", "albunet", "scratch-r50", "linknet-r50", "unetpp"),
        *("linknet-r18", "scratch-r18"),
    ]


def grid_of(tmp_path: Path, fake: FakeExperiment) -> tuple[TileDataset, ErrorMapGrid]:
    dataset = make_dataset(tmp_path / "tiles")
    fake.method("ours", encoder="resnet50", transferred=True, label="LinkNet")
    fake.method("svm", "svm")
    fake.add("ours", 0.8, tiles=8)
    fake.add("svm", 0.6, tiles=8)
    for cell in fake.cells:
        if cell.key.method == "ours" and cell.key.seed == 0:
            write_predictions(tmp_path, dataset, cell.key, 0.5)
    (grid,) = error_map_grids(ExperimentSummary(fake.results()), {"valley": dataset}, tmp_path)
    return dataset, grid


def test_errors_have_their_colours(tmp_path: Path, fake: FakeExperiment) -> None:
    dataset, grid = grid_of(tmp_path, fake)
    assert grid.columns == ("image", "label", "LinkNet")  # the other has no predictions
    assert len(grid.rows) == 6
    image, label, errors = (panel.image for panel in grid.rows[2])
    tile = next(
        tile for tile in map(dataset.tile, range(8)) if tile.tile_id == grid.rows[2][0].note
    )
    known = tile.label == 1
    np.testing.assert_array_equal(label[..., 0], np.where(known, 255, 0))
    shift = errors.astype(int) * 2 - image
    parts = {}
    for name, colour in (
        ("found", TRUE_POSITIVE),
        ("wrong", FALSE_POSITIVE),
        ("missed", FALSE_NEGATIVE),
    ):
        parts[name] = (np.abs(shift - np.array(colour)) <= 2).all(axis=-1)
    assert parts["found"].any()
    assert parts["wrong"].any()
    assert parts["missed"].any()
    assert not (parts["found"] & ~known).any()
    assert not (parts["wrong"] & known).any()
    assert not (parts["missed"] & ~known).any()
    np.testing.assert_array_equal(parts["found"] | parts["missed"], known)
    assert grid.rows[2][2].note.startswith("F1 ")


def test_what_stands_under_a_picture_is_the_tile_s_own_score(
    tmp_path: Path, fake: FakeExperiment
) -> None:
    dataset, grid = grid_of(tmp_path, fake)
    cell = next(cell for cell in fake.cells if cell.key.method == "ours" and cell.key.seed == 0)
    stored = Predictions(tmp_path / "cells" / cell.key.slug)
    scores = score_run(dataset, stored, (), threshold=0.5, boundary_px=2)
    by_tile = {tile.tile_id: tile.counts.f1 for tile in scores.tiles}
    for row in grid.rows:
        assert row[2].note == f"F1 {100 * (by_tile[row[0].note] or 0):.1f}"


def test_pictures_are_whole_in_the_page_and_beside_it(tmp_path: Path, fake: FakeExperiment) -> None:
    _, grid = grid_of(tmp_path, fake)
    kind, _, data = grid.rows[0][0].uri.partition(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (96, 96)
    grid.write(tmp_path)
    with Image.open(tmp_path / "figure6_valley.png") as sheet:
        assert sheet.width == 3 * 96 + 2 * 8
        assert sheet.height == 26 + 6 * (96 + 8)


def test_without_predictions_there_is_no_grid(tmp_path: Path, fake: FakeExperiment) -> None:
    dataset = make_dataset(tmp_path / "tiles", tiles=3)
    fake.add("ours", 0.8, tiles=3)
    summary = ExperimentSummary(fake.results())
    assert list(error_map_grids(summary, {"valley": dataset}, tmp_path)) == []
    assert list(error_map_grids(summary, {}, tmp_path)) == []
