import numpy as np
import pyproj
import pytest
from rasterio.crs import CRS
from shapely import box

from landslip.core.crs import check_on_earth, check_on_map, height_unit_m
from landslip.core.errors import InputError
from landslip.core.geometries import reproject

UTM, LONLAT = CRS.from_epsg(32648), CRS.from_epsg(4326)


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
            reproject(np.array([box(0, 0, 1, 1)]), *pair)
    with pytest.raises(InputError, match=r"a.tif: .* is not tied to the Earth; assign"):
        check_on_earth(crs, "a.tif")


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
