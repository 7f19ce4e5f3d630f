"""The polygons of all dates in one order and one coordinate system, and what was searched when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError, argument
from landslip.core.geometries import clip_polygons, metric_crs, reproject
from landslip.core.messages import Message, message
from landslip.core.transformations import lonlat_of
from landslip.inventory.attributes import FEATURE_COLUMNS, distinct_names, of_one_type
from landslip.io.vector import repair_polygons
from landslip.multitemporal.series.folder import open_series
from landslip.multitemporal.states.record import RECORD as STATES_RECORD
from landslip.multitemporal.tracking.dated_layers import DatedLayer, read_dated_layers
from landslip.multitemporal.tracking.dates import days_within, first_day, stated_period
from landslip.multitemporal.tracking.fields import LANDSLIDE_FIELDS
from landslip.multitemporal.tracking.request import TrackingRequest
from landslip.multitemporal.tracking.series_layers import footprint_layers, read_states_layers

_ROUNDING = 1e-9
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observations:
    """Polygons (n,) that were mapped, by date and then by place, whatever the order of the input.

    Attributes:
        outlines: in ``crs``, as they were given where that is their own.
        polygons: the same in ``metric``, where areas are right; without a coordinate system the
            same.
        areas: of them, in its square units.
        at: (n,) number of the date, from 0.
        ids: (n,) date and place of each; unique, and the same in any run that has the polygon.
        sources: (n,) names of their files and layers.
        columns: (n rows) of the user.
        days: first days of the dates (d,), in order of time; ``periods`` as they were stated.
        searched: (d,) what was searched, in ``metric``; None: not known.
    """

    outlines: NDArray[np.object_]
    polygons: NDArray[np.object_]
    areas: NDArray[np.float64]
    at: NDArray[np.int64]
    ids: NDArray[np.object_]
    sources: NDArray[np.object_]
    columns: pd.DataFrame
    days: tuple[date, ...]
    periods: tuple[str, ...]
    searched: tuple[shapely.Geometry | None, ...]
    crs: CRS | None
    metric: CRS | None

    def joined(self, wholes: NDArray[np.int64], parts: NDArray[np.int64]) -> "Observations":
        """Return a copy in which polygons (k,) have other ones (k,) as parts of their outlines."""
        polygons = union_parts(self.polygons, wholes, parts)
        return replace(
            self,
            outlines=union_parts(self.outlines, wholes, parts),
            polygons=polygons,
            areas=shapely.area(polygons),
        )


def union_parts(
    polygons: NDArray[np.object_], wholes: NDArray[np.int64], parts: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return a copy of polygons (n,) in which some (k,) are united with other ones (k,)."""
    united = polygons.copy()
    for whole in np.unique(wholes):
        rows = [whole, *parts[wholes == whole]]
        united[whole] = shapely.union_all(repair_polygons(polygons[rows]))
    return united


def shares_within(
    polygons: NDArray[np.object_], region: shapely.Geometry | None
) -> NDArray[np.float64]:
    """Return the share (n,) of each polygon's area that is in a region; 0 without one."""
    if region is None:
        return np.zeros(len(polygons))
    inside = shapely.area(clip_polygons(polygons, region)) / shapely.area(polygons)
    return np.where(inside >= 1 - _ROUNDING, 1.0, inside)


