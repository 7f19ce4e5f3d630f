import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from tests.inventory.polygons.pixel_shapes import RING, SIDE, box, disc, outlines_of

from landslip.inference.outlines import Outlines, concatenate_outlines
from landslip.inventory.polygons import smoothing
from landslip.inventory.polygons.smoothing import (
    RingVertices,
    conflicting_polygons,
    offset_to_areas,
    self_intersections,
    signed_areas,
    simplify_rings,
    smooth_outlines,
    taubin_filter,
)

SAME = Affine.identity()
MAP = Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)


def noise(seed: int, grain_px: float, share: float, side: int = 40) -> NDArray[np.bool_]:
    """Return blobs, ragged where the grain is fine."""
    field = np.random.default_rng(seed).standard_normal((side, side))
    field = ndimage.gaussian_filter(field, grain_px) if grain_px else field
    return np.asarray(field > np.quantile(field, 1 - share))


def regions_of(outlines: Outlines) -> NDArray[np.int64]:
    return np.arange(len(outlines))


def distance(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Return the Hausdorff distance of two outlines, by points near each other on both."""
    first, second = (shapely.segmentize(shapely.boundary(each), 0.05) for each in (one, other))
    return max(
        float(shapely.distance(shapely.points(shapely.get_coordinates(start)), end).max())
        for start, end in ((first, shapely.boundary(other)), (second, shapely.boundary(one)))
    )


def overlap(polygons: NDArray[np.object_]) -> float:
    pairs = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    one, other = pairs[:, pairs[0] < pairs[1]]
    return float(shapely.area(shapely.intersection(polygons[one], polygons[other])).sum())


@settings(max_examples=16)
@given(
    seed=st.integers(0, 10_000),
    grain_px=st.sampled_from([0.0, 0.7, 1.5, 3.0]),
    share=st.floats(0.05, 0.9),
    max_shift_px=st.sampled_from([0.3, 1.0, 2.5]),
)
def test_no_outline_moves_beyond_the_limit_and_areas_stay(
    seed: int, grain_px: float, share: float, max_shift_px: float
) -> None:
    outlines = outlines_of(noise(seed, grain_px, share))
    before = outlines.geometries()

    polygons, shifts_px = smooth_outlines(outlines, regions_of(outlines), max_shift_px, SAME)

    assert shapely.is_valid(polygons).all()
    assert shapely.get_num_interior_rings(polygons).tolist() == (
        shapely.get_num_interior_rings(before).tolist()
    )
    assert overlap(polygons) < 1e-9
    assert (shifts_px <= max_shift_px + 1e-9).all()
    for old, new, shift_px in zip(before, polygons, shifts_px, strict=True):
        assert distance(old, new) <= shift_px + 1e-9
    old_px, new_px = shapely.area(before), shapely.area(polygons)
    assert (np.abs(new_px - old_px)[old_px >= 20] <= 0.005 * old_px[old_px >= 20]).all()


@pytest.mark.parametrize("seed", range(6))
def test_usual_landslides_keep_their_area_exactly(seed: int) -> None:
    outlines = outlines_of(noise(seed, 4.0, 0.2, side=150))

    polygons, _ = smooth_outlines(outlines, regions_of(outlines), 1.0, MAP)

    before = shapely.area(outlines.geometries()) * 4
    np.testing.assert_allclose(shapely.area(polygons), before, rtol=1e-6)
    assert shapely.is_ccw(shapely.get_exterior_ring(polygons)).all()
    points = shapely.get_num_coordinates(polygons).sum()
    assert points < 0.55 * shapely.length(outlines.geometries()).sum()


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 7))
def test_parts_of_one_region_stay_together(seed: int, count: int) -> None:
    mask = disc(40, 40, 24) | disc(20, 40, 12)
    rng = np.random.default_rng(seed)
    nearest = ndimage.distance_transform_edt(
        ~_seeds(rng, count), return_distances=False, return_indices=True
    )
    names = nearest[0] * SIDE + nearest[1]
    names = np.where(mask, names, -1)
    parts = [outlines_of(names == name) for name in np.unique(names[mask])]
    outlines = concatenate_outlines(parts)

    region = np.zeros(len(outlines), dtype=np.int64)
    polygons, shifts_px = smooth_outlines(outlines, region, 1.0, MAP)

    whole = shapely.union_all(polygons)
    assert overlap(polygons) == 0
    assert whole.geom_type == "Polygon"
    assert shapely.get_num_interior_rings(whole) == 0
    assert shapely.coverage_is_valid(polygons)
    assert np.median(shifts_px) > 0.3
    assert whole.area == pytest.approx(4 * np.count_nonzero(mask), rel=0.005)
    for old, new in zip(outlines.geometries(), polygons, strict=True):
        pixels = shapely.transform(new, lambda xy: (xy - [500_000, 4_000_000]) / [2, -2])
        assert distance(old, pixels) <= 1 + 1e-9


def _seeds(rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    seeds = np.zeros((SIDE, SIDE), dtype=np.bool_)
    rows, cols = rng.integers(10, 70, size=(2, count))
    seeds[rows, cols] = True
    return seeds


def test_a_staircase_becomes_a_straight_line() -> None:
    rows, cols = np.mgrid[:60, :60]
    outlines = outlines_of((cols + rows > 30) & (cols + rows < 80) & (cols > 2) & (rows > 2))

    polygons, _ = smooth_outlines(outlines, np.zeros(1, dtype=np.int64), 1.0, SAME)

    points = shapely.get_coordinates(polygons)
    # corners of the staircase have x + y = 31 and 32 in turn
    middle = points[(np.abs(points.sum(axis=1) - 31.5) < 2) & (points.min(axis=1) > 8)]
    line = shapely.LineString([(8, 23.5), (23.5, 8)])
    edge = polygons[0].exterior.intersection(shapely.buffer(line, 2.0))
    along = shapely.get_coordinates(shapely.segmentize(edge, 0.1)).sum(axis=1)
    assert len(middle) <= 4
    assert np.ptp(along) / np.sqrt(2) < 0.05
    assert along.mean() == pytest.approx(31.5, abs=0.05)


def test_a_disc_of_pixels_becomes_round() -> None:
    outlines = outlines_of(disc(40, 40, 20))

    polygons, _ = smooth_outlines(outlines, np.zeros(1, dtype=np.int64), 1.0, SAME)

    radius = np.hypot(*(shapely.get_coordinates(polygons) - 40).T)
    assert np.abs(radius - 20).max() < 0.45
    # the staircase of a circle is 8 radii long
    assert shapely.length(polygons[0]) == pytest.approx(2 * np.pi * 20, rel=0.01)


def test_a_limit_of_zero_leaves_the_pixels_as_they_are() -> None:
    outlines = outlines_of(noise(3, 1.5, 0.4) & True)

    polygons, shifts_px = smooth_outlines(outlines, regions_of(outlines), 0.0, SAME)

    assert shapely.equals(polygons, outlines.geometries()).all()
    assert shifts_px.tolist() == [0] * len(outlines)


def test_a_few_pixels_stay_as_they_are() -> None:
    outlines = outlines_of(box(5, 6, 5, 6) | box(10, 12, 5, 7) | box(20, 23, 5, 6))

    polygons, _ = smooth_outlines(outlines, regions_of(outlines), 1.0, SAME)

    assert shapely.equals(polygons, outlines.geometries()).all()


def test_holes_keep_their_area_too() -> None:
    outlines = outlines_of(RING)

    polygons, _ = smooth_outlines(outlines, np.zeros(1, dtype=np.int64), 1.0, SAME)

    outside = shapely.Polygon(polygons[0].exterior)
    assert outside.area == pytest.approx(np.count_nonzero(disc(40, 40, 25)), rel=1e-9)
    assert shapely.area(polygons)[0] == pytest.approx(np.count_nonzero(RING), rel=1e-9)


def test_narrow_gaps_between_landslides_do_not_close() -> None:
    rows, cols = np.mgrid[:60, :60]
    mask = np.abs(cols - 30 - np.rint(4 * np.sin(rows / 3))) != 0
    mask[[0, -1]] = mask[:, [0, -1]] = False
    outlines = outlines_of(mask)

    polygons, _ = smooth_outlines(outlines, regions_of(outlines), 5.0, SAME)

    assert overlap(polygons) == 0
    assert shapely.is_valid(polygons).all()


def test_a_checkerboard() -> None:
    rows, cols = np.mgrid[:30, :30]
    outlines = outlines_of((rows + cols) % 2 == 0)

    polygons, _ = smooth_outlines(outlines, regions_of(outlines), 1.0, SAME)

    assert len(polygons) == 450
    assert shapely.area(polygons).sum() == pytest.approx(450)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outlines = outlines_of(noise(5, 2.0, 0.3, side=100))
    region = np.sort(regions_of(outlines) // 2)
    whole, _ = smooth_outlines(outlines, regions_of(outlines), 1.0, MAP)

    monkeypatch.setattr(smoothing, "_CHUNK_POINTS", 300)
    cut, _ = smooth_outlines(outlines, regions_of(outlines), 1.0, MAP)
    paired, _ = smooth_outlines(outlines, region, 1.0, MAP)

    assert len(outlines) > 10
    assert shapely.to_wkb(cut).tolist() == shapely.to_wkb(whole).tolist()
    assert shapely.to_wkb(paired).tolist() == shapely.to_wkb(whole).tolist()


def test_nothing_at_all() -> None:
    outlines = outlines_of(np.zeros((5, 5), dtype=np.bool_))

    assert len(smooth_outlines(outlines, regions_of(outlines), 1.0, SAME)[0]) == 0


def test_the_filter_takes_out_what_is_short_and_leaves_what_is_long() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = 100 * np.exp(1j * angle)
    ripple = 0.3 * np.exp(1j * angle) * np.cos(100 * angle)
    rings, still = np.array([0, 400]), np.zeros(400, dtype=np.bool_)

    kept = taubin_filter(circle, rings, still, 1.0)
    smooth = taubin_filter(circle + ripple, rings, still, 1.0)

    np.testing.assert_allclose(np.abs(kept), 100, atol=0.02)
    np.testing.assert_allclose(np.abs(smooth), 100, atol=0.02)


def test_the_filter_goes_no_farther_than_its_limit() -> None:
    places = np.array([0, 1, 2, 2 + 1j, 2 + 2j, 1 + 2j, 2j, 1j], dtype=np.complex128)
    still = np.zeros(8, dtype=np.bool_)
    still[0] = True

    moved = taubin_filter(places, np.array([0, 8]), still, 0.2) - places

    assert moved[0] == 0
    assert np.abs(moved).max() == pytest.approx(0.2)


BOW = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])


def test_invalid_and_overlapping_ones_fail() -> None:
    polygons = np.array(
        [shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2), shapely.box(3, 1, 9, 9), BOW],
        dtype=object,
    )
    apart = shapely.transform(polygons, lambda xy: xy)
    apart[3] = shapely.transform(BOW, lambda xy: xy + 50)

    assert conflicting_polygons(apart, np.arange(4)).tolist() == [1, 2, 3]
    assert conflicting_polygons(apart, np.array([0])).tolist() == []
    assert conflicting_polygons(apart, np.array([2])).tolist() == [1, 2]


def test_one_inside_another_fails() -> None:
    polygons = np.array([shapely.box(0, 0, 9, 9), shapely.box(3, 3, 4, 4)], dtype=object)

    assert conflicting_polygons(polygons, np.array([1])).tolist() == [0, 1]


def test_where_outlines_cross() -> None:
    places = self_intersections(np.array([BOW], dtype=object))

    assert {tuple(place) for place in places.tolist()} == {(0, 0), (4, 4), (4, 0), (0, 4)}
    touching = np.array([shapely.box(0, 0, 2, 2), shapely.box(2, 2, 4, 4)], dtype=object)
    assert len(self_intersections(touching)) == 0


def chain(places: np.ndarray, **columns: np.ndarray) -> RingVertices:
    count = len(places)
    usual = {
        "keys": np.arange(count),
        "rings": np.array([0, count]),
        "errors": np.zeros(count),
        "tolerance": np.full(count, 0.1),
        "fixed": np.zeros(count, dtype=np.bool_),
        "loose": np.ones(count, dtype=np.bool_),
        "shared": np.zeros(count, dtype=np.bool_),
    }
    return RingVertices(places=places, **(usual | columns))


def circle(count: int, radius: float = 10.0) -> np.ndarray:
    angles = 2 * np.pi * np.arange(count) / count
    return np.asarray(radius * np.exp(1j * angles) + 1000 + 2000j)


def test_areas_have_the_sign_of_the_turn() -> None:
    square = np.array([0, 2, 2 + 2j, 2j]) + 1e6
    both = np.concatenate([square, square[::-1]])

    assert signed_areas(both, np.array([0, 4, 8])).tolist() == [4, -4]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_ring_gets_the_area_asked_for(turn: int) -> None:
    ring = chain(circle(90)[::turn])
    area = np.array([turn * 330.0])

    places, distance = offset_to_areas(ring, area, 1.0)

    np.testing.assert_allclose(signed_areas(places, ring.rings), area, rtol=1e-12)
    assert abs(distance[0]) == pytest.approx(np.sqrt(330 / np.pi) - 10, abs=0.01)


def test_no_farther_than_the_limit_and_only_what_is_loose() -> None:
    ring = chain(circle(90), loose=np.arange(90) < 30)

    places, distance = offset_to_areas(ring, np.array([500.0]), 0.25)

    assert abs(distance[0]) == 0.25
    np.testing.assert_allclose(np.abs(places - ring.places)[:30], 0.25)
    assert (places[30:] == ring.places[30:]).all()


def test_thinning_stays_within_its_tolerance() -> None:
    ring = simplify_rings(chain(circle(400)))

    # the arc between two points of a circle of 10 is 0.1 off their line at 0.28 rad
    assert 2 * np.pi / 0.283 <= len(ring.places) < 70
    middles = (ring.places + np.roll(ring.places, -1)) / 2
    assert 10 - np.abs(middles - 1000 - 2000j).min() <= 0.1
    assert ring.errors.max() <= 0.1


def test_thinning_keeps_what_is_fixed() -> None:
    fixed = np.arange(400) % 100 == 7
    ring = simplify_rings(chain(circle(400), fixed=fixed))

    assert np.isin(circle(400)[fixed], ring.places).all()


def test_thinning_does_not_depend_on_where_a_ring_starts_or_how_it_turns() -> None:
    places, keys = circle(400), np.random.default_rng(1).permutation(400)
    there = simplify_rings(chain(places, keys=keys))
    back = simplify_rings(chain(np.roll(places, 37)[::-1], keys=np.roll(keys, 37)[::-1]))

    assert sorted(there.keys.tolist()) == sorted(back.keys.tolist())
