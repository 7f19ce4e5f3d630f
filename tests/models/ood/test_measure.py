from pathlib import Path

import numpy as np
import pytest
from tests.models.ood.conftest import BANDS, SIDE, TILES, ground, training_ground, write_tiles

from landslip.core.choices import Split
from landslip.core.errors import InputError, ModelError
from landslip.datasets.format import TileDataset
from landslip.models.folder import ModelFolder
from landslip.models.ood.look import Look
from landslip.models.ood.measure import measure_look, pieces_of_tile


def written(look: Look, folder: Path) -> bytes:
    look.write(folder / "look.npz")
    return (folder / "look.npz").read_bytes()


def test_what_is_measured(look: Look, tiles: TileDataset, bare_model: ModelFolder) -> None:
    assert (look.tiles, look.tile_px) == (TILES, SIDE)
    assert look.features == 96 == len(look.feature.mean)
    assert "encoder" in look.layer
    known = bare_model.card.input
    stored = np.concatenate([tiles.tile(at).stored.reshape(3, -1) for at in range(TILES)], axis=1)
    pixels = (stored - np.reshape(known.mean, (3, 1))) / np.reshape(known.std, (3, 1))
    assert look.pixel_mean == pytest.approx(pixels.mean(axis=1), abs=1e-4)
    assert np.cov(look.pixel_axes @ pixels) == pytest.approx(np.eye(3), abs=1e-3)
    assert look.spectral.p99 >= look.spectral.distances[99] * 0.999 > look.spectral.median


def test_the_same_tiles_and_seed_give_the_same_bytes(
    look: Look, tiles: TileDataset, bare_model: ModelFolder, tmp_path: Path
) -> None:
    again = measure_look(bare_model, tiles, seed=0)
    assert written(again, tmp_path) == written(look, tmp_path)
    other = measure_look(bare_model, tiles, seed=1)
    assert written(other, tmp_path) != written(look, tmp_path)


def test_only_training_tiles_count_and_progress_is_told(
    bare_model: ModelFolder, tmp_path: Path, look: Look
) -> None:
    pixels = [training_ground(number) for number in range(20)]
    strange = [5 * ground(99, (SIDE, SIDE)) for _ in range(5)]
    splits = [Split.TRAIN] * 20 + [Split.VALIDATION, Split.TEST] * 2 + [Split.UNUSED]
    dataset = write_tiles(tmp_path / "some", pixels + strange, splits=splits)
    told: list[tuple[float, float]] = []
    found = measure_look(
        bare_model, dataset, seed=0, progress=lambda done, total: told.append((done, total))
    )
    alone = measure_look(bare_model, write_tiles(tmp_path / "alone", pixels), seed=0)
    assert written(found, tmp_path) == written(alone, tmp_path)
    assert told == [(done, 20) for done in range(1, 21)]


def test_bands_are_taken_by_name(
    bare_model: ModelFolder, tiles: TileDataset, tmp_path: Path, look: Look
) -> None:
    pixels = [tiles.tile(at).stored[[2, 0, 1]] for at in range(TILES)]
    dataset = write_tiles(tmp_path / "other", pixels, bands=("blue", "red", "green"))
    assert BANDS == ("red", "green", "blue")
    found = measure_look(bare_model, dataset, seed=0)
    assert written(found, tmp_path) == written(look, tmp_path)


def test_tiles_without_data_for_the_most_are_left_out(
    bare_model: ModelFolder, tmp_path: Path
) -> None:
    valid = np.zeros((SIDE, SIDE), dtype=np.bool_)
    valid[: SIDE // 2 - 1] = True
    dataset = write_tiles(tmp_path / "tiles", [training_ground(0)] * 12, valid=valid)
    assert not list(pieces_of_tile(bare_model.card, dataset, 0, SIDE))
    with pytest.raises(InputError, match=r"from at least 10 .*, and there are 0; .* --no-look"):
        measure_look(bare_model, dataset, seed=0)


def test_pixels_that_are_not_valid_do_not_count(bare_model: ModelFolder, tmp_path: Path) -> None:
    valid = np.ones((SIDE, SIDE), dtype=np.bool_)
    valid[:20] = False
    plain = [training_ground(number) for number in range(12)]
    filled = [np.where(valid, tile, 65_535).astype(np.uint16) for tile in plain]
    first, second = (
        measure_look(bare_model, write_tiles(tmp_path / name, pixels, valid=valid), seed=0)
        for name, pixels in (("plain", plain), ("filled", filled))
    )
    assert written(first, tmp_path) == written(second, tmp_path)


def test_large_tiles_are_measured_in_pieces(bare_model: ModelFolder, tmp_path: Path) -> None:
    dataset = write_tiles(tmp_path / "tiles", [ground(at, (600, 600)) for at in range(3)])
    found = measure_look(bare_model, dataset, seed=0)
    assert (found.tiles, found.tile_px) == (3 * 4, 512)


def test_a_damaged_graph_is_refused(
    tiles: TileDataset, bare_model: ModelFolder, tmp_path: Path
) -> None:
    (tmp_path / "graph.xml").write_text("<net/>")
    with pytest.raises(ModelError, match="truncated or changed"):
        measure_look(ModelFolder(tmp_path, bare_model.card), tiles, seed=0)
