"""The layers of an inventory."""

from dataclasses import dataclass

import geopandas


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
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
