"""The layers of an inventory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslip.inventory.detections import Detections
from landslip.inventory.fields import FIELDS, FieldKind, InventoryField
from landslip.inventory.morphometry.attributes import TerrainAttributes
from landslip.inventory.morphometry.measures import PlanarMeasures
from landslip.inventory.scene_context import SpectralAttributes


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryLayers:
    """An inventory as tables, in one coordinate system (or none), `density` maybe in another.

    Attributes:
        landslides: polygons with the columns of `landslip.inventory.fields`, in that order, the
            largest first. Numbers are float64 with NaN where empty, texts are str or None, flags
            are of pandas' ``boolean`` with NA, ``id`` is int64.
        crowns: points with ``id`` (of the landslide) and ``elevation_m``; landslides without
            heights have none.
        toes: the same for the lowest points.
        density: square cells with ``cell`` (int64), ``landslides`` (int64), ``per_km2`` and
            ``area_share`` (float64); empty without a coordinate system.
    """

    landslides: geopandas.GeoDataFrame
    crowns: geopandas.GeoDataFrame
    toes: geopandas.GeoDataFrame
    density: geopandas.GeoDataFrame


_DIGEST_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideAttributes:
    """All that is known of the landslides, row by row."""

    found: Detections
    measures: PlanarMeasures
    terrain: TerrainAttributes
    spectral: SpectralAttributes | None
    flags: Mapping[str, NDArray[np.object_]]

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows by falling area; equals, and areas that are not known, in the source's order."""
        area_m2 = np.nan_to_num(self.measures.area_m2, nan=-1.0)
        return np.argsort(-area_m2, kind="stable")


def landslide_table(measured: LandslideAttributes) -> geopandas.GeoDataFrame:
    """Return the layer of landslides, the largest first."""
    order, columns = measured.order, _columns(measured)
    table = {
        field.name: _typed(field, columns.get(field.name), order)
        for field in FIELDS
        if field.kind is not FieldKind.ID
    }
    return geopandas.GeoDataFrame(
        {"id": np.arange(1, len(order) + 1, dtype=np.int64), **table},
        geometry=measured.found.polygons[order],
        crs=_crs(measured.found),
    )


def point_table(
    measured: LandslideAttributes, points: NDArray[np.object_], elevation_m: NDArray[np.float64]
) -> geopandas.GeoDataFrame:
    """Return a layer of one point a landslide, of those that have one, in the landslides' order.

    Args:
        measured: the landslides.
        points: (n,) shapely Points or None.
        elevation_m: (n,) of the points.
    """
    order = measured.order
    there = np.array([point is not None for point in points[order]], dtype=np.bool_)
    rows = order[there]
    return geopandas.GeoDataFrame(
        {"id": np.flatnonzero(there).astype(np.int64) + 1, "elevation_m": elevation_m[rows]},
        geometry=points[rows],
        crs=_crs(measured.found),
    )


def _columns(measured: LandslideAttributes) -> dict[str, Any]:
    """Return arrays by column; what is the same for all is one value."""
    found, shape, terrain = measured.found, measured.measures, measured.terrain
    columns: dict[str, Any] = {
        "area_m2": shape.area_m2,
        "perimeter_m": shape.perimeter_m,
        "centroid_lon": shape.centroid_lon,
        "centroid_lat": shape.centroid_lat,
        "confidence": found.confidence,
        "scene": found.scene.name,
        "date": found.scene.date,
        "model": None if found.model is None else found.model.weights_sha256[:_DIGEST_DIGITS],
        "ndvi_mean": None if measured.spectral is None else measured.spectral.ndvi_mean,
        **measured.flags,
    }
    columns |= {
        field.name: getattr(terrain, field.name) for field in FIELDS if hasattr(terrain, field.name)
    }
    return columns


def _typed(field: InventoryField, values: Any, order: NDArray[np.intp]) -> Any:
    """Return a column in its type and order; a single value goes into every row."""
    if values is None or isinstance(values, str | float):
        spread = np.full(len(order), values, dtype=object)
    else:
        spread = np.asarray(values)[order]
    if field.kind is FieldKind.NUMBER:
        return pd.array(pd.to_numeric(spread), dtype="float64") if len(spread) else _empty(field)
    if field.kind is FieldKind.FLAG:
        known = np.array([value is not None for value in spread], dtype=np.bool_)
        truth = np.array([bool(value) for value in spread], dtype=np.bool_)
        return pd.arrays.BooleanArray(truth, ~known)
    return pd.Series(spread, dtype=object).to_numpy()


def _empty(field: InventoryField) -> Any:
    return np.empty(0, dtype=field.kind.value)


def _crs(found: Detections) -> str | None:
    return None if found.crs is None else found.crs.to_wkt()
