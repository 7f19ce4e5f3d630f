from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from landslip.datasets.format import TileDataset
from landslip.datasets.merging import merge_datasets
from landslip.datasets.splits.spatial import shared_landslides, tile_footprints

MakeScene = Callable[..., TileDataset]
MakeTiles = Callable[..., TileDataset]
EMPTY: NDArray[np.uint8] = np.zeros((24, 40), dtype=np.uint8)


def mercator(lon: float, lat: float) -> Affine:
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    return Affine(20, 0, x, 0, -20, y)


@pytest.mark.parametrize(
    ("crs", "transform", "side_m"),
    [
        pytest.param("EPSG:32648", Affine(2, 0, 350_000, 0, -2, 3_465_000), 16, id="metres"),
        pytest.param("EPSG:2263", Affine(10, 0, 980_000, 0, -10, 190_000), 24.384, id="feet"),
        # metres of a sphere seen from an ellipsoid: half a percent too many from north to south
        pytest.param("EPSG:3857", mercator(103.4, 60), 80, id="stretched twice"),
        pytest.param("EPSG:4326", Affine(1e-4, 0, 103.4, 0, -1e-4, 0.1), 88.7, id="degrees"),
    ],
)
def test_a_tile_is_as_large_as_on_the_ground(
    make_scene: MakeScene, crs: str, transform: Affine, side_m: float
) -> None:
    ground = tile_footprints(make_scene(EMPTY, 8, crs=crs, transform=transform))
    assert ground.tile_m == pytest.approx(side_m, rel=6e-3)
    assert ground.known.all()


@pytest.mark.parametrize("crs", ["EPSG:32648", "EPSG:3857", "EPSG:4326"])
def test_blocks_are_squares_from_the_upper_left_corner(make_scene: MakeScene, crs: str) -> None:
    degrees = Affine(1e-4, 0, 103.4, 0, -1e-4, 0.1)
    metres = Affine(2, 0, 350_000, 0, -2, 3_465_000)
    dataset = make_scene(EMPTY, 8, crs=crs, transform=degrees if crs == "EPSG:4326" else metres)
    ground = tile_footprints(dataset)
    blocks = ground.blocks(2 * ground.tile_m)
    places = zip(dataset.index["row_off"], dataset.index["col_off"], strict=True)
    assert blocks == [f"region 0 r{row // 16} c{col // 16}" for row, col in places]


def test_near_and_overlapping_as_measured_pair_by_pair(make_scene: MakeScene) -> None:
    ground = tile_footprints(make_scene(EMPTY, 8, step=5))
    metres = [20.0, 0.0, 7.0]
    for distance in metres:
        expected = [
            pair
            for pair in combinations(range(len(ground.polygons)), 2)
            if shapely.distance(*ground.polygons[list(pair)]) < distance - 0.01
        ]
        assert sorted(map(tuple, ground.near(distance).tolist())) == expected
    pairs, shares = ground.overlapping()
    beside = {
        (one, other): share for (one, other), share in zip(pairs.tolist(), shares, strict=True)
    }
    assert beside[0, 1] == pytest.approx(3 / 8)
    assert (0, 2) not in beside


def test_tiles_that_only_touch_do_not_overlap(make_scene: MakeScene) -> None:
    ground = tile_footprints(make_scene(EMPTY, 8))
    assert len(ground.overlapping()[0]) == 0
    # 3 x 5 tiles: 12 pairs side by side, 10 on top of each other, 16 by a corner
    assert len(ground.near(1.0)) == 12 + 10 + 16
    assert len(ground.near(0.0)) == 0


def test_places_far_apart_stay_apart(make_scene: MakeScene, make_tiles: MakeTiles) -> None:
    parts = {
        "here": make_scene(EMPTY, 8, name="here"),
        "there": make_scene(EMPTY, 8, name="there", crs="EPSG:32748"),
        "far": make_scene(EMPTY, 8, name="far", crs="EPSG:32733"),
        "none": make_tiles([np.zeros((1, 8, 8), dtype=np.uint8)]),
    }
    out = parts["here"].path.parent / "joined"
    merge_datasets(parts, {}, out)
    ground = tile_footprints(TileDataset(out))
    assert ground.known.tolist() == [True] * 45 + [False]
    assert len(set(ground.regions[:45].tolist())) == 3
    part = np.repeat([0, 1, 2, 3], [15, 15, 15, 1])
    pairs = ground.near(10_000)
    assert len(pairs) == 3 * 15 * 14 / 2
    assert (part[pairs[:, 0]] == part[pairs[:, 1]]).all()
    assert ground.blocks(100)[45] is None
    assert len(set(ground.blocks(1e6))) == 4


