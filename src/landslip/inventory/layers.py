"""The columns of an inventory, put together as layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslip.inventory.detections import Detections
from landslip.inventory.fields import CORRECTION, FIELDS, FIELDS_BY_NAME, FieldKind, InventoryField
from landslip.inventory.morphometry.planimetry import PlanarMeasures
from landslip.inventory.morphometry.terrain_attributes import TerrainAttributes
from landslip.inventory.scene_context import SceneContext
from landslip.inventory.statistics.density import density_cells

_DIGEST_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryLayers:
    """An inventory as tables, in one coordinate system (or none), `density` maybe in another.

    Landslides are polygons with the columns of `landslip.inventory.fields`, in that order, the
    largest first: numbers are float64 with NaN where empty, texts str or None, flags pandas'
    ``boolean`` with NA, ``id`` is int64. Highest and lowest points have a landslide's ``id`` and
    ``elevation_m``; landslides without heights have none. Density is square cells with ``cell``
    (int64), ``landslides`` (int64), ``per_km2`` and ``area_share`` (float64); empty without a
    coordinate system. The user's own columns of landslides follow, as they came. The mapped area
    is one polygon or multipolygon, or nothing where it is not known.
    """

    landslides: geopandas.GeoDataFrame
    highest_points: geopandas.GeoDataFrame
    lowest_points: geopandas.GeoDataFrame
    density: geopandas.GeoDataFrame
    mapped_area: geopandas.GeoDataFrame = field(
        default_factory=lambda: geopandas.GeoDataFrame(geometry=[])
    )


def make_layers(
    detections: Detections,
    measures: PlanarMeasures,
    terrain: TerrainAttributes,
    context: SceneContext,
    flags: Mapping[str, NDArray[np.object_]],
    cell_m: float | None,
) -> InventoryLayers:
    """Return the layers of an inventory; ``cell_m`` is the side of the cells of density."""
    # by falling area; equals, and areas that are unknown, in the source's order
    order = np.argsort(-np.nan_to_num(measures.area_m2, nan=-1.0), kind="stable")
    crs = None if detections.crs is None else detections.crs.to_wkt()
    model = detections.model
    columns: dict[str, Any] = {
        "area_m2": measures.area_m2,
        "perimeter_m": measures.perimeter_m,
        "centroid_lon": measures.centroid_lon,
        "centroid_lat": measures.centroid_lat,
        "confidence": detections.confidence,
        "scene": context.record.name,
        "date": context.record.date,
        "model": None if model is None else model.weights_sha256[:_DIGEST_DIGITS],
        "ndvi_mean": None if context.spectral is None else context.spectral.ndvi_mean,
        **flags,
    }
    columns |= {
        field.name: getattr(terrain, field.name) for field in FIELDS if hasattr(terrain, field.name)
    }
    brought = detections.attributes
    for name in FIELDS_BY_NAME.keys() & {*brought.columns}:
        default = None if name == "model" else columns.get(name)  # new ones are of none
        columns[name] = _filled(brought[name], default)
    ids = np.arange(1, len(order) + 1, dtype=np.int64)
    if "id" in brought:
        ids = brought["id"].to_numpy(np.int64)[order]
    table = {"id": ids} | {
        field.name: _typed(field, columns.get(field.name), order)
        for field in FIELDS
        if field.kind is not FieldKind.ID
    }
    for name in detections.earlier.columns.drop("id", errors="ignore"):
        now = pd.Series(table[name])
        before = detections.earlier[name].iloc[order].reset_index(drop=True)
        table[name] = now.where(now.notna(), before.astype(now.dtype)).array
    if CORRECTION in brought:
        table[CORRECTION] = brought[CORRECTION].to_numpy()[order]
    for name in brought.columns:
        if name not in FIELDS_BY_NAME and name != CORRECTION:
            table[name] = brought[name].array[order]

    def point_layer(
        points: NDArray[np.object_], elevation_m: NDArray[np.float64]
    ) -> geopandas.GeoDataFrame:
        exists = np.array([point is not None for point in points[order]], dtype=np.bool_)
        rows = order[exists]
        return geopandas.GeoDataFrame(
            {"id": ids[exists], "elevation_m": elevation_m[rows]},
            geometry=points[rows],
            crs=crs,
        )

    return InventoryLayers(
        landslides=geopandas.GeoDataFrame(table, geometry=detections.polygons[order], crs=crs),
        highest_points=point_layer(terrain.highest_points, terrain.elevation_max_m),
        lowest_points=point_layer(terrain.lowest_points, terrain.elevation_min_m),
        density=density_cells(
            detections.polygons, detections.pyproj_crs, detections.mapped_area, cell_m
        ),
        mapped_area=geopandas.GeoDataFrame(geometry=[detections.mapped_area], crs=crs),
    )


def _filled(values: "pd.Series[Any]", default: Any) -> NDArray[np.object_]:
    """Return a column, and the value of all where it is empty."""
    filled: NDArray[np.object_] = values.astype(object).to_numpy(copy=True)
    filled[pd.isna(filled)] = default if isinstance(default, str) else None
    return filled


def _typed(field: InventoryField, values: Any, order: NDArray[np.intp]) -> Any:
    """Return a column in its type and order; a single value goes into every row."""
    if values is None or isinstance(values, str | float):
        spread = np.full(len(order), values, dtype=object)
    else:
        spread = np.asarray(values)[order]
    if field.kind is FieldKind.NUMBER:
        if len(spread) == 0:
            return np.empty(0, dtype=np.float64)
        return pd.array(pd.to_numeric(spread), dtype="float64")
    if field.kind is FieldKind.FLAG:
        return pd.array(spread, dtype="boolean")
    return pd.Series(spread, dtype=object).to_numpy()
