import math
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import box

from landslip.core.choices import Language
from landslip.core.crs import check_on_earth, check_on_map, height_unit_m
from landslip.core.errors import InputError, LandslipWarning
from landslip.core.geometries import AreaMeasure, clip_polygons, gather, metric_crs, reproject
from landslip.core.grid import Grid
from landslip.core.transformations import datum_note, use_datum_shift

UTM, LONLAT, WEB = CRS.from_epsg(32648), CRS.from_epsg(4326), CRS.from_epsg(3857)
FEET = CRS.from_epsg(2263)


def square(lon: float, lat: float, side: float = 0.01) -> NDArray[np.object_]:
    return np.array([box(lon, lat, lon + side, lat + side)], dtype=object)


def geodesic_area(lonlat: shapely.Geometry) -> float:
    dense = shapely.segmentize(lonlat, 1e-4)
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(dense)[0])


def area_m2(crs: str, geometry: shapely.Geometry) -> float:
    (area,) = AreaMeasure(CRS.from_user_input(crs)).areas_m2(np.array([geometry]))
    return float(area)


@pytest.mark.parametrize(
    ("crs", "method"),
    [
        pytest.param("EPSG:32650", "planimetric", id="UTM"),
        pytest.param("EPSG:4326", "geodesic", id="degrees"),
        pytest.param("EPSG:3857", "geodesic", id="web Mercator"),
        pytest.param("EPSG:3395", "geodesic", id="Mercator"),
        pytest.param("EPSG:3857+5773", "geodesic", id="web Mercator with heights"),
        pytest.param("EPSG:32662", "geodesic", id="plate carrée"),
        pytest.param("EPSG:6933", "planimetric", id="equal area"),
        pytest.param("EPSG:2056", "planimetric", id="oblique Mercator"),
        pytest.param("EPSG:32650+5773", "planimetric", id="UTM with heights"),
    ],
)
def test_method(crs: str, method: str) -> None:
    assert AreaMeasure(CRS.from_user_input(crs)).method == method


def test_planimetric_area_without_its_hole() -> None:
    ring = shapely.Polygon([(0, 0), (40, 0), (40, 30), (0, 30)], [[(1, 1), (3, 1), (3, 6), (1, 6)]])
    assert area_m2("EPSG:32650", ring) == pytest.approx(40 * 30 - 2 * 5)


def test_area_in_survey_feet() -> None:
    assert area_m2("EPSG:2263", shapely.box(0, 0, 100, 100)) == pytest.approx(
        10_000 * (1200 / 3937) ** 2
    )


