from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import LineString, MultiLineString, box
from shapely.affinity import translate

from landslip.core.errors import InputError
from landslip.inventory.fields import FLAGS
from landslip.inventory.flags import FlagColumns, FlagRules, beside_water, flags, fraction_on_roads

NAN = float("nan")
LANDSLIDE = {
    "slope_deg": 30.0,
    "length_m": 80.0,
    "width_m": 25.0,
    "downslope": True,
    "water_near": 0.0,
    "beside_water": NAN,
    "on_road": NAN,
    "bright_share": 0.0,
}


def judged(name: str, rules: FlagRules | None = None, **known: Any) -> bool | None:
    """Return a flag of a landslide of which some figures are others."""
    values = LANDSLIDE | known
    columns = FlagColumns(
        **{
            key: np.array([value], dtype=bool if key == "downslope" else np.float64)
            for key, value in values.items()
        }
    )
    found = flags(columns, rules or FlagRules())[name]
    assert found.dtype == object
    value = found[0]
    assert value is None or isinstance(value, bool)
    return value


def test_flags_are_the_columns_of_an_inventory() -> None:
    columns = FlagColumns(
        **{
            key: np.array([value, value], dtype=bool if key == "downslope" else np.float64)
            for key, value in LANDSLIDE.items()
        }
    )
    found = flags(columns)
    assert tuple(found) == FLAGS
    assert all(column.tolist() == [False, False] for column in found.values())


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"slope_deg": 5.0, "water_near": 0.3}, True),
        ({"slope_deg": 7.99, "water_near": 0.1}, True),
        ({"slope_deg": 8.0, "water_near": 0.3}, False),
        ({"slope_deg": 5.0, "water_near": 0.09}, False),
        ({"slope_deg": 5.0, "water_near": 0.0, "beside_water": 1.0}, True),
        ({"slope_deg": 5.0, "water_near": NAN, "beside_water": 1.0}, True),
        ({"slope_deg": 5.0, "water_near": NAN, "beside_water": 0.0}, False),
        ({"slope_deg": 5.0, "water_near": NAN}, None),
        ({"slope_deg": 30.0, "water_near": NAN}, False),
        ({"slope_deg": NAN, "water_near": 0.3}, None),
        ({"slope_deg": NAN, "water_near": 0.0, "beside_water": 0.0}, False),
        ({"slope_deg": 5.0, "water_near": 0.0}, False),
    ],
)
def test_a_river_flat_is_gentle_and_beside_water(known: dict[str, Any], expected: Any) -> None:
    assert judged("flag_river_flat", **known) is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"length_m": 12.0, "width_m": 40.0}, True),
        ({"length_m": 20.0, "width_m": 100.0}, False),
        ({"length_m": 16.0, "width_m": 40.0}, False),
        ({"length_m": 40.0, "width_m": 12.0}, False),
        ({"length_m": 12.0, "width_m": 40.0, "downslope": False}, None),
        ({"length_m": NAN, "width_m": NAN}, None),
        ({"length_m": 12.0, "width_m": 40.0, "on_road": 0.0}, False),
        ({"on_road": 0.6}, True),
        ({"on_road": 0.59}, False),
        ({"on_road": 0.9, "downslope": False}, True),
    ],
)
def test_a_road_is_one_of_a_layer_or_narrow_across_the_slope(
    known: dict[str, Any], expected: Any
) -> None:
    assert judged("flag_road", **known) is expected


@pytest.mark.parametrize(("share", "expected"), [(0.5, True), (0.49, False), (NAN, None)])
def test_a_cloud_is_bright_for_the_most_part(share: float, expected: Any) -> None:
    assert judged("flag_cloud", bright_share=share) is expected


