import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.models.ood.conftest import (
    BANDS,
    SIDE,
    Pixels,
    ground,
    score_tiles,
    training_ground,
    write_tiles,
)

from landslip.core.errors import ModelError
from landslip.datasets.format import TileDataset
from landslip.io.raster import Scene
from landslip.models.folder import (
    CARD,
    EARLIER_TRAINING_STATISTICS,
    TRAINING_STATISTICS,
    ModelFolder,
    open_model,
)
from landslip.models.ood.score import OodScore, score_scene

WriteRaster = Callable[..., Path]


def mosaic(rows: int, cols: int, tile: Callable[[int], Pixels]) -> Pixels:
    """Return a scene of tiles side by side."""
    return np.concatenate(
        [
            np.concatenate([tile(500 + row * cols + col) for col in range(cols)], axis=2)
            for row in range(rows)
        ],
        axis=1,
    )


def score_of(path: Path, model: ModelFolder) -> OodScore | None:
    with Scene(path) as scene:
        return score_scene(scene, model)


def test_a_scene_like_the_training_tiles_is_in_distribution(
    model: ModelFolder, write_raster: WriteRaster
) -> None:
    path = write_raster("scene.tif", mosaic(6, 5, training_ground), names=BANDS, nodata=0)
    found = score_of(path, model)
    assert found is not None
    assert found.tiles == 16
    assert max(found.spectral_share, found.feature_share) <= 1 / 16
    assert found.spectral_ratio == pytest.approx(1, abs=0.25)
    assert found.feature_ratio == pytest.approx(1, abs=0.25)
    assert found.notes() == []
    assert found == score_of(path, model)


def test_a_brighter_scene_has_unusual_spectra(
    model: ModelFolder, write_raster: WriteRaster
) -> None:
    scene = mosaic(4, 4, lambda at: ground(at, (SIDE, SIDE), gain=1.6))
    found = score_of(write_raster("scene.tif", scene, names=BANDS), model)
    assert found is not None
    assert found.spectral_share == 1
    assert found.spectral_ratio > 2
    note = found.notes()[0].text()
    assert note.startswith(
        "the scene is out of distribution: 100 % of its sampled tiles have spectra beyond "
        "those of 99 % of the training tiles ("
    )
    assert note.endswith("check the map and fine-tune the model on some tiles of the scene")


def test_the_same_pixels_in_another_order_have_unusual_features(
    model: ModelFolder, write_raster: WriteRaster
) -> None:
    """Nothing but the network can tell: all that is said of spectra stays as it was."""

    def sorted_tile(at: int) -> Pixels:
        pixels = training_ground(at).reshape(3, -1)
        return pixels[:, np.argsort(pixels.sum(axis=0))].reshape(3, SIDE, SIDE)

    plain = score_of(write_raster("a.tif", mosaic(4, 4, training_ground), names=BANDS), model)
    found = score_of(write_raster("b.tif", mosaic(4, 4, sorted_tile), names=BANDS), model)
    assert plain is not None
    assert found is not None
    assert found.spectral_ratio == pytest.approx(plain.spectral_ratio)
    assert found.feature_share > 0.5
    (note,) = found.notes()
    assert "% of its sampled tiles have network features beyond those of 99 %" in note.text()


def test_a_scene_of_other_bands_order_is_read_by_name(
    model: ModelFolder, write_raster: WriteRaster
) -> None:
    scene = mosaic(3, 3, training_ground)
    names = ("blue", "nir", "red", "green")
    moved = np.stack([scene[2], scene[2] * 7, scene[0], scene[1]])
    first = score_of(write_raster("a.tif", scene, names=BANDS), model)
    assert first == score_of(write_raster("b.tif", moved, names=names), model)


def test_parts_without_data_are_passed_over(model: ModelFolder, write_raster: WriteRaster) -> None:
    """Of 64 tiles only the lower right ones hold data, a fill value that is far from all else."""
    scene = np.full((3, 8 * SIDE, 8 * SIDE), 60_000, dtype=np.uint16)
    scene[:, 5 * SIDE :, 4 * SIDE :] = mosaic(3, 4, training_ground)
    found = score_of(write_raster("scene.tif", scene, names=BANDS, nodata=60_000), model)
    assert found is not None
    assert 3 <= found.tiles <= 12
    assert found.notes() == []


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (20, 500), (SIDE, 2 * SIDE)])
def test_of_too_few_tiles_nothing_is_said(
    shape: tuple[int, int], model: ModelFolder, write_raster: WriteRaster
) -> None:
    path = write_raster("scene.tif", ground(0, shape, gain=5), names=BANDS)
    assert score_of(path, model) is None


