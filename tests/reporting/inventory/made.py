"""Inventories made by code, as `landslip inventory` writes them."""

import warnings
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import rasterio
import rasterio.errors
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from tests.reporting.inventory.made_record import made_record, made_statistics
from tests.reporting.inventory.wanted import UTM, Wanted

from landslip.inventory.fields import FIELDS, FieldKind
from landslip.inventory.formats.vector_files import write_geopackage
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.record import GEOPACKAGE, RECORD, STATISTICS

_LEFT, _TOP = 400_000.0, 3_450_000.0
_PIXEL_M, _SIDE_PX = 10.0, 400


def write_inventory(folder: Path, wanted: Wanted | None = None) -> Path:
    """Write an inventory with its scene and elevation model beside it; return its folder."""
    wanted = wanted or Wanted()
    folder.mkdir(parents=True, exist_ok=True)
    polygons = _polygons(wanted)
    table = _table(polygons, wanted)
    scene, dem = folder.parent / "scene.tif", folder.parent / "dem.tif"
    if wanted.scene:
        write_scene(scene, polygons, wanted.crs)
    if wanted.dem:
        write_dem(dem, wanted.crs or UTM)
    layers = InventoryLayers(
        landslides=table,
        crowns=_points(table, 3, wanted),
        toes=_points(table, 1, wanted),
        density=_density(table, wanted.crs),
    )
    write_geopackage(layers, folder / GEOPACKAGE)
    record = made_record(wanted, scene, dem, len(table))
    (folder / RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    if wanted.statistics:
        found = made_statistics(table["area_m2"].to_numpy(np.float64), adjusted=wanted.adjusted)
        (folder / STATISTICS).write_text(found.model_dump_json(indent=1), encoding="utf-8")
    return folder


def _polygons(wanted: Wanted) -> NDArray[np.object_]:
    """Return blobs with four holes among them, the largest first, in map coordinates."""
    random = np.random.default_rng(wanted.seed)
    number = wanted.landslides
    sizes = np.sort(1 / random.gamma(1.4, 1 / 30.0, number))[::-1].clip(8, 260)
    side = _SIDE_PX * _PIXEL_M
    angles = np.linspace(0, 2 * np.pi, 25)[:-1]
    shapes = []
    for at, size in enumerate(sizes):
        x, y = random.uniform(0.1 * side, 0.9 * side, 2)
        radius = size * (1 + 0.15 * random.standard_normal(24))
        ring = np.column_stack([x + radius * np.cos(angles), y - 1.8 * radius * np.sin(angles)])
        holes = [ring.mean(axis=0) + 0.2 * (ring - ring.mean(axis=0))] if at < 4 else []
        shapes.append(shapely.make_valid(shapely.Polygon(ring, holes)))
    shapes.sort(key=lambda shape: -shape.area)
    polygons = np.array(shapes, dtype=object) if shapes else np.empty(0, dtype=object)
    if wanted.crs is None:
        return shapely.transform(polygons, lambda points: points / _PIXEL_M)
    placed = shapely.transform(
        polygons, lambda points: np.column_stack([_LEFT + points[:, 0], _TOP - points[:, 1]])
    )
    if wanted.crs == UTM:
        return np.asarray(placed, dtype=object)
    change = pyproj.Transformer.from_crs(UTM, wanted.crs, always_xy=True)
    return np.asarray(
        shapely.transform(placed, lambda points: np.column_stack(change.transform(*points.T))),
        dtype=object,
    )


def _table(polygons: NDArray[np.object_], wanted: Wanted) -> geopandas.GeoDataFrame:
    number = len(polygons)
    random = np.random.default_rng(wanted.seed + 1)
    metric = geopandas.GeoSeries(polygons, crs=wanted.crs)
    metric = metric.to_crs(UTM) if wanted.crs else metric
    lonlat = metric.representative_point().to_crs(4326) if wanted.crs else None
    terrain: dict[str, Any] = {
        "slope_deg": random.uniform(15, 50, number),
        "aspect_deg": random.vonmises(2.4, 1.5, number) * 180 / np.pi % 360,
        "fall_height_m": random.uniform(40, 400, number),
        "runout_m": random.uniform(100, 900, number),
        "h_over_l": random.uniform(0.3, 0.9, number),
        "elevation_min_m": random.uniform(900, 1400, number),
        "elevation_max_m": random.uniform(1400, 2600, number),
        "surface_m2": metric.area.to_numpy() * 1.2,
        "flag_road": random.uniform(0, 1, number) < 0.1,
    }
    values: dict[str, Any] = {
        "id": np.arange(1, number + 1),
        "length_m": random.uniform(50, 900, number),
        "width_m": random.uniform(30, 300, number),
        "axis": np.full(number, "downslope" if wanted.dem else "box", dtype=object),
    }
    if wanted.crs is not None and lonlat is not None:
        values |= {"area_m2": metric.area.to_numpy()}
        values |= {"centroid_lon": lonlat.x.to_numpy(), "centroid_lat": lonlat.y.to_numpy()}
    if wanted.dem:
        values |= terrain
    if wanted.model:
        values["confidence"] = random.beta(6, 2, number)
    values |= wanted.columns
    columns = {one.name: _column(one.kind, values.get(one.name), number) for one in FIELDS}
    return geopandas.GeoDataFrame(columns, geometry=polygons, crs=wanted.crs)


def _column(kind: FieldKind, values: Any, number: int) -> Any:
    if kind is FieldKind.ID:
        return np.asarray(values, dtype=np.int64)
    if kind is FieldKind.FLAG:
        return pd.array(values if values is not None else [pd.NA] * number, dtype="boolean")
    if kind is FieldKind.TEXT:
        return values if values is not None else np.full(number, None, dtype=object)
    return values if values is not None else np.full(number, np.nan)


def _points(table: geopandas.GeoDataFrame, row: int, wanted: Wanted) -> geopandas.GeoDataFrame:
    """Return the middles of the upper (3) or lower (1) edges of the landslides' bounds."""
    number = len(table) if wanted.dem else 0
    bounds = table.geometry.bounds.to_numpy().reshape(-1, 4)[:number]
    points = shapely.points((bounds[:, 0] + bounds[:, 2]) / 2, bounds[:, row])
    columns = {"id": table["id"].to_numpy()[:number], "elevation_m": np.full(number, 1000.0)}
    return geopandas.GeoDataFrame(columns, geometry=points, crs=wanted.crs)


def _density(table: geopandas.GeoDataFrame, crs: str | None) -> geopandas.GeoDataFrame:
    if crs is None or not len(table):
        empty: dict[str, Any] = {"cell": [], "landslides": [], "per_km2": [], "area_share": []}
        return geopandas.GeoDataFrame(empty, geometry=[], crs=crs)
    left, bottom, right, top = table.total_bounds
    xs, ys = np.linspace(left, right, 9), np.linspace(bottom, top, 9)
    cells = [shapely.box(x0, y0, x1, y1) for x0, x1 in _pairs(xs) for y0, y1 in _pairs(ys)]
    points = table.representative_point()
    counts = np.array([int(points.within(cell).sum()) for cell in cells])
    columns = {
        "cell": np.arange(len(cells)),
        "landslides": counts,
        "per_km2": counts / 0.16,
        "area_share": np.zeros(len(cells)),
    }
    return geopandas.GeoDataFrame(columns, geometry=cells, crs=crs)


def _pairs(values: NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip(values[:-1].tolist(), values[1:].tolist(), strict=True))


def ground(crs: str | None) -> Affine:
    """Return the transform of the made scene and elevation model."""
    if crs is None:
        return Affine.identity()
    if crs == UTM:
        return Affine(_PIXEL_M, 0, _LEFT, 0, -_PIXEL_M, _TOP)
    change = pyproj.Transformer.from_crs(UTM, crs, always_xy=True)
    side = _SIDE_PX * _PIXEL_M
    left, top = change.transform(_LEFT, _TOP)
    right, bottom = change.transform(_LEFT + side, _TOP - side)
    return Affine((right - left) / _SIDE_PX, 0, left, 0, (bottom - top) / _SIDE_PX, top)


def write_scene(path: Path, polygons: NDArray[np.object_], crs: str | None) -> None:
    """Write a scene of four bands in which landslides are bright."""
    random = np.random.default_rng(7)
    shape = (_SIDE_PX, _SIDE_PX)
    bands = random.normal(600, 60, (4, *shape)) + np.array([0, 80, 20, 900])[:, None, None]
    transform = ground(crs)
    if len(polygons):
        burnt = rasterio.features.rasterize(polygons, out_shape=shape, transform=transform)
        bands[:, burnt == 1] = random.normal(1500, 120, (4, int((burnt == 1).sum())))
    profile = {"driver": "GTiff", "height": _SIDE_PX, "width": _SIDE_PX, "count": 4}
    placed = {} if crs is None else {"crs": crs, "transform": transform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", dtype="uint16", **profile, **placed) as file:
            file.write(bands.clip(1, 4000).astype(np.uint16))
            file.descriptions = ("blue", "green", "red", "nir")


def write_dem(path: Path, crs: str) -> None:
    """Write hills."""
    rows, cols = np.mgrid[:_SIDE_PX, :_SIDE_PX]
    heights = 1500 + 300 * np.sin(cols / 40) * np.cos(rows / 55) + cols
    profile = {"driver": "GTiff", "height": _SIDE_PX, "width": _SIDE_PX, "count": 1}
    where = {"crs": crs, "transform": ground(crs)}
    with rasterio.open(path, "w", dtype="float32", **profile, **where) as file:
        file.write(heights.astype(np.float32), 1)
