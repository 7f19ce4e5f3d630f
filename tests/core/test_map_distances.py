import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.geometries import AreaMeasure
from landslip.core.map_distances import MapPlane, azimuths_deg, directions

WGS84 = pyproj.CRS.from_epsg(4326)
MERCATOR = pyproj.CRS.from_epsg(3857)


def plane_of(crs: pyproj.CRS) -> MapPlane:
    found = MapPlane.of(crs)
    assert found is not None
    return found


def points_of(*points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points, dtype=np.float64)


@pytest.mark.parametrize(
    ("epsg", "stretches"),
    [
        pytest.param(32650, False, id="UTM"),
        pytest.param(4326, True, id="degrees"),
        pytest.param(3857, True, id="web Mercator"),
        pytest.param(3395, True, id="world Mercator"),
        pytest.param(2056, False, id="oblique Mercator of Switzerland"),
        pytest.param(3413, False, id="polar stereographic"),
        pytest.param(9518, True, id="degrees with heights"),
    ],
)
def test_which_maps_stretch(epsg: int, stretches: bool) -> None:
    assert plane_of(pyproj.CRS.from_epsg(epsg)).stretches is stretches


@pytest.mark.parametrize("epsg", [32650, 4326, 3857, 2056, 3375, 9518])
def test_lengths_and_areas_are_measured_alike(epsg: int) -> None:
    """One row of an inventory holds both: in Swiss or Malaysian oblique Mercator they differed."""
    areas = AreaMeasure(CRS.from_epsg(epsg)).method
    assert (areas == "geodesic") is plane_of(pyproj.CRS.from_epsg(epsg)).stretches


def test_where_no_place_on_earth_is_known() -> None:
    assert MapPlane.of(None) is None
    assert MapPlane.of(pyproj.CRS('LOCAL_CS["plan",UNIT["metre",1]]')) is None


# the azimuthal equidistant projection at the same place is the oracle
@pytest.mark.parametrize("crs", [WGS84, MERCATOR], ids=["degrees", "Mercator"])
@pytest.mark.parametrize("lat", [0.0, 31.0, -68.0])
def test_metres_east_and_north(crs: pyproj.CRS, lat: float) -> None:
    there = pyproj.CRS(f"+proj=aeqd +lat_0={lat} +lon_0=103 +datum=WGS84")
    to_map = pyproj.Transformer.from_crs(there, crs, always_xy=True)
    metres = points_of((0, 0), (5000, 0), (0, -5000), (-3000, 4000), (12.5, 7.25))
    points = np.column_stack(to_map.transform(*metres.T))
    plane = plane_of(crs)
    found = plane.metres(points, np.tile(points[0], (len(points), 1)))
    # d² / 6 R² of 5 km are 0.5 mm
    np.testing.assert_allclose(found, metres, atol=1e-3)
    lengths = plane.lengths(np.tile(points[0], (len(points), 1)), points)
    np.testing.assert_allclose(lengths, np.hypot(*metres.T), atol=1e-6)


@pytest.mark.parametrize("crs", [WGS84, MERCATOR], ids=["degrees", "Mercator"])
@pytest.mark.parametrize("lat", [0.0, 31.0, -68.0])
def test_the_scale_is_the_one_of_small_steps(crs: pyproj.CRS, lat: float) -> None:
    to_map = pyproj.Transformer.from_crs(WGS84, crs, always_xy=True)
    x, y = to_map.transform(103.0, lat)
    step = 1e-4 if crs.is_geographic else 10.0
    plane = plane_of(crs)
    here = points_of((x, y))
    ends = points_of((x + step, y), (x, y + step))
    metres = plane.metres(ends, np.tile(here, (2, 1)))
    found = plane.metres_per_unit(here)[0]
    assert found == pytest.approx([metres[0, 0] / step, metres[1, 1] / step], rel=1e-5)


def test_a_projected_map_is_measured_as_it_is() -> None:
    feet = plane_of(pyproj.CRS("+proj=utm +zone=50 +datum=WGS84 +units=us-ft"))
    points = points_of((100, 200), (400, 600))
    assert feet.lengths(points[:1], points[1:]) == pytest.approx([500 * 1200 / 3937])
    np.testing.assert_allclose(feet.metres(points, points), points * 1200 / 3937)


def test_azimuths_turn_clockwise_from_north() -> None:
    vectors = points_of((0, 1), (1, 1), (1, 0), (0, -1), (-1, 0), (-1e-30, 1))
    found = azimuths_deg(vectors)
    np.testing.assert_allclose(found, [0, 45, 90, 180, 270, 0], atol=1e-12)
    assert (found < 360).all()
    np.testing.assert_allclose(directions(found[:5])[1], [np.sqrt(0.5)] * 2)
    assert np.isnan(azimuths_deg(points_of((np.nan, np.nan)))[0])
