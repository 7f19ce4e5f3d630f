"""Tiles of reviewed ground: what is in them, and which are never divided."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely import box
from tests.factories.datasets import bright_square, write_dataset
from tests.factories.models import make_card

from landslip.core.choices import Split
from landslip.core.errors import InputError, ModelError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import TileDataset
from landslip.io.raster import Scene
from landslip.models.card import ModelCard
from landslip.review.ground import Outlines, ReviewedScene
from landslip.review.ground_blocks import blocks_of_ground
from landslip.review.ground_tiles import OwnTiles, write_ground_tiles

WriteRaster = Callable[..., Path]
X, Y, SIDE = 500_000, 4_000_000, 16
BANDS = ("blue", "green", "red", "nir")


def outlines(*boxes: tuple[int, int, int, int]) -> Outlines:
    """Return rectangles from first column and row to those after the last."""
    found = np.empty(len(boxes), dtype=object)
    found[:] = [box(X + one[0], Y - one[3], X + one[2], Y - one[1]) for one in boxes]
    return found


def pixels() -> NDArray[np.uint16]:
    """Return five bands of 64 x 96 pixels that tell their place."""
    band, row, col = np.mgrid[0:5, 0:64, 0:96]
    stored: NDArray[np.uint16] = (100 + 10 * band + row + col).astype(np.uint16)
    return stored


@pytest.fixture
def card() -> ModelCard:
    """Give a model of four bands and tiles of 16 px."""
    return make_card(tile_size=SIDE)


@pytest.fixture
def reviewed(write_raster: WriteRaster) -> ReviewedScene:
    """Give a scene with three landslides apart from each other, and some ground that was seen."""
    scene = write_raster("scene.tif", pixels(), names=("nir", "red", "green", "blue", "coastal"))
    return ReviewedScene(
        scene=scene,
        landslides=outlines((2, 2, 8, 8), (50, 4, 58, 10), (20, 50, 28, 58)),
        rejected=outlines((80, 50, 90, 60)),
        unjudged=outlines((4, 10, 8, 14)),
        looked_at=outlines((0, 0, 16, 16)),
    )


def test_tiles_hold_the_models_bands_and_what_was_decided(
    reviewed: ReviewedScene, card: ModelCard, tmp_path: Path
) -> None:
    ground = write_ground_tiles([reviewed], card, tmp_path / "tiles")
    dataset = TileDataset(tmp_path / "tiles")
    assert dataset.bands.names == BANDS
    assert {*dataset.splits} == {Split.TRAIN}
    with Scene(reviewed.scene) as scene:
        for at, (row, col) in enumerate(
            zip(dataset.column("row_off"), dataset.column("col_off"), strict=True)
        ):
            tile, window = dataset.tile(at), Window(col, row, SIDE, SIDE)
            assert (tile.label == reviewed.label(scene.grid, window)).all()
            assert (tile.stored[0] == pixels()[3, row : row + SIDE, col : col + SIDE]).all()
    assert ground.landslides == 3
    assert ground.rejected == 1
    assert ground.unjudged == 1
    assert ground.cells == 1
    assert ground.landslide_blocks == 3
    labelled = sum(dataset.column("valid_px"))
    landslide = sum(dataset.column("landslide_px"))
    assert landslide == 36 + 48 + 64
    assert ground.labelled_km2 == pytest.approx(labelled / 1e6)
    assert ground.landslide_share == pytest.approx(landslide / labelled)


def test_nothing_is_labelled_beyond_the_scene(reviewed: ReviewedScene, tmp_path: Path) -> None:
    at_edge = replace(reviewed, looked_at=outlines((64, 32, 128, 96)))
    write_ground_tiles([at_edge], make_card(tile_size=48), tmp_path / "tiles")
    dataset = TileDataset(tmp_path / "tiles")
    for at in range(len(dataset)):
        row, col = dataset.column("row_off")[at], dataset.column("col_off")[at]
        label = dataset.tile(at).label
        assert (label[max(64 - row, 0) :] == 255).all()
        assert (label[:, max(96 - col, 0) :] == 255).all()


def test_tiles_that_touch_are_one_block_until_blocks_would_be_too_few() -> None:
    boxes = np.array(
        [box(16 * col, 16 * row, 16 * col + 16, 16 * row + 16) for row, col in np.ndindex(8, 8)]
        + [box(400, 0, 416, 16), box(416, 16, 432, 32)],
        dtype=object,
    )
    landslide = [True] * len(boxes)
    whole = blocks_of_ground(boxes, landslide, 2)
    assert len(set(whole[:64])) == 1
    assert whole[64] == whole[65] != whole[0]
    cut = blocks_of_ground(boxes, landslide, 4)
    assert len(set(cut[:64])) == 4
    assert cut[64] == cut[65]
    finer = blocks_of_ground(boxes, landslide, 12)
    assert len(set(finer[:64])) == 16
    for names in (cut, finer):  # blocks are squares
        for name in set(names[:64]):
            own = boxes[:64][[one == name for one in names[:64]]]
            left, bottom, right, top = shapely.total_bounds(own)
            assert (right - left) * (top - bottom) == pytest.approx(256 * len(own))


def test_two_reviews_of_one_scene_become_one(
    reviewed: ReviewedScene, card: ModelCard, tmp_path: Path
) -> None:
    other = ReviewedScene(scene=reviewed.scene, rejected=outlines((2, 2, 8, 8)))
    write_ground_tiles(
        [reviewed, replace(other, landslides=reviewed.landslides)], card, tmp_path / "a"
    )
    write_ground_tiles([reviewed], card, tmp_path / "b")
    one, both = TileDataset(tmp_path / "b"), TileDataset(tmp_path / "a")
    assert one.tile_ids == both.tile_ids
    disagreed = ReviewedScene(
        scene=reviewed.scene, rejected=outlines((2, 2, 8, 8), (50, 4, 58, 10), (20, 50, 28, 58))
    )
    with pytest.raises(InputError, match=r"3 blocks of ground .* are the least.*got 0"):
        write_ground_tiles([reviewed, disagreed], card, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_too_little_ground_is_refused_with_what_to_review_next(
    reviewed: ReviewedScene, card: ModelCard, tmp_path: Path
) -> None:
    one = replace(reviewed, landslides=reviewed.landslides[:1])
    with pytest.raises(InputError, match="Review landslides in 2 more places next"):
        write_ground_tiles([one], card, tmp_path / "tiles")
    nothing = ReviewedScene(scene=reviewed.scene, unjudged=reviewed.unjudged)
    with pytest.raises(InputError, match="nothing is judged and no cell was looked at"):
        write_ground_tiles([nothing], card, tmp_path / "tiles")


def test_a_scene_of_other_bands_is_refused(
    write_raster: WriteRaster, reviewed: ReviewedScene, card: ModelCard, tmp_path: Path
) -> None:
    without = write_raster("other.tif", pixels()[:3], names=("red", "green", "blue"))
    with pytest.raises(ModelError, match="nir is not among"):
        write_ground_tiles([replace(reviewed, scene=without)], card, tmp_path / "tiles")


def test_scenes_of_other_units_are_refused(
    write_raster: WriteRaster, reviewed: ReviewedScene, card: ModelCard, tmp_path: Path
) -> None:
    other = write_raster(
        "wide.tif", pixels().astype(np.int32), names=("nir", "red", "green", "blue", "coastal")
    )
    with pytest.raises(InputError, match="one of them at a time"):
        write_ground_tiles([reviewed, replace(reviewed, scene=other)], card, tmp_path / "tiles")


def own_tiles(tmp_path: Path, grid: Grid, windows: list[Window]) -> OwnTiles:
    generator = np.random.default_rng(0)
    tiles = [bright_square(f"t{at}", generator, side=32) for at in range(len(windows))]
    made: Any = {
        "bands": BANDS,
        "grid": grid,
        "windows": windows,
        "splits": [Split.TRAIN] * len(tiles),
    }
    return OwnTiles(write_dataset(tmp_path / "own", tiles, **made), 0)


def test_own_tiles_follow_but_not_those_of_reviewed_ground(
    reviewed: ReviewedScene, card: ModelCard, tmp_path: Path
) -> None:
    with Scene(reviewed.scene) as scene:
        grid = scene.grid
    windows = [
        Window(0, 0, 32, 32),
        Window(40, 0, 32, 32),
        *(Window(200 * at, 200, 32, 32) for at in range(1, 5)),
    ]
    own = own_tiles(tmp_path, grid, windows)
    ground = write_ground_tiles([reviewed], card, tmp_path / "tiles", own=own)
    names = TileDataset(tmp_path / "tiles").tile_ids
    assert not any(name.startswith("own_") for name in names[: ground.tiles])
    assert sorted(names[ground.tiles :]) == ["own_t2", "own_t3", "own_t4", "own_t5"]
    few = ground.model_copy(update={"tiles": 2})
    assert len(own.drawn(few.tiles)) == 2