def read_observations(request: TrackingRequest) -> tuple[Observations, tuple[Message, ...]]:
    """Read inventories and footprints into one coordinate system; return notes on them too.

    Raises:
        InputError: one cannot be read or has no date, or only some have a coordinate system.
    """
    layers, footprints = _read_layers(request)
    crs = _first_crs([*layers, *footprints])
    table = pd.concat([_rows(layer, crs) for layer in layers], ignore_index=True)
    own = _joined([layer.columns for layer in layers])
    outlines = np.asarray(table["outline"], dtype=object)
    metric = None if crs is None else metric_crs(crs, outlines)
    polygons = repair_polygons(reproject(outlines, crs, metric))
    table["area"] = shapely.area(polygons)
    order = table.sort_values(["day", "id", "area", "source"], kind="stable").index.to_numpy()
    order = order[table["area"].to_numpy()[order] > 0]
    notes = [note for layer in (*layers, *footprints) for note in layer.notes]
    own, renamed = _renamed(own.iloc[order].reset_index(drop=True))
    table = table.iloc[order].reset_index(drop=True)
    searched = _searched(layers, footprints, metric)
    periods = {first_day(period): period for layer in layers for period in layer.all_periods}
    periods = {day: day.isoformat() for day in searched} | periods
    days = sorted(periods)
    observations = Observations(
        outlines=outlines[order],
        polygons=polygons[order],
        areas=table["area"].to_numpy(np.float64),
        at=np.searchsorted(np.array(days, "datetime64[D]"), table["day"].to_numpy("datetime64[D]")),
        ids=_distinct(table["id"]),
        sources=np.asarray(table["source"], dtype=object),
        columns=own,
        days=tuple(days),
        periods=tuple(periods[day] for day in days),
        searched=tuple(searched.get(day) for day in days),
        crs=crs,
        metric=metric,
    )
    unjudged = [layer.source for layer in layers if not layer.is_judged]
    if unjudged and len(days) > 1:
        notes.append(message("warning.tracks_unjudged", files=", ".join(unjudged)))
    return observations, (*notes, *renamed, *_doubts(observations))


def _read_layers(request: TrackingRequest) -> tuple[list[DatedLayer], list[DatedLayer]]:
    """Return the layers of landslides, and those of footprints.

    A date of the series that nobody mapped has no footprint: nothing was searched on it.
    """
    stated = request.dates or [None] * len(request.inventories)
    series = None if request.series is None else open_series(request.series)
    layers: list[DatedLayer] = []
    for path, period in zip(request.inventories, stated, strict=True):
        if (path / STATES_RECORD).is_file():
            if period is not None:
                raise InputError(
                    f"{path}: states have the dates of their series; leave {argument('dates')} "
                    "out, and have those of other inventories in a column or their names"
                )
            layers += read_states_layers(path, series)
        else:
            day = None if period is None else stated_period(period)
            layers += read_dated_layers(path, day, request.date_column)
    if request.footprints is not None:
        return layers, read_dated_layers(request.footprints)
    if series is None:
        return layers, []
    mapped = {period for layer in layers for period in layer.all_periods}
    days = _days_of(mapped, series.days, series.path)
    if not days:
        raise InputError(
            f"{series.path}: none of its dates, {', '.join(map(str, series.days))}, is one of the "
            f"landslides, {', '.join(sorted(mapped))}; state theirs with {argument('dates')}"
        )
    return layers, footprint_layers(series, days)


def _days_of(periods: Iterable[str], days: Sequence[date], series: Path) -> dict[str, date]:
    """Return the date of a series on which each period was mapped: the only one within it.

    Raises:
        InputError: a month or year holds several.
    """
    found = {}
    for period in periods:
        within = days_within(period, days)
        if len(within) > 1:
            raise InputError(
                f"{series}: has several dates in {period}, {', '.join(map(str, within))}, and "
                f"landslides are dated {period}; state the day on which they were mapped with "
                f"{argument('dates')}, or in their column of dates"
            )
        if within:
            found[period] = within[0]
    return found


def _first_crs(layers: Sequence[DatedLayer]) -> CRS | None:
    """Return the system of the earliest polygons: that of the histories.

    Raises:
        InputError: only some have one.
    """
    filled = [layer for layer in layers if len(layer.polygons)] or list(layers)
    without = next((layer for layer in filled if layer.crs is None), None)
    if without is not None and (other := next((one for one in filled if one.crs), None)):
        raise InputError(
            f"{without.path}: all inputs need a coordinate system, or none; this one has none and "
            f"{other.path} has one; assign it to the one without"
        )
    first = min(filled, key=lambda layer: (min(map(first_day, layer.all_periods)), layer.source))
    return first.crs


