from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import LineString, MultiLineString, box
from shapely.affinity import translate

from landslip.core.errors import InputError
from landslip.inventory.surroundings import beside_water, share_on_roads

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
    assert beside_water(there, UTM, water, 15.0).tolist() == [1, 0, 1, 1]
    assert beside_water(there, UTM, water, 13.0).tolist() == [0, 0, 1, 0]


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
    found = share_on_roads(there, UTM, roads, 8.0)
    assert found.tolist() == pytest.approx([1, 0.5, 1, cross, 0])


def test_layers_of_another_system_are_brought_over(
    write_polygons: WritePolygons, tmp_path: Path
) -> None:
    line = geopandas.GeoSeries(at(LineString([(-100, 0), (100, 0)])), crs="EPSG:32650")
    line.to_crs("EPSG:4326").to_file(tmp_path / "r.geojson")
    there = slides(box(0, 0, 20, 16))
    assert share_on_roads(there, UTM, tmp_path / "r.geojson", 8.0)[0] == pytest.approx(
        0.5, abs=1e-3
    )
    lonlat = geopandas.GeoSeries(there, crs="EPSG:32650").to_crs("EPSG:4326")
    degrees = np.asarray(lonlat.values, dtype=object)
    found = share_on_roads(degrees, CRS.from_epsg(4326), tmp_path / "r.geojson", 8.0)
    assert found[0] == pytest.approx(0.5, abs=1e-3)


def test_no_landslides_have_no_surroundings(write_polygons: WritePolygons) -> None:
    roads = write_polygons("r.gpkg", at(LineString([(0, 0), (1, 1)])))
    assert len(share_on_roads(slides(), UTM, roads, 8.0)) == 0
    assert len(beside_water(slides(), UTM, roads, 8.0)) == 0


def test_what_does_not_fit_is_refused(write_polygons: WritePolygons) -> None:
    there = slides(box(0, 0, 1, 1))
    areas = write_polygons("areas.gpkg", at(box(0, 0, 1, 1)))
    with pytest.raises(InputError, match=r"roads are lines; there are also Polygon"):
        share_on_roads(there, UTM, areas, 8.0)
    plain = write_polygons("plain.gpkg", at(box(0, 0, 1, 1)), crs=None)
    with pytest.raises(InputError, match=r"as it has no coordinate system"):
        beside_water(there, UTM, plain, 15.0)
    with pytest.raises(InputError, match=r"as the landslides have no coordinate system"):
        beside_water(there, None, areas, 15.0)
