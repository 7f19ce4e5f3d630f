import itertools

import numpy as np
import pytest
import shapely
import shapely.affinity
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from landslip.extraction.polygons import Landslide, PolygonCollector, to_map

MASKS = hnp.arrays(
    np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 16)), elements=st.booleans(), fill=None
)


def collected(
    found: NDArray[np.bool_], cuts: list[int], probability: NDArray[np.float32] | None = None
) -> list[Landslide]:
    """Feed a mask in chunks of rows that end at the cuts."""
    values = found.astype(np.float32) if probability is None else probability
    collector = PolygonCollector()
    edges = sorted({0, len(found), *(cut for cut in cuts if 0 < cut < len(found))})
    for first, end in itertools.pairwise(edges):
        collector.add(found[first:end], values[first:end])
    return collector.finish()


def burnt(landslides: list[Landslide], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Count at each pixel the landslides that cover its centre."""
    covering = np.zeros(shape, dtype=np.int64)
    for landslide in landslides:
        covering += rasterize([landslide.polygon], shape, transform=Affine.translation(0, 0))
    return covering


def picture(*rows: str) -> NDArray[np.bool_]:
    return np.array([[character == "#" for character in row] for row in rows])


def test_nothing_found_is_no_landslide() -> None:
    assert collected(np.zeros((5, 4), dtype=bool), [2]) == []


@given(found=MASKS, cuts=st.lists(st.integers(1, 23), max_size=6))
def test_raster_to_polygons_to_raster_is_identity(
    found: NDArray[np.bool_], cuts: list[int]
) -> None:
    landslides = collected(found, cuts)
    np.testing.assert_array_equal(burnt(landslides, found.shape), found)
    for landslide in landslides:
        assert landslide.polygon.is_valid, shapely.is_valid_reason(landslide.polygon)
        assert landslide.polygon.area == landslide.pixels
    _, count = ndimage.label(found)
    assert len(landslides) == count


@pytest.mark.parametrize("density", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_large_masks(density: float, chunk: int) -> None:
    found = np.random.default_rng(0).random((64, 64)) < density
    landslides = collected(found, list(range(chunk, 64, chunk)))
    np.testing.assert_array_equal(burnt(landslides, found.shape), found)
    assert len(landslides) == ndimage.label(found)[1]
    assert all(landslide.polygon.is_valid for landslide in landslides)


@given(found=MASKS, cuts=st.lists(st.integers(1, 23), max_size=6), seed=st.integers(0, 9))
def test_probabilities_are_those_under_the_landslide(
    found: NDArray[np.bool_], cuts: list[int], seed: int
) -> None:
    probability = np.random.default_rng(seed).random(found.shape, dtype=np.float32)
    landslides = collected(found, cuts, probability)
    for landslide in landslides:
        under = probability[burnt([landslide], found.shape) > 0].astype(np.float64)
        assert landslide.mean_probability == pytest.approx(under.mean(), rel=1e-6)
        assert landslide.max_probability == under.max()
        assert landslide.pixels == len(under)


@given(found=MASKS, cuts=st.lists(st.integers(1, 23), max_size=6))
def test_how_rows_arrive_makes_no_difference(found: NDArray[np.bool_], cuts: list[int]) -> None:
    whole, parts = collected(found, []), collected(found, cuts)
    assert [one.pixels for one in whole] == [one.pixels for one in parts]
    for one, other in zip(whole, parts, strict=True):
        assert one.polygon.equals(other.polygon)


@pytest.mark.parametrize(
    ("found", "sizes"),
    [
        pytest.param(picture("#.#", "###"), [5], id="two above join below"),
        pytest.param(picture("###", "#.#"), [5], id="one above parts below"),
        pytest.param(picture("#.#.#", "#.#.#", "###.#"), [7, 3], id="some join"),
        pytest.param(picture("#.", ".#"), [1, 1], id="a corner does not join"),
        pytest.param(picture("####", "#..#", "####"), [10], id="a hole"),
        pytest.param(picture("#####", "#...#", "#.#.#", "#...#", "#####"), [16, 1], id="an island"),
    ],
)
@pytest.mark.parametrize("cuts", [[], [1], [1, 2, 3, 4]], ids=["at once", "cut", "row by row"])
def test_landslides_largest_first(
    found: NDArray[np.bool_], sizes: list[int], cuts: list[int]
) -> None:
    assert [landslide.pixels for landslide in collected(found, cuts)] == sizes


@pytest.mark.parametrize("cuts", [[], [1], [2], [1, 2, 3]], ids=str)
def test_a_hole_is_kept(cuts: list[int]) -> None:
    (ring,) = collected(picture("####", "#..#", "#..#", "####"), cuts)
    (hole,) = ring.polygon.interiors
    assert shapely.Polygon(hole).equals(shapely.box(1, 1, 3, 3))
    assert shapely.Polygon(ring.polygon.exterior).equals(shapely.box(0, 0, 4, 4))


@pytest.mark.parametrize("chunk", [1, 5, 40])
def test_chunks_leave_no_points_along_straight_edges(chunk: int) -> None:
    (bar,) = collected(np.ones((40, 3), dtype=bool), list(range(chunk, 40, chunk)))
    assert len(bar.polygon.exterior.coords) <= 6


def test_equal_landslides_go_from_top_to_bottom_and_left_to_right() -> None:
    found = picture("..#..#", "......", "#.....")
    corners = [landslide.polygon.bounds[:2] for landslide in collected(found, [1])]
    assert corners == [(2, 0), (5, 0), (0, 2)]


@pytest.mark.parametrize(
    "transform",
    [Affine(2, 0, 100, 0, -2, 50), Affine(1.6, 1.2, 7, 1.2, -1.6, 9), Affine.identity()],
    ids=["north up", "turned", "none"],
)
def test_polygons_are_placed_by_the_transform(transform: Affine) -> None:
    landslides = collected(picture("###", "#.#", "###", "...", ".#."), [2])
    placed = to_map(landslides, transform)
    a, b, c, d, e, f = transform[:6]
    for landslide, polygon in zip(landslides, placed, strict=True):
        expected = shapely.affinity.affine_transform(landslide.polygon, (a, b, d, e, c, f))
        assert polygon.normalize().equals_exact(expected.normalize(), 1e-9)
        assert polygon.area == pytest.approx(landslide.pixels * abs(transform.determinant))


def test_no_landslide_is_placed_nowhere() -> None:
    assert to_map([], Affine.identity()).tolist() == []
