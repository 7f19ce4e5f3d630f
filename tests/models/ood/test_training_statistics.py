import time
from dataclasses import fields
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from tests.models.ood.conftest import BANDS, SIDE, TILES, ground, training_ground, write_tiles

from landslip.core.choices import Split
from landslip.core.errors import InputError, ModelError
from landslip.core.window import Window
from landslip.datasets.format import TileDataset
from landslip.models.folder import ModelFolder
from landslip.models.ood.gaussian import GaussianModel
from landslip.models.ood.training_statistics import (
    TrainingStatistics,
    measure_training_statistics,
    patch_windows,
    patches_of_tile,
    read_training_statistics,
    spread_windows,
)


def test_the_round_trip(statistics: TrainingStatistics, tmp_path: Path) -> None:
    statistics.write(tmp_path / "statistics.npz")
    found = read_training_statistics(tmp_path / "statistics.npz")
    assert (found.tiles, found.tile_px, found.layer) == (
        statistics.tiles,
        statistics.tile_px,
        statistics.layer,
    )
    assert np.array_equal(found.pixel_mean, statistics.pixel_mean)
    assert np.array_equal(found.pixel_axes, statistics.pixel_axes)
    for name in ("spectral", "feature"):
        ours, theirs = getattr(statistics, name), getattr(found, name)
        assert all(
            np.array_equal(getattr(ours, part.name), getattr(theirs, part.name))
            for part in fields(GaussianModel)
        )
    assert (found.features, found.spectral.p99, found.feature.p99) == (
        statistics.features,
        statistics.spectral.p99,
        statistics.feature.p99,
    )


