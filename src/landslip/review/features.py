"""The table of a review: the inventory's columns and the review's."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.inventory.fields import FIELDS
from landslip.inventory.morphometry.planimetry import planar_measures
from landslip.review.log import ChangeHeader
from landslip.review.lonlat import lonlat_bounds, lonlat_points
from landslip.review.state import ReviewState
from landslip.review.words import PROVENANCES, REVIEW_COLUMNS, VERDICTS

_PLACES = ("id", "bounds", "centroid")
_KEPT = {"id", "scene", "date", "model"}  # of an outline that was changed
_MEASURED = {field.name for field in FIELDS} - _KEPT
_MEASURED |= {"area_px", "mean_probability", "max_probability"}
_AREA, _PERIMETER = "area_m2", "perimeter_m"
_LON, _LAT = "centroid_lon", "centroid_lat"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceTable:
    """An inventory's polygons as columns.

    Attributes:
        ids: (n,).
        columns: the inventory's own (n,), in order: float64 with NaN, or objects with None;
            ``area_m2`` is always among them.
        geometry: (n,).
        bounds: west, south, east and north (n, 4) in degrees.
        centroids: longitude and latitude (n, 2).
        crs: of the geometry.
    """

    ids: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]
    geometry: NDArray[np.object_]
    bounds: NDArray[np.float64]
    centroids: NDArray[np.float64]
    crs: CRS | None

    @classmethod
    def of(cls, landslides: geopandas.GeoDataFrame) -> "SourceTable":
        """Return the table of what `landslip.review.source.read_polygons` read."""
        crs = None if landslides.crs is None else CRS.from_wkt(landslides.crs.to_wkt())
        geometry = np.asarray(landslides.geometry.values, dtype=object)
        columns: dict[str, NDArray[Any]] = {}
        for name in landslides.columns.drop(landslides.geometry.name):
            if name != "id":
                own = f"input_{name}" if name in (*_PLACES, *REVIEW_COLUMNS) else str(name)
                columns[own] = _column(landslides[name])
        if _AREA not in columns or columns[_AREA].dtype == object:
            areas_m2 = planar_measures(geometry, landslides.crs).area_m2
            columns = {_AREA: areas_m2, **{k: v for k, v in columns.items() if k != _AREA}}
        return cls(
            ids=landslides["id"].to_numpy(np.int64),
            columns=columns,
            geometry=geometry,
            bounds=lonlat_bounds(shapely.bounds(geometry).reshape(-1, 4), crs),
            centroids=lonlat_points(shapely.get_coordinates(shapely.centroid(geometry)), crs),
            crs=crs,
        )


def _column(values: "pd.Series[Any]") -> NDArray[Any]:
    """Return a column as numbers, or as objects."""
    kind = values.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        return values.to_numpy(np.float64, na_value=np.nan)
    plain = values.astype(object)
    found: NDArray[np.object_] = plain.where(plain.notna(), None).to_numpy(dtype=object)
    return found


class OutlineMeasures:
    """Measures of outlines that people drew, each measured once."""

    def __init__(self, crs: CRS | None) -> None:
        """Outlines are in one coordinate system."""
        self._crs = crs
        self._known: dict[tuple[int, int], tuple[float, ...]] = {}

    def of(
        self, keys: Sequence[tuple[int, int]], geometry: NDArray[np.object_]
    ) -> NDArray[np.float64]:
        """Return area, perimeter, bounds and centroid (n, 8) of outlines (n,), known by keys.

        Area and perimeter are in metres; the others in degrees.
        """
        new = [at for at, key in enumerate(keys) if key not in self._known]
        if new:
            shapes = geometry[new]
            crs = None if self._crs is None else pyproj.CRS.from_wkt(self._crs.to_wkt())
            found = planar_measures(shapes, crs)
            points = shapely.get_coordinates(shapely.centroid(shapes))
            rows = np.column_stack(
                [
                    found.area_m2,
                    found.perimeter_m,
                    lonlat_bounds(shapely.bounds(shapes).reshape(-1, 4), self._crs),
                    lonlat_points(points, self._crs),
                ]
            )
            self._known |= {
                keys[at]: tuple(row) for at, row in zip(new, rows.tolist(), strict=True)
            }
        return np.array([self._known[key] for key in keys]).reshape(len(keys), 8)


class FeatureTable:
    """Polygons as they are in one revision, by columns.

    Columns (n,) are of all polygons that ever were; ``present`` (n,) says which are there. An
    outline that people changed has the area and place that it has now; what else the inventory had
    measured or detected is empty.
    """

    def __init__(
        self,
        source: SourceTable,
        state: ReviewState | None = None,
        measures: OutlineMeasures | None = None,
    ) -> None:
        """Take a table from a state; None: nobody has judged anything."""
        own = len(source.ids)
        if state is None:
            state = ReviewState(source.ids, source.geometry)
        self.source, self.own, self.revision = source, own, state.seq
        self.ids, self.present = state.ids.copy(), state.present.copy()
        self.verdict, self.provenance = state.verdict.copy(), state.provenance.copy()
        self.version, self.outline = state.version.copy(), state.outline.copy()
        self.sources = state.sources.copy()
        self.type, self.note = state.type.copy(), state.note.copy()
        self.geometry = state.geometry.copy()
        self.information = np.full(len(self.ids), np.nan)
        self._headers, self._origin = state.headers, state.origin.copy()
        self._indexes = state.indexes
        self._redrawn = np.flatnonzero(self.present & (self.outline > 0))
        keys = [(int(self.ids[at]), int(self.outline[at])) for at in self._redrawn]
        measures = measures or OutlineMeasures(source.crs)
        self._measures = measures.of(keys, self.geometry[self._redrawn])
        self._made: dict[str, NDArray[Any]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inventory's own columns."""
        return tuple(self.source.columns)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column (n,): float64 with NaN, or objects with None.

        Raises:
            KeyError: there is no such column.
        """
        if name not in self._made:
            self._made[name] = self.cells(name, np.arange(len(self.ids)))
        return self._made[name]

    def cells(self, name: str, at: NDArray[np.int64]) -> NDArray[Any]:
        """Return a column's values of some polygons, by index."""
        if name in self._made:
            return self._made[name][at]
        if name in ("id", "version", "type", "note", "information"):
            own: NDArray[Any] = getattr(self, "ids" if name == "id" else name)[at]
            return own.astype(np.float64) if own.dtype.kind == "i" else own
        if name in ("verdict", "provenance"):
            words = VERDICTS if name == "verdict" else PROVENANCES
            codes: NDArray[np.int8] = getattr(self, name)[at]
            return np.array([str(one) for one in words], dtype=object)[codes]
        if name in ("author", "changed"):
            is_author = name == "author"
            return self.of_origin(lambda change: change.author if is_author else change.time, at)
        return self._own_cells(name, at)

    def source_ids(self, index: int) -> list[int]:
        """Return the ids of the inventory's polygons that one was made of."""
        text = self.sources[index]
        return [] if text is None else [int(one) for one in json.loads(text)]

    def of_origin(
        self, value: Callable[[ChangeHeader], str | None], at: NDArray[np.int64]
    ) -> NDArray[np.object_]:
        """Return a value of the change that each of some polygons is as of; None: the inventory."""
        origins, where = np.unique(self._origin[at], return_inverse=True)
        words = [None if one == 0 else value(self._headers[one]) for one in origins.tolist()]
        return np.array([*words, None], dtype=object)[where]

    def _own_cells(self, name: str, at: NDArray[np.int64]) -> NDArray[Any]:
        own = self.source.columns[name]
        empty = np.nan if own.dtype == np.float64 else None
        cells = np.full(len(at), empty, dtype=own.dtype)
        known = at < self.own
        cells[known] = own[at[known]]
        place = np.searchsorted(self._redrawn, at)
        redrawn = np.append(self._redrawn, -1)[place] == at
        if name in _MEASURED:
            cells[redrawn] = empty
        measured = {_AREA: 0, _PERIMETER: 1, _LON: 6, _LAT: 7}.get(name)
        if measured is not None and cells.dtype == np.float64:
            cells[redrawn] = self._measures[place[redrawn], measured]
        return cells

    @property
    def bounds(self) -> NDArray[np.float64]:
        """West, south, east and north (n, 4) in degrees; NaN where a polygon is gone."""
        return self._places("bounds", self.source.bounds, slice(2, 6))

    @property
    def centroids(self) -> NDArray[np.float64]:
        """Longitude and latitude (n, 2); NaN where a polygon is gone."""
        return self._places("centroid", self.source.centroids, slice(6, 8))

    def _places(self, key: str, own: NDArray[np.float64], at: slice) -> NDArray[np.float64]:
        if key not in self._made:
            places = np.full((len(self.ids), own.shape[1]), np.nan)
            places[: self.own] = own
            places[self._redrawn] = self._measures[:, at]
            self._made[key] = places
        return self._made[key]

    def indexes(self, ids: Iterable[int]) -> NDArray[np.int64]:
        """Return the indexes of polygons; -1: there was none until then."""
        found = self._indexes(ids)
        return np.where(found < len(self.ids), found, -1)

    def frame(self) -> geopandas.GeoDataFrame:
        """Return all polygons that are there, with all columns and outlines."""
        at = np.flatnonzero(self.present)
        columns = {name: self.column(name)[at] for name in ("id", *REVIEW_COLUMNS, *self.names)}
        columns["id"], columns["version"] = self.ids[at], self.version[at]
        crs = None if self.source.crs is None else self.source.crs.to_wkt()
        return geopandas.GeoDataFrame(columns, geometry=self.geometry[at], crs=crs)
