"""The table of an inventory's polygons in memory.

A table is never changed; `PolygonTable.reviewed` returns another one with a review on top.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from landslip.core.errors import excerpt
from landslip.review.words import REVIEW_COLUMNS

AREA, CONFIDENCE, STATE, DATE = "area_m2", "confidence", "state", "date"
MAX_ROWS = 1000
_DECIMALS = 7  # of degrees: a centimetre
_OF_EACH_REVIEW = ("verdict", "author", "changed")
_HELD = ("provenance", "type", "note")  # the inventory's own hold where a review says nothing
_EQUAL_AREA = "EPSG:6933"

Geometries = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReview:
    """A review as it is now.

    Attributes:
        revision: number of the newest change.
        rows: polygons that differ from the inventory's, indexed by id: any of `REVIEW_COLUMNS` and
            of the inventory's columns; what is left out stays as it was.
        information: of all polygons, by id.
        geometries: outlines, in longitude and latitude, of those that are not as the model drew
            them, by id; each is among the rows.
        removed: ids that are no longer there.
    """

    revision: int
    rows: pd.DataFrame
    information: "pd.Series[float] | None" = None
    geometries: Mapping[int, shapely.Geometry] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class PolygonTable:
    """Polygons in longitude and latitude, with their columns.

    Attributes:
        rows: indexed by id, in order: `REVIEW_COLUMNS`, then the inventory's own.
        geometry: (n,) outlines of the rows.
        original: outlines as the model drew them, by id; None: those in ``geometry``.
        revision: of the review, 0 without one.
        places: `bounds` and `centroids` where they are known already.
    """

    rows: pd.DataFrame
    geometry: Geometries
    original: pd.Series | None = None
    revision: int = 0
    places: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @classmethod
    def of(
        cls, columns: pd.DataFrame, geometry: Geometries, recorded: pd.DataFrame | None = None
    ) -> "PolygonTable":
        """Make a table of an inventory's columns, indexed by id, and outlines in degrees.

        ``recorded`` are those of `REVIEW_COLUMNS` that the inventory itself states.
        """
        review = pd.DataFrame(
            {
                name: pd.Series([value] * len(columns), index=columns.index, dtype=_dtype(value))
                for name, value in REVIEW_COLUMNS.items()
            }
        )
        if recorded is not None:
            review[recorded.columns] = recorded
        return cls(rows=pd.concat([review, columns], axis=1), geometry=geometry)

    def __len__(self) -> int:
        """Return the number of polygons."""
        return len(self.rows)

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """(n, 4) west, south, east and north of each."""
        return _bounds(self.geometry) if self.places is None else self.places[0]

    @cached_property
    def centroids(self) -> NDArray[np.float64]:
        """(n, 2) of each."""
        return _centroids(self.geometry) if self.places is None else self.places[1]

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,)."""
        return self.rows.index.to_numpy(dtype=np.int64)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(n,): all of them."""
        return np.ones(len(self.rows), dtype=np.bool_)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The inventory's own columns, in order."""
        return tuple(str(name) for name in self.rows.columns if name not in REVIEW_COLUMNS)

    @cached_property
    def _columns(self) -> dict[str, NDArray[Any]]:
        return {}

    def column(self, name: str) -> NDArray[Any]:
        """Return a column (n,): float64 with NaN, or texts with None.

        Raises:
            KeyError: there is no such column.
        """
        if name not in self._columns:
            own = self.rows[name]
            is_number = pd.api.types.is_numeric_dtype(own) or pd.api.types.is_bool_dtype(own)
            self._columns[name] = numbers_of(own) if is_number else texts_of(own)
        return self._columns[name]

    def reviewed(self, review: TableReview) -> "PolygonTable":
        """Return the table with a review on top; new polygons come last.

        Verdicts are the review's, also where the inventory states another one; what the inventory
        states besides holds where the review says nothing. Areas of changed outlines are measured
        where the review does not state them.
        """
        changed = review.rows[~review.rows.index.isin(list(review.removed))]
        kept = ~self.rows.index.isin(list(review.removed))
        rows, geometry = self.rows[kept].copy(), self.geometry[kept].copy()
        for name in _OF_EACH_REVIEW:
            rows[name] = pd.Series(
                [REVIEW_COLUMNS[name]] * len(rows), index=rows.index, dtype=rows[name].dtype
            )
        new = changed.index.difference(rows.index, sort=False)
        rows = rows.reindex(rows.index.append(new))
        for name, value in REVIEW_COLUMNS.items():
            if value is not None and len(new):
                rows[name] = rows[name].fillna(value).astype(self.rows[name].dtype)
        geometry = np.concatenate([geometry, np.full(len(new), None, dtype=object)])
        at = rows.index.get_indexer(changed.index)
        for column in changed:
            if column in rows:
                stated = changed[column]
                if column in _HELD:
                    says = stated.notna() & (stated != REVIEW_COLUMNS[column])
                    stated = stated.where(says, rows[column].iloc[at])
                rows[column] = _assigned(rows[column], at, stated)
        if review.information is not None:
            rows["information"] = review.information.reindex(rows.index)
        drawn = {one: outline for one, outline in review.geometries.items() if one in changed.index}
        places = [
            np.concatenate([own[kept], np.zeros((len(new), own.shape[1]))])
            for own in (self.bounds, self.centroids)
        ]
        if drawn:
            positions = rows.index.get_indexer(pd.Index(list(drawn)))
            geometry[positions] = list(drawn.values())
            places[0][positions] = _bounds(geometry[positions])
            places[1][positions] = _centroids(geometry[positions])
            if AREA in rows and AREA not in changed:
                areas = areas_m2(geometry[positions])
                rows[AREA] = _assigned(rows[AREA], positions, pd.Series(areas))
        return PolygonTable(
            rows=rows,
            geometry=geometry,
            original=pd.Series(self.geometry, index=self.rows.index, dtype=object),
            revision=review.revision,
            places=(places[0], places[1]),
        )

    def records(self, positions: Iterable[int]) -> list[dict[str, Any]]:
        """Return rows as JSON holds them."""
        taken = np.fromiter(positions, dtype=np.int64)
        rows = self.rows.iloc[taken]
        columns = {str(name): json_values(rows[name]) for name in rows}
        bounds = np.round(self.bounds[taken], _DECIMALS).tolist()
        centroids = np.round(self.centroids[taken], _DECIMALS).tolist()
        return [
            {
                **{name: values[at] for name, values in columns.items()},
                "id": int(rows.index[at]),
                "bounds": bounds[at],
                "centroid": centroids[at],
            }
            for at in range(len(taken))
        ]

    def position(self, polygon: int) -> int | None:
        """Return the position of a polygon; None where there is none of that id."""
        return next(iter(self.positions([polygon]).tolist()), None)

    def positions(self, polygons: Sequence[int]) -> NDArray[np.int64]:
        """Return the positions of polygons, in their order, without those that are not there."""
        found = self.rows.index.get_indexer(pd.Index(polygons, dtype=np.int64))
        return np.asarray(found[found >= 0], dtype=np.int64)

    def original_of(self, polygon: int) -> shapely.Geometry | None:
        """Return a polygon's outline as the model drew it; None where there was none."""
        if self.original is None:
            at = self.position(polygon)
            return None if at is None else self.geometry[at]
        return self.original.get(polygon)