def test_the_same_statistics_give_the_same_bytes_whenever_it_is_written(
    statistics: TrainingStatistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics.write(tmp_path / "first.npz")
    in_a_year = time.time() + 365 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: in_a_year)
    statistics.write(tmp_path / "second.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    with ZipFile(tmp_path / "first.npz") as file:
        assert {part.date_time for part in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("cut", [0, 100, -30])
def test_a_truncated_file_is_refused(
    cut: int, statistics: TrainingStatistics, tmp_path: Path
) -> None:
    statistics.write(tmp_path / "statistics.npz")
    whole = (tmp_path / "statistics.npz").read_bytes()
    (tmp_path / "statistics.npz").write_bytes(whole[:cut])
    with pytest.raises(ModelError, match=r"statistics\.npz: missing or damaged; measure it again"):
        read_training_statistics(tmp_path / "statistics.npz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"statistics\.npz: missing or damaged"):
        read_training_statistics(tmp_path / "statistics.npz")


def test_another_version_is_refused(statistics: TrainingStatistics, tmp_path: Path) -> None:
    statistics.write(tmp_path / "statistics.npz")
    with np.load(tmp_path / "statistics.npz") as stored:
        parts = dict(stored) | {"version": np.array(2)}
    np.savez(tmp_path / "statistics.npz", **parts)
    with pytest.raises(ModelError, match="version 1 is read here and this is version 2"):
        read_training_statistics(tmp_path / "statistics.npz")


def written(statistics: TrainingStatistics, folder: Path) -> bytes:
    statistics.write(folder / "statistics.npz")
    return (folder / "statistics.npz").read_bytes()


def test_what_is_measured(
    statistics: TrainingStatistics, tiles: TileDataset, bare_model: ModelFolder
) -> None:
    assert (statistics.tiles, statistics.tile_px) == (TILES, SIDE)
    assert statistics.features == 96 == len(statistics.feature.mean)
    assert "encoder" in statistics.layer
    known = bare_model.card.input
    stored = np.concatenate([tiles.tile(at).stored.reshape(3, -1) for at in range(TILES)], axis=1)
    pixels = (stored - np.reshape(known.mean, (3, 1))) / np.reshape(known.std, (3, 1))
    assert statistics.pixel_mean == pytest.approx(pixels.mean(axis=1), abs=1e-4)
    assert np.cov(statistics.pixel_axes @ pixels) == pytest.approx(np.eye(3), abs=1e-3)
    assert (
        statistics.spectral.p99
        >= statistics.spectral.distances[99] * 0.999
        > statistics.spectral.median
    )


def test_the_same_tiles_and_seed_give_the_same_bytes(
    statistics: TrainingStatistics, tiles: TileDataset, bare_model: ModelFolder, tmp_path: Path
) -> None:
    again = measure_training_statistics(bare_model, tiles, seed=0)
    assert written(again, tmp_path) == written(statistics, tmp_path)
    other = measure_training_statistics(bare_model, tiles, seed=1)
    assert written(other, tmp_path) != written(statistics, tmp_path)


def test_only_training_tiles_count_and_progress_is_told(
    bare_model: ModelFolder, tmp_path: Path, statistics: TrainingStatistics
) -> None:
    pixels = [training_ground(number) for number in range(20)]
    strange = [5 * ground(99, (SIDE, SIDE)) for _ in range(5)]
    splits = [Split.TRAIN] * 20 + [Split.VALIDATION, Split.TEST] * 2 + [Split.UNUSED]
    dataset = write_tiles(tmp_path / "some", pixels + strange, splits=splits)
    told: list[tuple[float, float]] = []
    found = measure_training_statistics(
        bare_model, dataset, seed=0, progress=lambda done, total: told.append((done, total))
    )
    alone = measure_training_statistics(bare_model, write_tiles(tmp_path / "alone", pixels), seed=0)
    assert written(found, tmp_path) == written(alone, tmp_path)
    assert told == [(done, 20) for done in range(1, 21)]


def test_bands_are_taken_by_name(
    bare_model: ModelFolder, tiles: TileDataset, tmp_path: Path, statistics: TrainingStatistics
) -> None:
    pixels = [tiles.tile(at).stored[[2, 0, 1]] for at in range(TILES)]
    dataset = write_tiles(tmp_path / "other", pixels, bands=("blue", "red", "green"))
    assert BANDS == ("red", "green", "blue")
    found = measure_training_statistics(bare_model, dataset, seed=0)
    assert written(found, tmp_path) == written(statistics, tmp_path)


def test_tiles_without_data_for_the_most_are_left_out(
    bare_model: ModelFolder, tmp_path: Path
) -> None:
    valid = np.zeros((SIDE, SIDE), dtype=np.bool_)
    valid[: SIDE // 2 - 1] = True
    dataset = write_tiles(tmp_path / "tiles", [training_ground(0)] * 12, valid=valid)
    assert not list(patches_of_tile(bare_model.card, dataset, 0, SIDE))
    with pytest.raises(InputError, match=r"at least 10 .* are 0; .* training_statistics=False"):
        measure_training_statistics(bare_model, dataset, seed=0)


def test_pixels_that_are_not_valid_do_not_count(bare_model: ModelFolder, tmp_path: Path) -> None:
    valid = np.ones((SIDE, SIDE), dtype=np.bool_)
    valid[:20] = False
    plain = [training_ground(number) for number in range(12)]
    filled = [np.where(valid, tile, 65_535).astype(np.uint16) for tile in plain]
    first, second = (
        measure_training_statistics(
            bare_model, write_tiles(tmp_path / name, pixels, valid=valid), seed=0
        )
        for name, pixels in (("plain", plain), ("filled", filled))
    )
    assert written(first, tmp_path) == written(second, tmp_path)


def test_large_tiles_are_measured_in_pieces(bare_model: ModelFolder, tmp_path: Path) -> None:
    dataset = write_tiles(tmp_path / "tiles", [ground(at, (600, 600)) for at in range(3)])
    found = measure_training_statistics(bare_model, dataset, seed=0)
    assert (found.tiles, found.tile_px) == (3 * 4, 512)


def test_a_damaged_graph_is_refused(
    tiles: TileDataset, bare_model: ModelFolder, tmp_path: Path
) -> None:
    (tmp_path / "graph.xml").write_text("<net/>")
    with pytest.raises(ModelError, match="truncated or changed"):
        measure_training_statistics(ModelFolder(tmp_path, bare_model.card), tiles, seed=0)


@pytest.mark.parametrize("shape", [(64, 64), (65, 200), (640, 100), (10, 300), (30, 40)])
def test_squares_cover_everything(shape: tuple[int, int]) -> None:
    seen = np.zeros(shape, dtype=np.int64)
    for window in patch_windows(shape, 64):
        assert window.shape == (64, 64)
        assert window.row_off >= 0 <= window.col_off
        seen[window.row_off : window.row_end, window.col_off : window.col_end] += 1
    assert seen.min() >= 1
    assert seen.max() <= 4


def test_squares_stay_inside_where_there_is_room() -> None:
    assert patch_windows((64, 100), 64) == [Window(0, 0, 64, 64), Window(36, 0, 64, 64)]
    assert patch_windows((10, 64), 64) == [Window(0, 0, 64, 64)]


def test_the_first_of_many_are_spread_over_the_scene() -> None:
    chosen = list(spread_windows((20_000, 30_000), 100, 16))
    assert len(set(chosen)) == 16
    places = np.array([(window.row_off / 20_000, window.col_off / 30_000) for window in chosen])
    quarters = (places * 2).astype(int) @ [2, 1]
    assert np.bincount(quarters).min() >= 3
    nearest = [np.sort(np.hypot(*(places - place).T))[1] for place in places]
    assert min(nearest) > 0.1
    assert chosen == list(spread_windows((20_000, 30_000), 100, 16))
    assert chosen[:5] == list(spread_windows((20_000, 30_000), 100, 5))


@pytest.mark.parametrize("shape", [(64, 64), (128, 192), (64, 3000), (450, 450)])
def test_all_of_few_come_once(shape: tuple[int, int]) -> None:
    chosen = list(spread_windows(shape, 64, 1000))
    assert len(chosen) == len(set(chosen))
    assert set(chosen) == set(patch_windows(shape, 64))
