from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.factories.synthetic_terrain import (
    CENTRE,
    UTM,
    Ground,
    cone,
    pixels_around,
    plane,
    write_dem,
    write_heights,
)

from landslip.core.errors import InputError
from landslip.core.grid import map_points
from landslip.inventory.morphometry.terrain_attributes import TerrainAttributes, terrain_attributes
from landslip.preprocessing.elevation_model import ElevationModel

EXACT = 1e-9
WGS84 = pyproj.CRS.from_epsg(4326)
MERCATOR = pyproj.CRS.from_epsg(3857)
FEET = pyproj.CRS("+proj=utm +zone=50 +datum=WGS84 +units=us-ft")
ROTATED_POLE = """GEOGCRS["rotated",
    BASEGEOGCRS["WGS 84",
        DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]]],
    DERIVINGCONVERSION["Pole rotation",METHOD["PROJ ob_tran o_proj=longlat"],
        PARAMETER["o_lon_p",0,ANGLEUNIT["degree",0.0174532925199433]],
        PARAMETER["o_lat_p",30,ANGLEUNIT["degree",0.0174532925199433]],
        PARAMETER["lon_0",-10,ANGLEUNIT["degree",0.0174532925199433]]],
    CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],
    ANGLEUNIT["degree",0.0174532925199433]]"""
NEXT_ZONE = pyproj.CRS.from_epsg(32651)

Polygons = NDArray[np.object_]


def of(*polygons: shapely.Geometry | None) -> Polygons:
    array = np.full(len(polygons), None, dtype=object)
    array[:] = polygons
    return array


def rectangle(
    length_m: float, width_m: float, azimuth_deg: float, centre: tuple[float, float] = CENTRE
) -> shapely.Polygon:
    """Return a rectangle whose length runs in a direction."""
    along = np.array([np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))])
    across = np.array([along[1], -along[0]])
    corners = [
        np.array(centre) + a * length_m / 2 * along + b * width_m / 2 * across
        for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1))
    ]
    return shapely.Polygon(corners)


def moved(polygon: shapely.Geometry, crs: pyproj.CRS) -> shapely.Geometry:
    """Return a polygon of UTM in another system, corner by corner."""
    transformer = pyproj.Transformer.from_crs(UTM, crs, always_xy=True)
    return shapely.transform(
        polygon, lambda points: np.column_stack(transformer.transform(*points.T))
    )


