import hashlib
import math
import sqlite3
import time
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
import shapely.affinity
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.geometries import AreaMeasure
from landslip.core.grid import Grid
from landslip.inference import table
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import Outlines, concatenate_landslides
from landslip.inference.table import LandslideTable, TableTotals, to_map_polygons

UTM, DEGREES = CRS.from_epsg(32648), CRS.from_epsg(4326)
TRANSFORMS = {
    "north up": Affine(2, 0, 300_000, 0, -2, 3_400_000),
    "south up": Affine(2, 0, 300_000, 0, 2, 3_400_000),
    "turned": Affine(1.6, 1.2, 7, 1.2, -1.6, 9),
}
SOME = """
##...#..
##...#..
.......#
###.....
#.#..##.
###...#.
"""


def picture(rows: str) -> NDArray[np.bool_]:
    return np.array([[character == "#" for character in row] for row in rows.split()])


def noise(seed: int = 0) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((200, 150)) < 0.3


def gridded(
    found: NDArray[np.bool_], crs: CRS | None = UTM, transform: Affine = TRANSFORMS["north up"]
) -> Grid:
    return Grid(crs=crs, transform=transform, shape=found.shape)


def written(
    found: NDArray[np.bool_], grid: Grid, path: Path, *, min_area_m2: float = 0.0, rows: int = 64
) -> TableTotals:
    """Write the landslides of a mask whose probability tells of the column."""
    steps = np.broadcast_to(np.arange(found.shape[1]) % 250, found.shape).astype(np.uint8)
    collector = Polygonizer()
    with LandslideTable(path.parent, grid, min_area_m2=min_area_m2) as table:
        for first in range(0, len(found), rows):
            collector.add(found[first : first + rows], steps[first : first + rows])
            for landslides in collector.take():
                table.append(landslides)
        for landslides in collector.finish():
            table.append(landslides)
        return table.finish(path)


def outlined(found: NDArray[np.bool_]) -> Outlines:
    collector = Polygonizer()
    collector.add(found, found.astype(np.uint8))
    return concatenate_landslides(collector.finish()).outlines


def test_rows_are_the_landslides_from_the_largest(tmp_path: Path) -> None:
    found = picture(SOME)
    totals = written(found, gridded(found), tmp_path / "a.gpkg")
    frame = geopandas.read_file(tmp_path / "a.gpkg", layer="landslides")
    columns = ["id", "area_m2", "area_px", "mean_probability", "max_probability", "geometry"]
    assert list(frame.columns) == columns
    assert frame.id.tolist() == [1, 2, 3, 4, 5]
    assert frame.area_px.tolist() == [8, 4, 3, 2, 1]
    assert frame.area_m2.tolist() == [32.0, 16.0, 12.0, 8.0, 4.0]
    mean = [1.0 / 250, 0.5 / 250, 17 / 3 / 250, 5 / 250, 7 / 250]
    assert frame.mean_probability.tolist() == pytest.approx(mean, rel=1e-12)
    assert frame.max_probability.tolist() == [2 / 250, 1 / 250, 6 / 250, 5 / 250, 7 / 250]
    assert frame.crs.to_epsg() == 32648
    corners = [(300_000 + 2 * x, 3_400_000 - 2 * y) for x, y in ((0, 6), (0, 2), (5, 6))]
    assert [polygon.bounds[:2] for polygon in frame.geometry[:3]] == corners
    assert totals == TableTotals(landslides=5, area_m2=72.0, area_px=18)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]


def test_without_a_coordinate_system_areas_are_empty(tmp_path: Path) -> None:
    found = picture(SOME)
    totals = written(found, gridded(found, None), tmp_path / "a.gpkg", min_area_m2=10)
    frame = geopandas.read_file(tmp_path / "a.gpkg")
    assert frame.crs is None or not frame.crs.is_projected
    assert frame.area_m2.isna().all()
    assert frame.area_px.tolist() == [8, 4, 3, 2, 1]
    assert totals == TableTotals(landslides=5, area_m2=None, area_px=18)