def test_area_of_a_degree_cell_is_the_ellipsoids() -> None:
    # closed formula for the area of a zone of the ellipsoid, WGS 84
    e = math.sqrt(0.00669437999014)
    b = 6_356_752.314245

    def zone(latitude: float) -> float:
        s = math.sin(math.radians(latitude))
        return b**2 / 2 * (s / (1 - (e * s) ** 2) + math.atanh(e * s) / e)

    expected = math.radians(1) * (zone(1) - zone(0))
    assert area_m2("EPSG:4326", shapely.box(10, 0, 11, 1)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("clockwise", [False, True])
def test_geodesic_hole_is_taken_off_whichever_way_it_runs(clockwise: bool) -> None:
    outer, hole = shapely.box(100, 30, 100.2, 30.2), shapely.box(100.05, 30.05, 100.1, 30.1)
    holes = [list(hole.exterior.coords)[:: -1 if clockwise else 1]]
    found = area_m2("EPSG:4326", shapely.Polygon(outer.exterior.coords, holes))
    assert found == pytest.approx(area_m2("EPSG:4326", outer) - area_m2("EPSG:4326", hole))


def test_web_mercator_at_60_degrees_is_a_quarter_of_the_plane() -> None:
    to_metres = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    x, y = to_metres.transform(15, 60)
    square = shapely.box(x - 50, y - 50, x + 50, y + 50)
    corners = np.array(square.exterior.coords)
    lon, lat = to_metres.transform(corners[:, 0], corners[:, 1], direction="INVERSE")
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    found = area_m2("EPSG:3857", square)
    assert found == pytest.approx(abs(area), rel=1e-6)
    assert found == pytest.approx(10_000 / 4, rel=0.01)


def test_area_in_grads_is_that_in_degrees() -> None:
    degrees = area_m2("EPSG:4275", shapely.box(1.0, 44.0, 1.1, 44.1))
    in_grads = shapely.transform(shapely.box(1.0, 44.0, 1.1, 44.1), lambda points: points / 0.9)
    assert area_m2("EPSG:4807", in_grads) == pytest.approx(degrees, rel=1e-9)


def test_area_without_a_coordinate_system_is_not_a_number() -> None:
    measure = AreaMeasure(None)
    assert measure.method is None
    assert np.isnan(measure.areas_m2(np.array([shapely.box(0, 0, 1, 1)]))).tolist() == [True]


@pytest.mark.parametrize("crs", ["EPSG:32650", "EPSG:4326"])
def test_no_polygon_has_no_area(crs: str) -> None:
    empty = np.array([], dtype=object)
    assert AreaMeasure(CRS.from_user_input(crs)).areas_m2(empty).tolist() == []


def test_a_system_in_metres_is_kept() -> None:
    assert metric_crs(UTM, square(4e5, 3e6, 100)) == UTM


@pytest.mark.parametrize("crs", [LONLAT, WEB, FEET], ids=["degrees", "Mercator", "feet"])
def test_others_give_one_in_which_areas_are_right(crs: CRS) -> None:
    place = (-74.0, 40.7) if crs == FEET else (103.5, 31.2)
    lonlat = shapely.segmentize(square(*place), 1e-4)
    there = reproject(lonlat, LONLAT, crs)
    metres = metric_crs(crs, there)
    measured = shapely.area(reproject(there, crs, metres))[0]
    assert measured == pytest.approx(geodesic_area(lonlat[0]), rel=1e-6)


def test_the_middle_is_found_across_the_date_line() -> None:
    both = np.concatenate([square(179.5, -17), square(-179.51, -17)])
    there = reproject(both, LONLAT, metric_crs(LONLAT, both))
    assert np.abs(shapely.total_bounds(there)).max() < 60_000


def test_one_of_two_without_a_system_is_refused() -> None:
    polygons = square(0, 0)
    assert reproject(polygons, None, None) is polygons
    with pytest.raises(InputError, match=r"assign it to the one without"):
        reproject(polygons, None, UTM)


def test_what_lies_where_a_system_is_not_defined_is_refused() -> None:
    with pytest.raises(InputError, match=r"outside the area where .* is defined"):
        reproject(square(4e5, 3e6), LONLAT, UTM)


GROUND = shapely.box(0, 0, 10, 10)


def test_what_lies_inside_across_and_beside() -> None:
    inside, across = shapely.box(1, 1, 2, 2), shapely.box(8, 8, 12, 9)
    touching, beside = shapely.box(10, 0, 11, 1), shapely.box(20, 20, 21, 21)
    given = np.array([inside, across, touching, beside], dtype=object)
    found = clip_polygons(given, GROUND)
    assert found[0] is inside
    assert shapely.equals(found[1], shapely.box(8, 8, 10, 9))
    assert shapely.area(found).tolist() == [1, 2, 0, 0]
    assert given[3] is beside


def test_lines_and_points_that_arise_are_left_out() -> None:
    # a bracket around the corner: one arm lies on the ground, the other along its edge
    bracket = shapely.union(shapely.box(10, 2, 11, 9), shapely.box(9, 2, 10, 3))
    found = clip_polygons(np.array([bracket], dtype=object), GROUND)
    assert found[0].geom_type == "Polygon"
    assert shapely.equals(found[0], shapely.box(9, 2, 10, 3))
    assert clip_polygons(np.array([], dtype=object), GROUND).tolist() == []


BEIJING, XIAN, CGCS2000 = CRS.from_epsg(4214), CRS.from_epsg(4610), CRS.from_epsg(4490)
SICHUAN, ORDOS = (103.5, 31.5), (108.5, 37.0)


def at(crs: CRS, lonlat: tuple[float, float]) -> NDArray[np.object_]:
    """A triangle of some metres at a place, in a system's own datum."""
    base = pyproj.CRS.from_wkt(crs.to_wkt())
    into = pyproj.Transformer.from_crs(base.geodetic_crs, base, always_xy=True)
    ring = np.array(into.transform(lonlat[0] + np.array([0, 1e-4, 0]), [lonlat[1]] * 2 + [31.6]))
    return np.array([shapely.Polygon(ring.T)], dtype=object)


@pytest.mark.parametrize(
    ("source", "target", "lonlat", "size"),
    [
        pytest.param(4214, 4326, SICHUAN, "24 to 43 m", id="Beijing 1954"),
        pytest.param(2413, 32648, SICHUAN, "24 to 43 m", id="Beijing 1954, projected"),
        pytest.param(4214, 4490, SICHUAN, "24 to 43 m", id="Beijing 1954 to CGCS2000"),
        pytest.param(32648, 2413, SICHUAN, "24 to 43 m", id="to Beijing 1954"),
        pytest.param(2413, 4543, SICHUAN, "24 to 43 m", id="projected to CGCS2000, projected"),
        pytest.param(4543, 2413, SICHUAN, "24 to 43 m", id="CGCS2000 to it, projected"),
        pytest.param(4818, 4326, (100, 30), " to 7", id="S-JTSK from Ferro, elsewhere"),
        pytest.param(4610, 4326, SICHUAN, "tens of metres, perhaps", id="Xian 1980"),
        pytest.param(4610, 4490, SICHUAN, "tens of metres, perhaps", id="Xian 1980 to CGCS2000"),
        pytest.param(4214, 4610, SICHUAN, " m", id="Beijing 1954 to Xian 1980"),
        pytest.param(4555, 4490, SICHUAN, "tens of metres, perhaps", id="New Beijing"),
        pytest.param(4267, 4326, SICHUAN, " m off", id="NAD27 outside of America"),
    ],
)
def test_datums_that_are_taken_as_equal_are_told(
    source: int, target: int, lonlat: tuple[float, float], size: str
) -> None:
    ours, theirs = CRS.from_epsg(source), CRS.from_epsg(target)
    note = datum_note("polygons.shp", ours, theirs, at(ours, lonlat))
    assert note is not None
    assert note.text().startswith("polygons.shp: PROJ knows no transformation from ")
    assert size in note.text()
    assert "datum_shift dx,dy,dz" in note.text()
    assert "polygons.shp" in note.text(Language.CHINESE)


@pytest.mark.parametrize(
    ("source", "target", "lonlat"),
    [
        pytest.param(4490, 4326, SICHUAN, id="CGCS2000"),
        pytest.param(4543, 32648, SICHUAN, id="CGCS2000, projected"),
        pytest.param(32648, 4490, SICHUAN, id="to CGCS2000"),
        pytest.param(4214, 4326, ORDOS, id="Beijing 1954 where it is known"),
        pytest.param(4214, 4490, ORDOS, id="and to CGCS2000"),
        pytest.param(4258, 4326, (10, 50), id="ETRS89"),
        pytest.param(4258, 4490, (10, 50), id="ETRS89 to CGCS2000"),
        pytest.param(4617, 4326, (-100, 50), id="NAD83(CSRS)"),
        pytest.param(4269, 4490, (-100, 40), id="NAD83 to CGCS2000"),
        pytest.param(7844, 4326, (140, -30), id="GDA2020"),
        pytest.param(6668, 4326, (138, 36), id="JGD2011"),
        pytest.param(4301, 4326, (138, 36), id="Tokyo, which is known"),
        pytest.param(4301, 4490, (138, 36), id="Tokyo to CGCS2000"),
        pytest.param(4230, 4326, (10, 50), id="ED50, which is known"),
        pytest.param(2413, 4214, SICHUAN, id="one datum"),
        pytest.param(3857, 32648, SICHUAN, id="web Mercator"),
    ],
)
def test_datums_that_are_known_are_silent(
    source: int, target: int, lonlat: tuple[float, float]
) -> None:
    ours = CRS.from_epsg(source)
    assert datum_note("a.shp", ours, CRS.from_epsg(target), at(ours, lonlat)) is None


def shifted_by_hand(lonlat: tuple[float, float]) -> tuple[float, float]:
    """Place on WGS 84 of one on Beijing 1954, by its published shift of the Tarim basin."""
    text = (
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart "
        "+ellps=krass +step +proj=helmert +x=15.8 +y=-154.4 +z=-82.3 "
        "+step +inv +proj=cart +ellps=WGS84 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    lon, lat, _ = pyproj.Transformer.from_pipeline(text).transform(*lonlat, 0.0)
    return lon, lat


@pytest.mark.parametrize("target", [4326, 4490, 32648, 4543])
def test_a_stated_shift_is_applied_both_ways(target: int) -> None:
    theirs = CRS.from_epsg(target)
    ours = at(BEIJING, SICHUAN)
    flat = pyproj.CRS.from_wkt(theirs.to_wkt())
    to_map = pyproj.Transformer.from_crs(flat.geodetic_crs, flat, always_xy=True)
    with use_datum_shift("15.8,-154.4,-82.3"):
        moved = reproject(ours, BEIJING, theirs)
        back = reproject(moved, theirs, BEIJING)
        assert datum_note("a.shp", BEIJING, theirs, ours) is None
    expected = to_map.transform(*shifted_by_hand(SICHUAN))
    tolerance = 1e-9 if flat.is_geographic else 1e-3
    np.testing.assert_allclose(shapely.get_coordinates(moved)[0], expected, atol=tolerance, rtol=0)
    np.testing.assert_allclose(
        shapely.get_coordinates(back), shapely.get_coordinates(ours), atol=1e-8, rtol=0
    )
    assert datum_note("a.shp", BEIJING, theirs, ours) is not None


def test_a_shift_that_a_file_states_holds_for_all_of_the_family() -> None:
    """A shapefile with TOWGS84, on a scene in CGCS2000."""
    stated = pyproj.CRS("+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3 +type=crs")
    moved = reproject(at(BEIJING, SICHUAN), CRS.from_wkt(stated.to_wkt()), CGCS2000)
    np.testing.assert_allclose(
        shapely.get_coordinates(moved)[0], shifted_by_hand(SICHUAN), atol=1e-9, rtol=0
    )


def test_a_grid_of_shifts(tmp_path: Path) -> None:
    """Half a thousandth of a degree to the east and a quarter to the north."""
    path = tmp_path / "shift.tif"
    seconds = np.stack([np.full((3, 3), 0.9), np.full((3, 3), 1.8)]).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=3, height=3, count=2, dtype="float32", crs="EPSG:4214",
        transform=Affine(1, 0, 102, 0, -1, 33),
    ) as file:  # fmt: skip
        file.write(seconds)
        file.update_tags(TYPE="HORIZONTAL_OFFSET", AREA_OR_POINT="Point")
        for band, name in ((1, "latitude_offset"), (2, "longitude_offset")):
            file.set_band_description(band, name)
            file.update_tags(band, UNITTYPE="arc-second", positive_value="east")
    ours = at(BEIJING, SICHUAN)
    with use_datum_shift(str(path)):
        moved = reproject(ours, BEIJING, CGCS2000)
        with pytest.raises(InputError, match=r"or beyond .*shift.tif"):
            reproject(at(BEIJING, (90.0, 31.0)), BEIJING, CGCS2000)
    np.testing.assert_allclose(
        shapely.get_coordinates(moved)[0], (103.5 + 1.8 / 3600, 31.5 + 0.9 / 3600), atol=1e-9
    )
    bad = tmp_path / "not.gsb"
    bad.write_text("no grid")
    with (
        pytest.raises(InputError, match=r"is .*not.gsb a grid of shifts"),
        use_datum_shift(str(bad)),
    ):
        reproject(ours, BEIJING, CGCS2000)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,x", "1,2,nan", "1e6,0,0", "1,2,3,4", "no.gsb"])
def test_what_is_no_shift(text: str) -> None:
    with (
        pytest.raises(InputError, match="datum_shift is dx,dy,dz in metres, or "),
        use_datum_shift(text),
    ):
        pass


@pytest.mark.parametrize("text", ["EPSG:4978", "EPSG:5703"])
def test_systems_that_are_not_of_maps(text: str) -> None:
    with pytest.raises(InputError, match=r"a.tif: its coordinate system, .*, is not one of maps"):
        check_on_map(pyproj.CRS.from_user_input(text), "a.tif")


SITE = CRS.from_wkt('LOCAL_CS["Quarry grid",UNIT["metre",1]]')
MOON = CRS.from_string("+proj=longlat +a=1737400 +b=1737400 +type=crs")


@pytest.mark.parametrize("crs", [SITE, MOON])
def test_systems_that_are_not_of_the_earth(crs: CRS) -> None:
    check_on_map(crs, "a.tif")
    for pair in ((crs, UTM), (UTM, crs)):
        with pytest.raises(InputError, match=r"cannot transform from .* is not tied to the Earth"):
            reproject(square(0, 0), *pair)
    with pytest.raises(InputError, match=r"a.tif: .* is not tied to the Earth; assign"):
        check_on_earth(crs, "a.tif")


def test_polygons_stay_in_one_piece_across_the_antimeridian() -> None:
    fiji = CRS.from_epsg(32701)
    x, y = pyproj.Transformer.from_crs(4326, 32701, always_xy=True).transform(180, -17)
    across = np.array([box(x - 1000, y - 1000, x + 1000, y + 1000)])
    for near in (None, 175.0, -175.0, 185.0):
        (moved,) = reproject(across, fiji, LONLAT, near)
        west, _, east, _ = moved.bounds
        assert east - west == pytest.approx(2000 / 106_000, rel=0.02)
        assert near is None or abs((west + east) / 2 - near) < 180
    (back,) = reproject(np.array([moved]), LONLAT, fiji)
    assert back.equals_exact(across[0], 1e-3)


def test_parts_on_both_sides_are_brought_near() -> None:
    """As RFC 7946 cuts them, and as some programs draw them: the long way round."""
    cut = shapely.MultiPolygon([box(179.9, 0, 180, 1), box(-180, 0, -179.9, 1)])
    long = shapely.Polygon([(179.9, 0), (-179.9, 0), (-179.9, 1), (179.9, 1)])
    world, half = box(-180, -60, 180, 60), box(-170, -60, 170, 60)
    found = reproject(np.array([cut, long]), LONLAT, LONLAT, 180.0)
    assert shapely.bounds(found).tolist() == [[179.9, 0, pytest.approx(180.1), 1]] * 2
    same = np.array([world, half, box(1, 2, 3, 4)])
    assert shapely.equals(reproject(same, LONLAT, LONLAT), same).all()


def test_a_grid_over_the_antimeridian_takes_either_longitude() -> None:
    grid = Grid(crs=LONLAT, transform=Affine(0.01, 0, 170, 0, -0.01, 10), shape=(100, 2000))
    found = grid.pixels(np.array([[179.0, 9.5], [-179.0, 9.5], [181.0, 9.5]]))
    np.testing.assert_allclose(found, [[900, 50], [1100, 50], [1100, 50]])
    assert Grid(crs=UTM, transform=grid.transform, shape=(9, 9)).pixels(np.array([[-179.0, 9.5]]))[
        0, 0
    ] == pytest.approx(-34900)


@pytest.mark.parametrize(
    ("unit", "metres"),
    [
        (None, 1.0),
        ("", 1.0),
        ("unknown", 1.0),
        ("n/a", 1.0),
        ("[m]", 1.0),
        ("m a.s.l.", 1.0),
        ("metres above sea level", 1.0),
        ("m (EGM96)", 1.0),
        ("Feet above NAVD88", 0.3048),
        ("ft_intl", 0.3048),
        ("foot_survey_us", 1200 / 3937),
        ("U.S. ft.", 1200 / 3937),
        ("Decimeters", 0.1),
        ("inch", 0.0254),
    ],
)
def test_units_of_heights_as_people_write_them(unit: str | None, metres: float) -> None:
    assert height_unit_m(UTM, unit) == pytest.approx(metres, rel=1e-12)


@pytest.mark.parametrize("unit", ["'", "degree", "m/s", "percent", "elevation", "m2"])
def test_what_is_no_length_is_refused(unit: str) -> None:
    with pytest.raises(InputError, match="heights are in a unit of length"):
        height_unit_m(UTM, unit)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([(355_000.0, 3_464_000.0)], id="metres"),
        pytest.param([(31.3, 103.5)], id="swapped"),
        pytest.param([(103.5, 31.3), (1035.0, 31.3)], id="one of two"),
    ],
)
def test_coordinates_that_are_no_degrees_are_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(InputError, match=r"a.shp: x .*, y .* is outside the .* in degree; assi"):
        check_on_map(LONLAT, "a.shp", np.array(points))
    check_on_map(UTM, "a.shp", np.array(points))