@pytest.mark.parametrize("other", ["EPSG:32701", "EPSG:32760"])
def test_tiles_on_both_sides_of_180_degrees_are_near(make_scene: MakeScene, other: str) -> None:
    to_other = pyproj.Transformer.from_crs(4326, other, always_xy=True)
    parts = {}
    for name, crs, lon in (("west", "EPSG:32760", 179.9998), ("east", other, -179.9998)):
        to_map = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
        x, y = to_map.transform(lon, -17.0)
        grid = Affine(2, 0, x - 8, 0, -2, y + 8)
        parts[name] = make_scene(EMPTY[:8, :8], 8, name=name, crs=crs, transform=grid)
    out = parts["west"].path.parent / "joined"
    merge_datasets(parts, {}, out)
    ground = tile_footprints(TileDataset(out))
    assert set(ground.regions.tolist()) == {0}
    assert shapely.distance(*ground.polygons) == pytest.approx(42.57 - 16, abs=2)
    assert len(ground.near(40.0)) == 1
    assert np.isfinite(to_other.transform(180.0, -17.0)).all()


Spots = Callable[..., NDArray[np.uint8]]


def positions(dataset: TileDataset, side: int) -> dict[tuple[int, int], int]:
    places = zip(dataset.index["row_off"], dataset.index["col_off"], strict=True)
    return {(row // side, col // side): at for at, (row, col) in enumerate(places)}


@pytest.mark.parametrize("seed", range(4))
def test_as_labelled_on_the_whole_scene(make_scene: MakeScene, spots: Spots, seed: int) -> None:
    label, side = spots((48, 60), seed, 0.15), 6
    dataset = make_scene(label, side)
    whole, number = ndimage.label(label, np.ones((3, 3)))
    expected = []
    for landslide in range(1, number + 1):
        rows, cols = np.nonzero(whole == landslide)
        tiles = {(int(row), int(col)) for row, col in zip(rows // side, cols // side, strict=True)}
        if len(tiles) > 1:
            expected.append(sorted(positions(dataset, side)[tile] for tile in tiles))
    assert len(expected) > 5
    assert sorted(found.tolist() for found in shared_landslides(dataset)) == sorted(expected)


def test_corners_touch_and_gaps_do_not(make_scene: MakeScene) -> None:
    label = np.zeros((8, 12), dtype=np.uint8)
    label[3, 3] = label[4, 4] = 1  # across a corner
    label[1, 7] = label[1, 9] = 1  # a pixel apart, in tiles that touch
    (found,) = shared_landslides(make_scene(label, 4))
    assert found.tolist() == [0, 4]


def test_tiles_that_overlap_share_what_both_show(make_scene: MakeScene) -> None:
    label = np.zeros((4, 12), dtype=np.uint8)
    label[1, 5] = 1
    dataset = make_scene(label, 4, step=2)  # columns 0-3, 2-5, 4-7, 6-9, 8-11
    (found,) = shared_landslides(dataset)
    assert found.tolist() == [1, 2]


def test_a_landslide_of_two_scenes_is_two(make_scene: MakeScene) -> None:
    left, right = np.zeros((2, 4, 4), dtype=np.uint8)
    left[:, 3] = 1
    right[:, 0] = 1
    parts = {name: make_scene(label, 4, name=name) for name, label in (("a", left), ("b", right))}
    out = parts["a"].path.parent / "joined"
    merge_datasets(parts, {}, out)
    assert shared_landslides(TileDataset(out)) == []


def test_a_dataset_without_landslides_or_windows(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((8, 8), dtype=np.uint8), 4)
    assert shared_landslides(dataset) == []
    ones = np.ones((8, 8), dtype=np.uint8)
    ones[0, 0] = 0
    striped = make_scene(ones, 4, name="ones")
    assert [found.tolist() for found in shared_landslides(striped)] == [[0, 1, 2, 3]]
    del striped.index["scene"]
    assert shared_landslides(striped) == []
