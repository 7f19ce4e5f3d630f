import itertools
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from rasterio.features import rasterize, shapes
from scipy import ndimage

from landslip.inference import connected_components
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import Landslides, concatenate_landslides

MASKS = hnp.arrays(
    np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 16)), elements=st.booleans(), fill=None
)
CUTS = st.lists(st.integers(1, 23), max_size=6)
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def collected(
    found: NDArray[np.bool_],
    cuts: list[int],
    probability: NDArray[np.uint8] | None = None,
    collector: Polygonizer | None = None,
) -> Landslides:
    """Feed a mask in bands of rows that end at the cuts."""
    values = found.astype(np.uint8) if probability is None else probability
    collector = collector or Polygonizer()
    edges = sorted({0, len(found), *(cut for cut in cuts if 0 < cut < len(found))})
    done: list[Landslides] = []
    for first, end in itertools.pairwise(edges):
        collector.add(found[first:end], values[first:end])
        done += collector.take()
    return concatenate_landslides(done + collector.finish())


def burnt(landslides: Landslides, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Count at each pixel the landslides that cover its centre."""
    covering = np.zeros(shape, dtype=np.int64)
    for polygon in landslides.outlines.geometries():
        covering += rasterize([polygon], shape, transform=Affine.identity())
    return covering


def picture(*rows: str) -> NDArray[np.bool_]:
    return np.array([[character == "#" for character in row] for row in rows])


def some_steps(shape: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 251, shape).astype(np.uint8)


def assert_same(one: Landslides, other: Landslides) -> None:
    """Compare to the last bit, order included."""
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.probability_sums, other.probability_sums)
    np.testing.assert_array_equal(one.probability_maxima, other.probability_maxima)
    np.testing.assert_array_equal(one.outlines.points, other.outlines.points)
    np.testing.assert_array_equal(one.outlines.rings, other.outlines.rings)
    np.testing.assert_array_equal(one.outlines.polygons, other.outlines.polygons)


def test_nothing_found_is_no_landslide() -> None:
    assert len(collected(np.zeros((5, 4), dtype=np.bool_), [2])) == 0
    assert Polygonizer().finish() == []


@given(found=MASKS, cuts=CUTS)
def test_raster_to_polygons_to_raster_is_identity(
    found: NDArray[np.bool_], cuts: list[int]
) -> None:
    landslides = collected(found, cuts)
    np.testing.assert_array_equal(burnt(landslides, found.shape), found)
    np.testing.assert_array_equal(shapely.area(landslides.outlines.geometries()), landslides.pixels)
    assert len(landslides) == ndimage.label(found)[1]


@given(found=MASKS, cuts=CUTS)
def test_polygons_are_those_that_gdal_makes_of_the_whole(
    found: NDArray[np.bool_], cuts: list[int]
) -> None:
    made = collected(found, cuts).outlines.geometries()
    whole = [
        shapely.geometry.shape(one)
        for one, _ in shapes(found.astype(np.uint8), mask=found, connectivity=4)
    ]
    assert shapely.is_valid(made).all()
    assert sorted(shapely.to_wkt(shapely.normalize(made))) == sorted(
        shapely.to_wkt(shapely.normalize(np.array(whole, dtype=object)))
    )


@given(found=MASKS, cuts=CUTS, seed=st.integers(0, 9))
def test_probabilities_are_those_under_the_landslide(
    found: NDArray[np.bool_], cuts: list[int], seed: int
) -> None:
    probability = some_steps(found.shape, seed)
    landslides = collected(found, cuts, probability)
    for at in range(len(landslides)):
        one = landslides.take(np.array([at]))
        under = probability[burnt(one, found.shape) > 0].astype(int)
        assert one.pixels == len(under)
        assert one.probability_sums == under.sum()
        assert one.probability_maxima == under.max()


@ONE_FOLDER
@given(
    found=MASKS,
    cuts=CUTS,
    band_px=st.integers(1, 60),
    open_corners=st.integers(0, 20),
    trace_corners=st.integers(1, 40),
)
def test_how_rows_arrive_and_where_corners_wait_makes_no_difference(
    found: NDArray[np.bool_],
    cuts: list[int],
    band_px: int,
    open_corners: int,
    trace_corners: int,
    tmp_path: Path,
) -> None:
    probability = some_steps(found.shape, 0)
    whole = collected(found, [], probability)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connected_components, "_BAND_PX", band_px)
        patch.setattr(connected_components, "_TRACE_CORNERS", trace_corners)
        collector = Polygonizer(tmp_path, open_corners=open_corners)
        parts = collected(found, cuts, probability, collector)
    assert_same(whole, parts)
    assert list(tmp_path.iterdir()) == []


def test_corners_past_the_limit_wait_in_a_file(tmp_path: Path) -> None:
    comb = np.indices((40, 41))[1] % 2 == 0
    collector = Polygonizer(tmp_path, open_corners=30)
    collector.add(comb, comb.astype(np.uint8))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size >= 8 * (2 * 21 - 30)
    assert len(concatenate_landslides(collector.finish())) == 21
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("density", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_noise_is_the_same_in_bands(density: float, rows: int) -> None:
    found = np.random.default_rng(0).random((256, 200)) < density
    parts = collected(found, list(range(rows, 256, rows)))
    assert_same(collected(found, []), parts)
    assert len(parts) == ndimage.label(found)[1]
    assert shapely.is_valid(parts.outlines.geometries()).all()


def test_a_landslide_is_given_away_as_soon_as_no_row_can_touch_it() -> None:
    collector = Polygonizer()
    rows = picture("#...#", "....#", ".....").astype(np.uint8)
    sizes = []
    for row in rows:
        collector.add(row[np.newaxis] > 0, row[np.newaxis])
        sizes.append(concatenate_landslides(collector.take()).pixels.tolist())
    assert sizes == [[], [1], [2]]
    assert collector.finish() == []


@pytest.mark.parametrize(
    ("found", "sizes"),
    [
        pytest.param(picture("#.#", "###"), [5], id="two above join below"),
        pytest.param(picture("###", "#.#"), [5], id="one above parts below"),
        pytest.param(picture("#.#.#", "#.#.#", "###.#"), [7, 3], id="some join"),
        pytest.param(picture("#.", ".#"), [1, 1], id="a corner does not join"),
        pytest.param(picture("####", "#..#", "####"), [10], id="a hole"),
        pytest.param(picture("#####", "#...#", "#.#.#", "#...#", "#####"), [1, 16], id="an island"),
        pytest.param(picture("..##", "#..#", "##.#"), [3, 4], id="by the last corner"),
    ],
)
@pytest.mark.parametrize("cuts", [[], [1], [1, 2, 3, 4]], ids=["at once", "cut", "row by row"])
def test_landslides_that_end_first_come_first(
    found: NDArray[np.bool_], sizes: list[int], cuts: list[int]
) -> None:
    assert collected(found, cuts).pixels.tolist() == sizes


@pytest.mark.parametrize("cuts", [[], [1], [2], [1, 2, 3]], ids=str)
def test_a_hole_is_kept(cuts: list[int]) -> None:
    (ring,) = collected(picture("####", "#..#", "#..#", "####"), cuts).outlines.geometries()
    (hole,) = ring.interiors
    assert shapely.Polygon(hole).equals(shapely.box(1, 1, 3, 3))
    assert shapely.Polygon(ring.exterior).equals(shapely.box(0, 0, 4, 4))


@pytest.mark.parametrize("rows", [1, 5, 40])
def test_bands_leave_no_points_along_straight_edges(rows: int) -> None:
    bar = collected(np.ones((40, 3), dtype=np.bool_), list(range(rows, 40, rows)))
    assert bar.outlines.points.tolist() == [[0, 0], [3, 0], [3, 40], [0, 40], [0, 0]]


@pytest.mark.parametrize("cuts", [[], [1, 2, 3]], ids=str)
def test_small_landslides_are_dropped(cuts: list[int]) -> None:
    found = picture("##.#", ".#..", ".#.#", "#..#")
    collector = Polygonizer(min_px=2)
    assert collected(found, cuts, None, collector).pixels.tolist() == [4, 2]


def test_a_row_wider_than_16_bits() -> None:
    found = np.zeros((3, 70_000), dtype=np.bool_)
    found[1, 3:-2] = True
    (polygon,) = collected(found, [1]).outlines.geometries()
    assert polygon.equals(shapely.box(3, 1, 69_998, 2))