def test_degrees_about_a_pole_or_beyond_180_are_not_refused() -> None:
    points = np.array([(359.9, 90.25), (-190.0, -90.25), (np.nan, np.inf)])
    check_on_map(LONLAT, "a.tif", points)
    check_on_map(CRS.from_epsg(4807), "a.tif", np.array([(399.0, -100.0)]))  # grads


def test_what_is_on_both_sides_of_180_degrees_comes_together() -> None:
    cut = shapely.MultiPolygon([box(179.9, 0, 180, 1), box(-180, 0, -179.9, 1)])
    there = np.array([box(-179.5, 0, -179.4, 1), cut, None, box(179.2, 0, 179.3, 1)], object)
    found = gather(there, LONLAT)
    left, _, right, _ = shapely.bounds(found[[0, 1, 3]]).T
    assert right.max() - left.min() == pytest.approx(1.4)
    assert found[1].geom_type == "Polygon"
    assert found[1].area == pytest.approx(0.2)
    assert found[2] is None


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param([(-179, 0), (179, 0), (0, 0), (100, 0), (-80, 0)], id="the whole Earth"),
        pytest.param([(-60, 0), (60, 0)], id="far from it"),
        pytest.param([(103, 31), (104, 32)], id="a region"),
    ],
)
def test_other_polygons_stay_as_they_are(boxes: list[tuple[float, float]]) -> None:
    there = np.array([box(x, y, x + 0.1, y + 0.1) for x, y in boxes], object)
    assert shapely.equals_exact(gather(there, LONLAT), there).all()


def test_a_shift_that_nothing_needed_is_told() -> None:
    with pytest.warns(LandslipWarning, match="datum_shift='1,2,3' changed nothing"):  # noqa: SIM117
        with use_datum_shift("1,2,3"):
            reproject(at(UTM, SICHUAN), UTM, CGCS2000)
    with use_datum_shift("1,2,3"):  # a warning is an error here
        reproject(at(BEIJING, SICHUAN), BEIJING, CGCS2000)
        with use_datum_shift(None):
            reproject(at(UTM, SICHUAN), UTM, CGCS2000)


def test_a_site_of_one_name_and_unit_is_one() -> None:
    metres = CRS.from_wkt('LOCAL_CS["Quarry",UNIT["metre",1]]')
    same = CRS.from_wkt('LOCAL_CS["Quarry",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    feet = CRS.from_wkt('LOCAL_CS["Quarry",UNIT["foot",0.3048]]')
    there = square(5, 6)
    assert shapely.equals_exact(reproject(there, metres, same), there).all()
    assert datum_note("a.shp", metres, same, there) is None
    with pytest.raises(InputError, match="Quarry is not tied to the Earth"):
        reproject(there, metres, feet)