def test_small_landslides_are_left_out(tmp_path: Path) -> None:
    found = picture(SOME)
    totals = written(found, gridded(found), tmp_path / "a.gpkg", min_area_m2=12.0)
    frame = geopandas.read_file(tmp_path / "a.gpkg")
    assert frame.id.tolist() == [1, 2, 3]
    assert frame.area_px.tolist() == [8, 4, 3]
    assert totals == TableTotals(landslides=3, area_m2=60.0, area_px=15)


@pytest.mark.parametrize("crs", [UTM, None], ids=["utm", "none"])
def test_an_empty_table_has_the_same_columns(crs: CRS | None, tmp_path: Path) -> None:
    found = np.zeros((5, 4), dtype=np.bool_)
    totals = written(found, gridded(found, crs), tmp_path / "a.gpkg")
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="landslides")
    assert info["fields"].tolist() == [
        *("id", "area_m2", "area_px", "mean_probability", "max_probability")
    ]
    assert info["dtypes"].tolist() == ["int64", "float64", "int64", "float64", "float64"]
    assert info["geometry_type"] == "Polygon"
    assert info["features"] == 0
    assert totals == TableTotals(landslides=0, area_m2=None if crs is None else 0.0, area_px=0)


def test_areas_are_geodesic_where_the_coordinate_system_stretches(tmp_path: Path) -> None:
    found = picture(SOME)
    grid = gridded(found, DEGREES, Affine(1e-4, 0, 103, 0, -1e-4, 31))
    totals = written(found, grid, tmp_path / "a.gpkg")
    frame = geopandas.read_file(tmp_path / "a.gpkg")
    expected = AreaMeasure(DEGREES).areas_m2(frame.geometry.to_numpy())
    np.testing.assert_allclose(frame.area_m2, expected, rtol=1e-9)
    assert totals.area_m2 == pytest.approx(expected.sum())
    metres = 18 * (1e-4 * 111_195) ** 2 * math.cos(math.radians(31))
    assert totals.area_m2 == pytest.approx(metres, rel=0.01)


def test_the_file_is_the_same_however_landslides_came_and_whenever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, digests = noise(), set()
    monkeypatch.setattr(table, "_BATCH_POINTS", 3000)
    for at, (rows, run_points) in enumerate([(200, 1 << 20), (7, 1 << 20), (64, 500), (1, 5000)]):
        monkeypatch.setattr(table, "_RUN_POINTS", run_points)
        path = tmp_path / f"{at}.gpkg"
        written(found, gridded(found), path, rows=rows)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
        time.sleep(0.4)
    assert len(digests) == 1


def test_the_date_is_fixed_in_the_file_alone(tmp_path: Path) -> None:
    written(noise(), gridded(noise()), tmp_path / "a.gpkg")
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        ((changed,),) = file.execute("SELECT last_change FROM gpkg_contents").fetchall()
    assert changed == "2000-01-01T00:00:00.000Z"
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_many_landslides_all_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_RUN_POINTS", 3000)
    found = noise()
    totals = written(found, gridded(found), tmp_path / "a.gpkg")
    frame = geopandas.read_file(tmp_path / "a.gpkg")
    assert frame.id.tolist() == list(range(1, totals.landslides + 1))
    assert frame.area_px.is_monotonic_decreasing
    assert totals.area_px == found.sum() == frame.area_px.sum()
    assert totals.area_m2 == 4.0 * found.sum()
    expected = to_map_polygons(outlined(found), TRANSFORMS["north up"])
    assert set(shapely.to_wkb(expected)) == set(shapely.to_wkb(frame.geometry.to_numpy()))


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_polygons_are_placed_by_the_transform(transform: Affine) -> None:
    outlines = outlined(picture(SOME))
    a, b, c, d, e, f = transform[:6]
    for here, there in zip(
        outlines.geometries(), to_map_polygons(outlines, transform), strict=True
    ):
        expected = shapely.affinity.affine_transform(here, (a, b, d, e, c, f))
        assert there.normalize().equals_exact(expected.normalize(), 1e-9)
        assert there.area == pytest.approx(here.area * abs(transform.determinant))
        assert there.exterior.is_ccw
        assert not any(hole.is_ccw for hole in there.interiors)


def test_no_landslide_is_placed_nowhere() -> None:
    nothing = outlined(np.zeros((3, 3), dtype=np.bool_))
    assert to_map_polygons(nothing, Affine.identity()).tolist() == []
