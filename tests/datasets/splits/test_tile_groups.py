from collections.abc import Callable

import numpy as np

from landslip.datasets.format import TileDataset
from landslip.datasets.merging import merge_datasets
from landslip.datasets.splits.duplicates import DuplicatePair
from landslip.datasets.splits.tile_groups import TileGroups, tile_groups

MakeScene = Callable[..., TileDataset]
MakeTiles = Callable[..., TileDataset]
PICTURES = [np.full((1, 8, 8), value, dtype=np.uint8) for value in range(4)]


def test_groups_of_the_dataset_are_kept(make_tiles: MakeTiles) -> None:
    found = tile_groups(make_tiles(PICTURES, groups=["west", "east", "west", "alone"]))
    assert found == TileGroups(names=("west", "east", "west", "alone"), kind="groups")


def test_tiles_of_which_nothing_is_known_are_apart(make_tiles: MakeTiles) -> None:
    found = tile_groups(make_tiles(PICTURES))
    assert found == TileGroups(names=("t000", "t001", "t002", "t003"), kind="tiles")


def test_tiles_of_the_same_content_are_one_group(make_tiles: MakeTiles) -> None:
    copies = DuplicatePair(kind="picture", one=0, other=3, measure=0.9)
    single = tile_groups(make_tiles(PICTURES), [copies])
    assert single == TileGroups(names=("t000", "t001", "t002", "t000"), kind="groups")
    grouped = make_tiles(PICTURES, groups=["a", "a", "b", "b"], name="grouped")
    assert set(tile_groups(grouped, [copies]).names) == {"a"}


def test_tiles_of_a_scene_are_in_blocks_of_four(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((40, 80), dtype=np.uint8), 8)
    found = tile_groups(dataset)
    assert found.kind == "blocks"
    places = zip(dataset.index["row_off"], dataset.index["col_off"], strict=True)
    assert found.names == tuple(f"block region 0 r{row // 32} c{col // 32}" for row, col in places)


def test_a_mixed_dataset_has_groups_and_blocks(
    make_scene: MakeScene, make_tiles: MakeTiles
) -> None:
    scene = make_scene(np.zeros((8, 64), dtype=np.uint8), 8, name="scene")
    pairs = make_tiles(PICTURES, groups=["a", "a", "b", "b"], name="pairs")
    out = scene.path.parent / "merged"
    merge_datasets({"scene": scene, "pairs": pairs}, {}, out)
    found = tile_groups(TileDataset(out))
    assert found.kind == "groups"
    assert [found.names.count(name) for name in dict.fromkeys(found.names)] == [4, 4, 2, 2]


def test_tiles_of_a_single_group_are_taken_apart() -> None:
    groups = TileGroups(names=("a", "b", "a", "b"), kind="groups")
    assert groups.of([1, 2]) == TileGroups(names=("b", "a"), kind="groups")
    assert groups.of([0, 2]) == TileGroups(names=("0", "1"), kind="tiles")
