from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray

from landslip.datasets.format import TileDataset
from landslip.datasets.join import join_datasets
from landslip.datasets.splits.ground import ground_of

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
    ground = ground_of(make_scene(EMPTY, 8, crs=crs, transform=transform))
    assert ground.tile_m == pytest.approx(side_m, rel=6e-3)
    assert ground.known.all()


@pytest.mark.parametrize("crs", ["EPSG:32648", "EPSG:3857", "EPSG:4326"])
def test_blocks_are_squares_from_the_upper_left_corner(make_scene: MakeScene, crs: str) -> None:
    degrees = Affine(1e-4, 0, 103.4, 0, -1e-4, 0.1)
    metres = Affine(2, 0, 350_000, 0, -2, 3_465_000)
    dataset = make_scene(EMPTY, 8, crs=crs, transform=degrees if crs == "EPSG:4326" else metres)
    ground = ground_of(dataset)
    blocks = ground.blocks(2 * ground.tile_m)
    places = zip(dataset.index["row_off"], dataset.index["col_off"], strict=True)
    assert blocks == [f"region 0 r{row // 16} c{col // 16}" for row, col in places]


def test_near_and_overlapping_as_measured_pair_by_pair(make_scene: MakeScene) -> None:
    ground = ground_of(make_scene(EMPTY, 8, step=5))
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
    ground = ground_of(make_scene(EMPTY, 8))
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
    join_datasets(parts, {}, out)
    ground = ground_of(TileDataset(out))
    assert ground.known.tolist() == [True] * 45 + [False]
    assert len(set(ground.regions[:45].tolist())) == 3
    part = np.repeat([0, 1, 2, 3], [15, 15, 15, 1])
    pairs = ground.near(10_000)
    assert len(pairs) == 3 * 15 * 14 / 2
    assert (part[pairs[:, 0]] == part[pairs[:, 1]]).all()
    assert ground.blocks(100)[45] is None
    assert len(set(ground.blocks(1e6))) == 4