def _bounds(geometries: Geometries) -> NDArray[np.float64]:
    return np.asarray(shapely.bounds(geometries), dtype=np.float64).reshape(-1, 4)


def _centroids(geometries: Geometries) -> NDArray[np.float64]:
    return np.asarray(shapely.get_coordinates(shapely.centroid(geometries))).reshape(-1, 2)


def areas_m2(geometries: Geometries) -> NDArray[np.float64]:
    """Return areas on the ellipsoid of outlines in longitude and latitude."""
    equal = geopandas.GeoSeries(geometries, crs="EPSG:4326").to_crs(_EQUAL_AREA)
    return np.asarray(equal.area.to_numpy(), dtype=np.float64)


def numbers_of(column: pd.Series) -> NDArray[np.float64]:
    """Return a column's numbers; NaN for what is none."""
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        column = pd.to_numeric(column, errors="coerce")
    values: Any = column
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def texts_of(column: pd.Series) -> NDArray[np.object_]:
    """Return a column's texts; None for what is missing."""
    texts: Any = column.astype("string")
    return np.asarray(texts.to_numpy(dtype=object, na_value=None), dtype=object)


def json_values(column: pd.Series) -> list[Any]:
    """Return a column's values as JSON holds them; what is missing or not finite is None."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_integer_dtype(column):
        return [None if value is pd.NA else value for value in column.tolist()]
    if pd.api.types.is_float_dtype(column):
        values = numbers_of(column)
        return [value if np.isfinite(value) else None for value in values.tolist()]
    return [_json_value(value) for value in column.tolist()]


def _json_value(value: Any) -> Any:
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, np.generic):
        return _json_value(value.item())
    if isinstance(value, Sequence | np.ndarray | Mapping):
        return excerpt(value, 200)
    return None if value is None or pd.isna(value) else str(value)


def _dtype(value: object) -> str:
    return (
        "int64" if isinstance(value, int) else "float64" if isinstance(value, float) else "object"
    )


def _assigned(column: pd.Series, at: NDArray[np.int64], values: pd.Series) -> pd.Series:
    """Return a column with other values at some positions."""
    result, was_object = column.copy(), column.dtype == object
    if result.dtype != values.dtype and not (
        pd.api.types.is_float_dtype(result) and pd.api.types.is_numeric_dtype(values)
    ):
        result = result.astype(object)
    result.iloc[at] = values.to_numpy()
    return result if was_object or result.dtype != object else result.infer_objects()