@pytest.fixture
def measured(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Give the function that measures polygons of UTM on a ground."""

    def measure(
        ground: Ground, *polygons: shapely.Geometry | None, step: float = 16.0, turn: float = 0.0
    ) -> TerrainAttributes:
        path = write_dem(tmp_path / "dem.tif", ground, pixels_around((200, 200), step, turn))
        with ElevationModel(path) as terrain:
            return terrain_attributes(of(*polygons), UTM, terrain)

    return measure


# falls of a quarter and a half in a metre are exact in float32: so are all figures
@pytest.mark.parametrize(
    ("length_m", "width_m"),
    [
        pytest.param(400.0, 80.0, id="long"),
        pytest.param(90.0, 360.0, id="wider than long"),
        pytest.param(7.0, 3.0, id="smaller than a pixel"),
    ],
)
@pytest.mark.parametrize("turn", [0.0, 30.0], ids=["straight model", "turned model"])
def test_a_rectangle_down_a_plane_is_exact(measured, length_m, width_m, turn) -> None:  # type: ignore[no-untyped-def]
    steepness = np.hypot(0.25, 0.5)
    azimuth_deg = float(np.degrees(np.arctan2(0.25, -0.5)))
    place = (CENTRE[0] + 13.7, CENTRE[1] - 5.1)
    shape = rectangle(length_m, width_m, azimuth_deg, place)
    found = measured(plane(-0.25, 0.5), shape, turn=turn)
    # turned pixels put the plane's heights between two float32 numbers, 1e-4 m apart
    exact = EXACT if turn == 0 else 2e-5
    middle_m = 2000 - 0.25 * 13.7 + 0.5 * -5.1
    expected = {
        "surface_m2": length_m * width_m * np.sqrt(1 + steepness**2),
        "length_m": length_m,
        "width_m": width_m,
        "elongation": length_m / width_m,
        "axis_deg": azimuth_deg,
        "elevation_min_m": middle_m - steepness * length_m / 2,
        "elevation_max_m": middle_m + steepness * length_m / 2,
        "elevation_range_m": steepness * length_m,
        "slope_deg": np.degrees(np.arctan(steepness)),
        "aspect_deg": azimuth_deg,
        "dem_resolution_m": 16.0,
        "dem_share": 1.0,
    }
    for name, value in expected.items():
        assert getattr(found, name)[0] == pytest.approx(value, rel=exact, abs=1e-7), name
    assert found.axis[0] == "downslope"
    if turn == 0:
        # the middles of the upper and the lower side, straight above each other
        along = np.array([np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))])
        assert found.runout_m[0] == pytest.approx(length_m, rel=EXACT)
        assert found.h_over_l[0] == pytest.approx(steepness, rel=EXACT)
        for point, side in ((found.highest_points[0], -1), (found.lowest_points[0], 1)):
            end = np.array(place) + side * along * length_m / 2
            assert (point.x, point.y) == pytest.approx(tuple(end), rel=0, abs=1e-6)


def test_an_ellipse_aslant_has_its_extents_along_the_slope(measured) -> None:  # type: ignore[no-untyped-def]
    # falls due south; half axes 200 m and 50 m, the long one towards north-east
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    u, v = 200 * np.cos(angle), 50 * np.sin(angle)
    x, y = CENTRE[0] + (u - v) / np.sqrt(2), CENTRE[1] + (u + v) / np.sqrt(2)
    found = measured(plane(0.0, 0.5), shapely.Polygon(np.column_stack([x, y])))
    reach = 2 * np.sqrt((200**2 + 50**2) / 2)
    assert found.axis_deg[0] == pytest.approx(180.0, rel=EXACT)
    assert found.length_m[0] == pytest.approx(reach, rel=1e-7)
    assert found.width_m[0] == pytest.approx(reach, rel=1e-7)
    assert found.elevation_range_m[0] == pytest.approx(reach / 2, rel=1e-7)
    # where the tangent is level; within 1 mm of height the outline goes 0.5 m to the side
    assert found.highest_points[0].x - found.lowest_points[0].x == pytest.approx(
        2 * (200**2 - 50**2) / reach, abs=1.5
    )


def test_a_cone_has_one_slope_and_falls_to_all_sides(measured) -> None:  # type: ignore[no-untyped-def]
    outer = shapely.Point(CENTRE).buffer(360, quad_segs=256)
    ring = outer.difference(shapely.Point(CENTRE).buffer(200, quad_segs=256))
    found = measured(cone(0.75), ring, step=4.0)
    # bilinear heights between pixels of 4 m are off by up to 4² / (8 * 200) * 0.75 m
    assert found.slope_deg[0] == pytest.approx(np.degrees(np.arctan(0.75)), abs=0.01)
    assert found.surface_m2[0] == pytest.approx(ring.area * 1.25, rel=1e-4)
    assert found.elevation_range_m[0] == pytest.approx(0.75 * 160, abs=0.02)
    assert np.isnan(found.aspect_deg[0])
    assert found.axis[0] == "box"
    assert found.length_m[0] == pytest.approx(720, rel=1e-4)
    assert 0 <= found.axis_deg[0] < 180


@pytest.mark.parametrize("towards_deg", [0.0, 75.0, 200.0, 359.0])
def test_a_sector_of_a_cone_faces_its_middle(measured, towards_deg: float) -> None:  # type: ignore[no-untyped-def]
    half = np.radians(np.linspace(-30, 30, 121) + towards_deg)
    arc = np.column_stack([np.sin(half), np.cos(half)])
    sector = shapely.Polygon(np.concatenate([200 * arc, 360 * arc[::-1]]) + CENTRE)
    found = measured(cone(0.5), sector, step=4.0)
    turn = (found.aspect_deg[0] - towards_deg + 180) % 360 - 180
    assert turn == pytest.approx(0, abs=0.3)
    assert found.slope_deg[0] == pytest.approx(np.degrees(np.arctan(0.5)), abs=0.01)
    assert found.length_m[0] == pytest.approx(360 - 200 * np.cos(np.radians(30)), abs=0.6)
    assert found.width_m[0] == pytest.approx(360, rel=1e-3)
    assert found.elevation_max_m[0] == pytest.approx(3000 - 100, abs=0.02)
    assert found.elevation_min_m[0] == pytest.approx(3000 - 180, abs=0.02)


def test_steeper_ground_counts_more_in_the_aspect(measured) -> None:  # type: ignore[no-untyped-def]
    def trough(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        # falls east by 1 west of the centre, and north by 0.25 east of it
        return 1000 - np.minimum(x - CENTRE[0], 0) - 0.25 * (y - CENTRE[1]) * (x > CENTRE[0])

    west = rectangle(200, 100, 0, (CENTRE[0] - 100, CENTRE[1]))
    east = rectangle(200, 100, 0, (CENTRE[0] + 100, CENTRE[1]))
    both = measured(trough, shapely.MultiPolygon([west, east]), step=2.0)
    assert both.aspect_deg[0] == pytest.approx(np.degrees(np.arctan2(1, 0.25)), rel=1e-6)
    mean = (45 + np.degrees(np.arctan(0.25))) / 2
    assert both.slope_deg[0] == pytest.approx(mean, rel=1e-6)
    assert both.surface_m2[0] == pytest.approx(20_000 * (np.sqrt(2) + np.hypot(1, 0.25)), rel=1e-6)


@pytest.mark.parametrize("height_m", [0.0, 812.3])
def test_level_ground_has_no_aspect(measured, height_m: float) -> None:  # type: ignore[no-untyped-def]
    found = measured(plane(0, 0, height_m), rectangle(300, 100, 20))
    assert np.isnan(found.aspect_deg[0])
    assert (found.axis[0], found.slope_deg[0], found.elevation_range_m[0]) == ("box", 0.0, 0.0)
    assert found.axis_deg[0] == pytest.approx(20)
    assert (found.length_m[0], found.width_m[0]) == pytest.approx((300, 100))
    assert found.surface_m2[0] == pytest.approx(30_000)
    assert found.elevation_min_m[0] == np.float32(height_m)


def test_without_heights_the_axis_is_the_box() -> None:
    shapes = of(rectangle(300, 100, 110), rectangle(100, 300, 110), rectangle(50, 50, 0))
    found = terrain_attributes(shapes, UTM, None)
    assert found.axis.tolist() == ["box"] * 3
    assert found.axis_deg == pytest.approx([110, 20, 0], abs=1e-6)
    assert found.length_m == pytest.approx([300, 300, 50], rel=EXACT)
    assert found.width_m == pytest.approx([100, 100, 50], rel=EXACT)
    for name in ("slope_deg", "elevation_min_m", "dem_share", "dem_resolution_m", "surface_m2"):
        assert np.isnan(getattr(found, name)).all(), name
    assert found.highest_points.tolist() == [None] * 3


def test_without_a_coordinate_system_nothing_is_known() -> None:
    found = terrain_attributes(of(rectangle(300, 100, 0)), None, None)
    assert np.isnan(found.length_m).all()
    assert found.axis.tolist() == [None]


# the same plane and slide in every system: a map's metres at this place are 0.9996 on the ground
@pytest.mark.parametrize(
    ("crs", "scale"),
    [
        pytest.param(WGS84, 0.9996, id="degrees"),
        pytest.param(MERCATOR, 0.9996, id="Mercator"),
        pytest.param(FEET, 1.0, id="feet"),
    ],
)
def test_polygons_in_any_system(tmp_path: Path, crs: pyproj.CRS, scale: float) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(-0.25, 0.5), pixels_around((200, 200), 16.0))
    azimuth_deg = float(np.degrees(np.arctan2(0.25, -0.5)))
    shape = rectangle(800, 200, azimuth_deg)
    with ElevationModel(path) as terrain:
        found = terrain_attributes(of(moved(shape, crs)), crs, terrain)
    steepness = np.hypot(0.25, 0.5) * scale
    # UTM's scale and north change by 1e-8 and 1e-4 rad over the slide
    assert found.length_m[0] == pytest.approx(800 / scale, rel=1e-6)
    assert found.width_m[0] == pytest.approx(200 / scale, rel=1e-6)
    assert found.axis_deg[0] == pytest.approx(azimuth_deg, abs=1e-3)
    assert np.tan(np.radians(found.slope_deg[0])) == pytest.approx(steepness, rel=1e-6)
    assert found.elevation_range_m[0] == pytest.approx(steepness * 800 / scale, rel=1e-6)
    assert found.runout_m[0] == pytest.approx(800 / scale, rel=1e-6)
    assert found.surface_m2[0] == pytest.approx(
        160_000 / scale**2 * np.hypot(1, steepness), rel=1e-6
    )
    back = moved_back(found.highest_points[0], crs)
    end = np.array(CENTRE) - 400 * np.array(
        [np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))]
    )
    assert (back.x, back.y) == pytest.approx(tuple(end), rel=0, abs=0.05)


def moved_back(point: shapely.Point, crs: pyproj.CRS) -> shapely.Point:
    transformer = pyproj.Transformer.from_crs(crs, UTM, always_xy=True)
    return shapely.Point(transformer.transform(point.x, point.y))


@pytest.mark.parametrize(
    ("crs", "step", "resolution_m"),
    [
        pytest.param(WGS84, 1 / 3600, 28.65, id="degrees, 1 arc second"),
        pytest.param(MERCATOR, 30.0, 25.745, id="Mercator"),
        pytest.param(NEXT_ZONE, 30.0, 30.0, id="the next zone"),
        pytest.param(FEET, 100.0, 30.48006, id="feet"),
    ],
)
def test_models_in_any_system(
    tmp_path: Path, crs: pyproj.CRS, step: float, resolution_m: float
) -> None:
    x, y = pyproj.Transformer.from_crs(UTM, crs, always_xy=True).transform(*CENTRE)
    transform = Affine(step, 0, x - 100 * step, 0, -step, y + 100 * step)
    path = write_dem(tmp_path / "dem.tif", plane(-0.3, 0.4), transform, crs=crs)
    azimuth_deg = float(np.degrees(np.arctan2(0.3, -0.4)))
    with ElevationModel(path) as terrain:
        found = terrain_attributes(of(rectangle(900, 300, azimuth_deg)), UTM, terrain)
        near = terrain.resolution_near([*CENTRE, *CENTRE], UTM)
        assert near == pytest.approx(resolution_m, rel=1e-3)
    # planes of UTM bend in other systems: 3e-5 m over a pixel; float32 rounds heights to 1e-4 m
    assert found.elevation_max_m[0] == pytest.approx(2000 + 225, abs=1e-3)
    assert found.elevation_min_m[0] == pytest.approx(2000 - 225, abs=1e-3)
    assert np.tan(np.radians(found.slope_deg[0])) == pytest.approx(0.5, abs=1e-5)
    assert found.aspect_deg[0] == pytest.approx(azimuth_deg, abs=1e-3)
    assert found.surface_m2[0] == pytest.approx(270_000 * np.sqrt(1.25), rel=1e-5)
    assert found.dem_resolution_m[0] == pytest.approx(resolution_m, rel=1e-3)
    assert found.length_m[0] == pytest.approx(900, rel=1e-5)


def test_gaps_leave_columns_empty_and_never_zero(tmp_path: Path) -> None:
    # no heights east of x = centre + 8
    path = write_dem(
        tmp_path / "dem.tif",
        plane(-0.5, 0.0),
        pixels_around((200, 200), 16.0),
        gap=(slice(None), slice(101, None)),
    )
    west, east = ((CENTRE[0] + x, CENTRE[1]) for x in (-500, 500))
    mostly = rectangle(400, 100, 90, (CENTRE[0] - 100, CENTRE[1]))
    hardly = rectangle(400, 100, 90, (CENTRE[0] + 120, CENTRE[1]))
    shapes = of(rectangle(400, 100, 90, west), mostly, hardly, rectangle(400, 100, 90, east))
    with ElevationModel(path) as terrain:
        found = terrain_attributes(shapes, UTM, terrain)
    assert found.dem_share == pytest.approx([1, 0.75 + 0.02, 0.2 + 0.02, 0], abs=0.03)
    known = np.array([True, True, False, False])
    for name in (
        *("surface_m2", "elevation_min_m", "elevation_max_m", "elevation_range_m", "slope_deg"),
        *("aspect_deg", "runout_m", "h_over_l", "dem_resolution_m"),
        *("elevation_max_m", "elevation_min_m"),
    ):
        assert np.array_equal(np.isfinite(getattr(found, name)), known), name
    assert [point is not None for point in found.highest_points] == known.tolist()
    assert found.axis.tolist() == ["downslope", "downslope", "box", "box"]
    assert found.length_m == pytest.approx([400] * 4)
    assert found.slope_deg[1] == pytest.approx(np.degrees(np.arctan(0.5)), rel=EXACT)
    # the toe is the lowest point that has a height, at the gap's edge
    assert found.lowest_points[1].x == pytest.approx(CENTRE[0] + 8, abs=16)
    assert found.elevation_min_m[1] == pytest.approx(2000 - 0.5 * 8, abs=8)


def test_a_model_elsewhere_is_refused(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(0.1, 0.1), pixels_around((200, 200), 16.0))
    far = rectangle(100, 50, 0, (CENTRE[0], CENTRE[1] + 50_000))
    message = (
        r"dem\.tif: the elevation model covers none of the landslides, which are between"
        r" longitude 117\.0000 and 117\.0000, latitude 31\.18\d\d and 31\.18\d\d; choose one"
    )
    with ElevationModel(path) as terrain:
        with pytest.raises(InputError, match=message):
            terrain_attributes(of(far), UTM, terrain)
        assert len(terrain_attributes(of(), UTM, terrain).length_m) == 0


HOSTILE = {
    "a sliver": shapely.Polygon([(0, 0), (300, 300), (300, 300.001), (0, 0.001)]),
    "no area": shapely.Polygon([(0, 0), (100, 50), (200, 100)]),
    "a point": shapely.Polygon([(0, 0), (0, 0), (0, 0)]),
    "a millimetre": shapely.Polygon([(0, 0), (0.001, 0), (0.001, 0.001)]),
    "two parts": shapely.MultiPolygon([shapely.box(0, 0, 10, 20), shapely.box(50, 5, 60, 25)]),
    "a bow tie": shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)]),
    "a hole": shapely.Polygon(shapely.box(0, 0, 90, 90).exterior, [[(9, 9), (9, 80), (80, 80)]]),
    "heights": shapely.Polygon([(0, 0, 5), (50, 0, 5), (50, 50, 7)]),
    "everything": shapely.box(-1e6, -1e6, 1e6, 1e6),
    "nothing": shapely.Polygon(),
    "none": None,
}


@pytest.mark.parametrize("crs", [UTM, WGS84, MERCATOR], ids=["UTM", "degrees", "Mercator"])
def test_hostile_shapes_are_measured_or_empty(tmp_path: Path, crs: pyproj.CRS) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(-0.25, 0.5), pixels_around((200, 200), 16.0))
    placed = [
        shape if shape is None else moved(shapely.transform(shape, lambda p: p + CENTRE), crs)
        for shape in HOSTILE.values()
    ]
    with ElevationModel(path) as terrain:
        found = terrain_attributes(of(*placed), crs, terrain)
    rows = dict(zip(HOSTILE, range(len(HOSTILE)), strict=True))
    slopes = np.tan(np.radians(found.slope_deg))
    for name in ("a sliver", "a millimetre", "two parts", "a bow tie", "a hole", "heights"):
        assert slopes[rows[name]] == pytest.approx(np.hypot(0.25, 0.5), rel=1e-3), name
        assert found.dem_share[rows[name]] == 1, name
    # three points in a line have an area of rounding errors where they are moved
    for name in ("a point", "nothing", "none", *(["no area"] if crs == UTM else [])):
        assert np.isnan(found.slope_deg[rows[name]]), name
        assert found.highest_points[rows[name]] is None, name
    for name in ("a point", "nothing", "none"):
        assert found.axis[rows[name]] is None or found.length_m[rows[name]] == 0, name
    if crs == UTM:
        assert found.length_m[rows["no area"]] == pytest.approx(np.hypot(200, 100), rel=1e-9)
    assert found.dem_share[rows["everything"]] < 0.01
    assert np.isnan(found.elevation_min_m[rows["everything"]])
    assert not np.isinf(found.elongation).any()


def test_coordinates_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(-0.25, 0.5), pixels_around((200, 200), 16.0))
    with np.errstate(invalid="ignore"):
        broken = shapely.from_wkt("POLYGON ((0 0, 50 NaN, 50 50, 0 50, 0 0))")
    with ElevationModel(path) as terrain:
        found = terrain_attributes(of(broken, rectangle(50, 50, 0)), UTM, terrain)
    assert np.isfinite(found.length_m).tolist() == [False, True]
    assert np.isfinite(found.dem_share).tolist() == [False, True]


def test_it_reports_progress_and_keeps_the_order(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(0.0, 0.5), pixels_around((200, 200), 16.0))
    rng = np.random.default_rng(3)
    lengths = rng.uniform(20, 60, 4000)
    places = CENTRE + rng.uniform(-1400, 1400, (4000, 2))
    shapes = [
        rectangle(length, 10, 0, (x, y)) for length, (x, y) in zip(lengths, places, strict=True)
    ]
    reported: list[tuple[float, float]] = []

    def tell(done: float, total: float) -> None:
        reported.append((done, total))

    with ElevationModel(path) as terrain:
        found = terrain_attributes(of(*shapes), UTM, terrain, progress=tell)
    assert [done for done, _ in reported] == sorted({done for done, _ in reported})
    assert reported[1:][-1] == (4000, 4000)
    np.testing.assert_allclose(found.length_m, lengths)
    np.testing.assert_allclose(
        found.elevation_max_m, 2000 + (places[:, 1] - CENTRE[1] + lengths / 2) / 2
    )


def test_a_million_vertices(measured) -> None:  # type: ignore[no-untyped-def]
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    radius = 500 * (1 + 0.001 * np.sin(5000 * angle))
    shape = shapely.Polygon(
        np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + CENTRE
    )
    found = measured(plane(0.0, 0.5), shape)
    assert found.length_m[0] == pytest.approx(1001, abs=0.01)
    assert found.elevation_range_m[0] == pytest.approx(500.5, abs=0.01)


@settings(max_examples=12)
@given(
    azimuth_deg=st.floats(0, 359.9),
    length_m=st.floats(5, 500),
    width_m=st.floats(5, 500),
    steepness=st.floats(0.05, 2),
)
def test_rectangles_down_any_plane(
    tmp_path_factory: pytest.TempPathFactory,
    azimuth_deg: float,
    length_m: float,
    width_m: float,
    steepness: float,
) -> None:
    east, north = np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))
    ground = plane(-steepness * east, -steepness * north)
    path = write_dem(tmp_path_factory.mktemp("d") / "d.tif", ground, pixels_around((90, 90), 16))
    with ElevationModel(path) as terrain:
        found = terrain_attributes(of(rectangle(length_m, width_m, azimuth_deg)), UTM, terrain)
    # float32 rounds heights to 1e-4 m: gradients over 16 m to 1e-5
    turn = (found.aspect_deg[0] - azimuth_deg + 180) % 360 - 180
    assert turn == pytest.approx(0, abs=0.02)
    assert found.length_m[0] == pytest.approx(length_m, rel=1e-3, abs=1e-3 * width_m)
    assert found.width_m[0] == pytest.approx(width_m, rel=1e-3, abs=1e-3 * length_m)
    assert found.elevation_range_m[0] == pytest.approx(steepness * length_m, abs=2e-3)
    assert np.tan(np.radians(found.slope_deg[0])) == pytest.approx(steepness, abs=2e-5)


@pytest.mark.parametrize(
    ("code", "lonlat", "image"),
    [
        pytest.param(ROTATED_POLE, (9, 60), "north up", id="degrees with a pole elsewhere"),
        pytest.param(32648, (105, 30), "south up", id="UTM"),
        pytest.param(32648, (105, 30), "turned", id="UTM, turned"),
        pytest.param(32648, (105, 30), "transposed", id="UTM, transposed"),
        pytest.param(4549, (120, 30), "north up", id="northing first"),
        pytest.param(2054, (31, -28), "north up", id="west and south"),
        pytest.param(22275, (15, -30), "turned", id="west and south, another ellipsoid"),
        pytest.param(2065, (24.83, 49), "north up", id="south and west"),
        pytest.param(2227, (-120.5, 37), "south up", id="US survey feet"),
        pytest.param(4326, (105, 30), "turned", id="degrees"),
        pytest.param(4807, (2, 50), "north up", id="grads from Paris"),
        pytest.param(3413, (30, 70), "turned", id="polar, both axes south"),
        pytest.param(3031, (100, -75), "north up", id="polar, both axes north"),
        pytest.param(32661, (-140, 85), "transposed", id="polar, northing first"),
        pytest.param(3408, (-60, 82), "north up", id="polar, equal area"),
    ],
)
def test_directions_in_any_system(
    tmp_path: Path, code: int | str, lonlat: tuple[float, float], image: str
) -> None:
    """The ground falls by 0.5 to the south: 26.57 degrees, aspect 180."""
    crs = pyproj.CRS.from_user_input(code)
    ground = pyproj.CRS(f"+proj=laea +lon_0={lonlat[0]} +lat_0={lonlat[1]} +ellps=WGS84")
    to_ground = pyproj.Transformer.from_crs(crs, ground, always_xy=True)
    to_crs = pyproj.Transformer.from_crs(ground, crs, always_xy=True)
    centre = np.array(to_crs.transform(0, 0))
    ends = np.array(to_crs.transform([30, 0], [0, 30])).T - centre
    step = np.hypot(*ends.T).mean()
    turn = {
        "north up": Affine.scale(step, -step),
        "south up": Affine.scale(step, step),
        "turned": Affine.rotation(40) @ Affine.scale(step, -step),
        "transposed": Affine(0, step, 0, step, 0, 0),
    }[image]
    transform = Affine.translation(*centre) @ turn @ Affine.translation(-30, -30)
    row, col = np.indices((60, 60)).reshape(2, -1) + 0.5
    points = map_points(transform, np.column_stack([col, row]))
    _, north = to_ground.transform(*points.T)
    heights = (2000 + 0.5 * north.reshape(60, 60)).astype(np.float32)
    write_heights(tmp_path / "dem.tif", heights, transform, crs)
    box = shapely.transform(
        shapely.box(-200, -300, 200, 300), lambda p: np.column_stack(to_crs.transform(*p.T))
    )

    with ElevationModel(tmp_path / "dem.tif") as terrain:
        found = terrain_attributes(of(box), crs, terrain)

    assert found.slope_deg[0] == pytest.approx(26.565, abs=0.25)
    assert found.aspect_deg[0] == pytest.approx(180, abs=0.6)
    assert found.length_m[0] == pytest.approx(600, rel=0.06)
    assert found.width_m[0] == pytest.approx(400, rel=0.06)
    assert found.dem_resolution_m[0] == pytest.approx(30, rel=0.06)