def _rows(layer: DatedLayer, crs: CRS | None) -> pd.DataFrame:
    """Return outline, date, id and source of the polygons of a layer."""
    centres = shapely.get_coordinates(shapely.centroid(layer.polygons))
    if layer.crs is None:
        places = [f"x{x:.1f}-y{y:.1f}" for x, y in centres.tolist()]
    else:  # in their own system, so that an id does not depend on what else is tracked
        places = [
            f"{abs(lat):.5f}{'S' if lat < 0 else 'N'}-{abs(lon):.5f}{'W' if lon < 0 else 'E'}"
            for lon, lat in lonlat_of(centres, layer.crs).tolist()
        ]
    outlines = layer.polygons
    if len(outlines):
        try:
            outlines = reproject(outlines, layer.crs, crs)
        except InputError as error:
            raise InputError(f"{layer.path}: {error}") from error
    return pd.DataFrame(
        {
            "outline": pd.Series(outlines, dtype=object),
            "day": pd.Series([first_day(period) for period in layer.periods], dtype=object),
            "id": pd.Series(
                [
                    f"{period.replace('-', '')}-{place}"
                    for period, place in zip(layer.periods, places, strict=True)
                ],
                dtype=object,
            ),
            "source": layer.source,
        }
    )


def _distinct(ids: "pd.Series[str]") -> NDArray[np.object_]:
    """Return ids of which those that are there again have a number."""
    distinct = np.array(ids, dtype=object)
    again = ids.groupby(ids).cumcount().to_numpy()
    for row in np.flatnonzero(again):
        distinct[row] = f"{distinct[row]}-{again[row] + 1}"
    return distinct


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several tables; whole numbers that some lack stay whole numbers."""
    filled = [table for table in tables if len(table)] or tables[:1]
    common = set.intersection(*({*table.columns} for table in filled))
    nullable = {"i": "Int64", "b": "boolean"}
    return pd.concat(
        [
            table.astype(
                {
                    name: nullable[kind]
                    for name in table.columns
                    if name not in common and (kind := table[name].dtype.kind) in nullable
                }
            )
            for table in filled
        ],
        ignore_index=True,
    )


def _renamed(own: pd.DataFrame) -> tuple[pd.DataFrame, list[Message]]:
    """Return the user's columns under names that the histories do not use themselves."""
    names = [str(name) or "column" for name in own.columns]
    reserved = {field.name for field in LANDSLIDE_FIELDS} | {*FEATURE_COLUMNS}
    own.columns = distinct_names(names, reserved)
    changed = [f"{old} → {new}" for old, new in zip(names, own.columns, strict=True) if old != new]
    shown = ", ".join(changed[:_SHOWN]) + (", ..." if len(changed) > _SHOWN else "")
    return own.apply(of_one_type), [message("tracks.renamed", names=shown)] if changed else []


def _searched(
    layers: Sequence[DatedLayer], footprints: Sequence[DatedLayer], metric: CRS | None
) -> dict[date, shapely.Geometry]:
    """Return what was searched by date: as footprints state it, else the inventories."""
    regions: dict[date, list[shapely.Geometry]] = {}
    for layer in footprints:
        moved = repair_polygons(reproject(layer.polygons, layer.crs, metric))
        for period, region in zip(layer.periods, moved, strict=True):
            regions.setdefault(first_day(period), []).append(region)
    stated = {*regions}
    for layer in layers:
        days = {first_day(period) for period in layer.all_periods}
        if layer.searched is None or len(days) != 1 or days <= stated:
            continue
        own = np.array([layer.searched], dtype=object)
        moved = repair_polygons(reproject(own, layer.searched_crs, metric))
        regions.setdefault(days.pop(), []).append(moved[0])
    return {day: shapely.union_all(parts) for day, parts in regions.items()}


def _doubts(observations: Observations) -> list[Message]:
    """Return what should be seen before the histories are used."""
    notes = []
    days, searched = observations.periods, observations.searched
    if len(days) < 2:
        notes.append(message("warning.tracks_one_date", date=days[0]))
    if len(observations.polygons) == 0:
        notes.append(message("warning.tracks_empty"))
    without = [day for day, region in zip(days, searched, strict=True) if region is None]
    if without:
        notes.append(message("tracks.no_footprint", dates=", ".join(without)))
    for position, region in enumerate(searched):
        polygons = observations.polygons[observations.at == position]
        outside = int((shares_within(polygons, region) == 0).sum())
        if region is not None and outside:
            notes.append(
                message(
                    "warning.tracks_outside",
                    date=days[position],
                    count=outside,
                    total=len(polygons),
                )
            )
    return notes