def test_rules_can_be_others() -> None:
    rules = FlagRules(cloud_min_share=0.1, river_max_slope_deg=40.0)
    assert judged("flag_cloud", rules, bright_share=0.2) is True
    assert judged("flag_river_flat", rules, water_near=0.5) is True


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"cloud_min_share": 1.1}, r"cloud_min_share must be over 0 and at most 1; got 1.1"),
        ({"river_max_slope_deg": 0.0}, r"river_max_slope_deg must be over 0; got 0"),
        ({"water_reach_m": float("inf")}, r"water_reach_m must be over 0; got inf"),
        ({"road_min_share": NAN}, r"road_min_share must be over 0 and at most 1; got nan"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FlagRules(**rule)


WritePolygons = Callable[..., Path]
UTM = CRS.from_epsg(32650)


def at(*geometries: shapely.Geometry) -> list[shapely.Geometry]:
    return [translate(one, 500_000, 4_000_000) for one in geometries]


def slides(*geometries: shapely.Geometry) -> NDArray[np.object_]:
    return np.array(at(*geometries), dtype=object)


def test_water_counts_up_to_its_reach(write_polygons: WritePolygons) -> None:
    water = write_polygons(
        "w.gpkg", [*at(box(0, 0, 100, 10), LineString([(0, 80), (9, 80)])), None]
    )
    there = slides(box(0, 24, 9, 30), box(0, 26, 9, 30), box(0, 5, 9, 30), box(0, 60, 9, 66))
    assert beside_water(there, UTM, water, 15.0)[0].tolist() == [1, 0, 1, 1]
    assert beside_water(there, UTM, water, 13.0)[0].tolist() == [0, 0, 1, 0]


def test_shares_on_roads_are_exact_beside_straight_ones(write_polygons: WritePolygons) -> None:
    bent = LineString([(-100, 0), (0, 0), (100, 0)])
    crossing = LineString([(50, -100), (50, 100)])
    roads = write_polygons("r.gpkg", at(bent, MultiLineString([crossing])))
    there = slides(
        box(0, -8, 20, 8),  # all of it
        box(0, 0, 20, 16),  # half
        box(42, -100, 58, 100),  # on the other
        box(30, -50, 70, 50),  # a cross of the two, counted once
        box(0, 50, 20, 60),  # none
    )
    cross = (40 * 16 + 100 * 16 - 16 * 16) / 4000
    found = fraction_on_roads(there, UTM, roads, 8.0)[0]
    assert found.tolist() == pytest.approx([1, 0.5, 1, cross, 0])


def test_layers_of_another_system_are_brought_over(
    write_polygons: WritePolygons, tmp_path: Path
) -> None:
    line = geopandas.GeoSeries(at(LineString([(-100, 0), (100, 0)])), crs="EPSG:32650")
    line.to_crs("EPSG:4326").to_file(tmp_path / "r.geojson")
    there = slides(box(0, 0, 20, 16))
    assert fraction_on_roads(there, UTM, tmp_path / "r.geojson", 8.0)[0][0] == pytest.approx(
        0.5, abs=1e-3
    )
    lonlat = geopandas.GeoSeries(there, crs="EPSG:32650").to_crs("EPSG:4326")
    degrees = np.asarray(lonlat.values, dtype=object)
    found = fraction_on_roads(degrees, CRS.from_epsg(4326), tmp_path / "r.geojson", 8.0)[0]
    assert found[0] == pytest.approx(0.5, abs=1e-3)


def test_no_landslides_have_no_surroundings(write_polygons: WritePolygons) -> None:
    roads = write_polygons("r.gpkg", at(LineString([(0, 0), (1, 1)])))
    assert len(fraction_on_roads(slides(), UTM, roads, 8.0)[0]) == 0
    assert len(beside_water(slides(), UTM, roads, 8.0)[0]) == 0


def test_what_does_not_fit_is_refused(write_polygons: WritePolygons) -> None:
    there = slides(box(0, 0, 1, 1))
    areas = write_polygons("areas.gpkg", at(box(0, 0, 1, 1)))
    with pytest.raises(InputError, match=r"roads must be lines; there are also Polygon"):
        fraction_on_roads(there, UTM, areas, 8.0)
    plain = write_polygons("plain.gpkg", at(box(0, 0, 1, 1)), crs=None)
    with pytest.raises(InputError, match=r"as it has no coordinate system"):
        beside_water(there, UTM, plain, 15.0)
    with pytest.raises(InputError, match=r"as the landslides have no coordinate system"):
        beside_water(there, None, areas, 15.0)