def test_of_a_scene_without_data_nothing_is_said(
    model: ModelFolder, write_raster: WriteRaster
) -> None:
    path = write_raster("scene.tif", np.zeros((3, 300, 300), np.uint16), names=BANDS, nodata=0)
    assert score_of(path, model) is None


def test_scenes_little_larger_than_a_tile_are_score_of(
    model: ModelFolder, write_raster: WriteRaster
) -> None:
    path = write_raster("scene.tif", ground(0, (100, 100), gain=3), names=BANDS)
    found = score_of(path, model)
    assert found is not None
    assert found.tiles == 4
    assert found.notes()


def test_a_model_that_nothing_was_measured_for_says_nothing(
    bare_model: ModelFolder, tiles: TileDataset, write_raster: WriteRaster
) -> None:
    path = write_raster("scene.tif", mosaic(3, 3, training_ground), names=BANDS)
    assert score_of(path, bare_model) is None
    assert score_tiles(tiles, range(10), bare_model) is None


def test_tiles_are_judged_as_a_scene_of_them_is(
    model: ModelFolder, write_raster: WriteRaster, tmp_path: Path
) -> None:
    unlike = [ground(at, (SIDE, SIDE), grain_px=8) for at in range(500, 509)]
    scene = mosaic(3, 3, lambda at: unlike[at - 500])
    as_scene = score_of(write_raster("scene.tif", scene, names=BANDS), model)
    as_tiles = score_tiles(write_tiles(tmp_path / "tiles", unlike), range(9), model)
    assert as_scene is not None
    assert as_tiles is not None
    assert (as_scene.tiles, as_scene.feature_share) == (9, as_tiles.feature_share)
    assert as_scene.feature_ratio == pytest.approx(as_tiles.feature_ratio)
    assert as_scene.spectral_ratio == pytest.approx(as_tiles.spectral_ratio)
    whole = write_tiles(tmp_path / "whole", [scene])
    assert score_tiles(whole, [0], model) == as_scene


def test_one_strange_tile_of_few_is_no_alarm() -> None:
    def shares(tiles: int, strange: int) -> OodScore:
        return OodScore(
            tiles=tiles,
            spectral_share=strange / tiles,
            feature_share=0.0,
            spectral_ratio=1.0,
            feature_ratio=1.0,
        )

    assert shares(3, 1).notes() == []
    assert len(shares(3, 2).notes()) == 1
    assert shares(16, 3).notes() == []
    assert len(shares(16, 4).notes()) == 1


def test_damaged_statistics_are_refused(
    model: ModelFolder, tiles: TileDataset, tmp_path: Path
) -> None:
    (tmp_path / TRAINING_STATISTICS).write_bytes(b"")
    with pytest.raises(ModelError, match=r"training_statistics\.npz: .* truncated or changed"):
        score_tiles(tiles, range(10), ModelFolder(tmp_path, model.card))


def test_a_folder_of_an_earlier_version_is_read(
    model: ModelFolder, tiles: TileDataset, tmp_path: Path
) -> None:
    """It had the same content in look.npz, and described it under the key ``look``."""
    folder = tmp_path / "model"
    shutil.copytree(model.path, folder)
    (folder / TRAINING_STATISTICS).rename(folder / EARLIER_TRAINING_STATISTICS)
    card = json.loads((folder / CARD).read_text())
    card["files"][EARLIER_TRAINING_STATISTICS] = card["files"].pop(TRAINING_STATISTICS)
    del card["training_statistics"]
    card["look"] = {
        "file": EARLIER_TRAINING_STATISTICS,
        "tiles": 60,
        "tile_px": SIDE,
        "features": 96,
        "layer": "encoder",
        "spectral_p99": 1.5,
        "feature_p99": 1.5,
        "dataset_source": "made by code",
        "pixels_sha256": "0" * 64,
    }
    (folder / CARD).write_text(json.dumps(card))
    earlier = open_model(folder)
    assert earlier.card.training_statistics is not None
    assert earlier.card.training_statistics.tiles == 60
    assert score_tiles(tiles, range(10), earlier) == score_tiles(tiles, range(10), model)
