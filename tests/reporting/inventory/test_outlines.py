"""Outlines as paths and in pictures."""

import re

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine

from landslip.reporting.inventory import outlines
from landslip.reporting.inventory.view import View

PLAIN = View(crs=None, transform=Affine.identity(), width=100, height=100)


def points_of(svg: str) -> list[np.ndarray]:
    """Read a path of absolute starts and relative steps, in pixels."""
    found = re.search(r' d="([^"]+)"', svg)
    assert found is not None
    rings = []
    for part in found[1].split("M")[1:]:
        start, steps = part.rstrip("z").split("l")
        first = np.array([float(x) for x in re.findall(r"-?\d+", start)])
        moves = np.array([float(x) for x in re.findall(r"-?\d+", steps)]).reshape(-1, 2)
        rings.append(np.vstack([first, first + moves.cumsum(axis=0)]) / 10)
    return rings


def test_a_path_holds_each_ring_to_a_tenth_of_a_pixel() -> None:
    polygon = shapely.box(10.04, 20, 50, 80).difference(shapely.box(20, 30, 30, 40))
    svg = outlines.path(outlines.rings_of(np.array([polygon], dtype=object)), "outline")
    rings = points_of(svg)
    assert [shapely.Polygon(ring).area for ring in rings] == pytest.approx([2400, 100], rel=0.002)
    assert 'fill-rule="evenodd"' in svg


def test_each_part_of_a_multipolygon_is_an_outline() -> None:
    parts = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 20, 50, 30)])
    shapes = np.array([parts, shapely.box(60, 60, 70, 70), None], dtype=object)
    for simplified in (True, False):
        rings = outlines.rings_of(shapes, simplified=simplified)
        assert [shapely.Polygon(ring).area for ring in rings.parts] == [100.0, 300.0, 100.0]


def test_points_that_nobody_sees_are_left_out() -> None:
    circle = shapely.Point(50, 50).buffer(20, quad_segs=1000)
    rings = outlines.rings_of(np.array([circle], dtype=object))
    assert len(rings.points) < 80
    back = shapely.Polygon(rings.points)
    assert back.hausdorff_distance(circle) <= 0.25
    assert len(outlines.rings_of(np.array([circle], dtype=object), simplified=False).points) > 4000


def test_too_many_points_are_not_written() -> None:
    spiky = shapely.polygons(np.random.default_rng(0).uniform(0, 100, (70_000, 2)))
    assert outlines.few_rings(np.array([spiky], dtype=object)) is None
    assert outlines.few_rings(np.array([shapely.box(0, 0, 9, 9)], dtype=object)) is not None


def test_outlines_are_drawn_where_they_lie_and_holes_stay_open() -> None:
    polygon = shapely.box(20, 20, 80, 60).difference(shapely.box(40, 30, 60, 50))
    rings = outlines.rings_of(np.array([polygon], dtype=object))
    white = np.full((100, 100, 3), 255, dtype=np.uint8)
    picture = outlines.drawn(white, rings, (0, 0, 0), fill=(255, 0, 0))
    assert picture[25, 30].tolist() == [255, 0, 0]
    assert picture[40, 50].tolist() == [255, 255, 255]
    assert picture[10, 10].tolist() == [255, 255, 255]
    assert picture[40, 20].max() < 128
    assert (white == 255).all()


def test_no_polygons_are_no_trouble() -> None:
    none = np.empty(0, dtype=object)
    rings = outlines.rings_of(outlines.brought_to(none, None, PLAIN))
    assert outlines.drawn(np.zeros((9, 9, 3), dtype=np.uint8), rings, (1, 1, 1)).max() == 0


def test_polygons_are_brought_into_another_coordinate_system() -> None:
    lonlat, utm = pyproj.CRS.from_epsg(4326), pyproj.CRS.from_epsg(32648)
    view = View(crs=utm, transform=Affine(10, 0, 499_500, 0, -10, 3_450_500), width=100, height=100)
    square = shapely.box(499_800, 3_449_900, 500_200, 3_450_100)
    change = pyproj.Transformer.from_crs(utm, lonlat, always_xy=True)
    degrees = shapely.transform(square, lambda xy: np.column_stack(change.transform(*xy.T)))
    found = outlines.brought_to(np.array([degrees], dtype=object), lonlat, view)[0]
    assert found.bounds == pytest.approx((30, 40, 70, 60), abs=0.01)


def test_what_lies_beside_the_picture_is_not_within() -> None:
    shapes = np.array([shapely.box(-20, 0, -10, 10), shapely.box(90, 90, 120, 120)], dtype=object)
    assert outlines.within(shapes, PLAIN).tolist() == [False, True]
