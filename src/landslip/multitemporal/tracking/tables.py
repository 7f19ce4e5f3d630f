"""The layers of histories as tables: of landslides and dates, and of whole histories."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from landslip.inventory.fields import FieldKind
from landslip.multitemporal.tracking.fields import LANDSLIDES, TRACK_FIELDS, TRACKS
from landslip.multitemporal.tracking.histories import NONE, Histories, Indices
from landslip.multitemporal.tracking.observations import Observations
from landslip.multitemporal.tracking.track_state import TrackState

_TYPES: dict[FieldKind, Any] = {
    FieldKind.DATE: pd.ArrowDtype(pa.date32()),
    FieldKind.TEXT: "string",
}
_GONE = (TrackState.RECOVERED, TrackState.MERGED)


def row_areas(histories: Histories, observations: Observations) -> NDArray[np.float64]:
    """Return the area (r,) of a landslide on the date of each row; NaN: not observed."""
    areas = observations.areas[histories.observation]
    areas = np.where(histories.observed, areas, 0.0)
    return np.where(histories.state == TrackState.NOT_OBSERVED, np.nan, areas)


def landslides_table(
    histories: Histories, observations: Observations, ids: NDArray[np.object_]
) -> geopandas.GeoDataFrame:
    """Return one row for each landslide and date, by date and then by id."""
    order = np.lexsort((ids[histories.track].astype(str), histories.at))
    track, at = histories.track[order], histories.at[order]
    polygon, after = histories.observation[order], histories.after[order]
    state = histories.state[order]
    days = observations.days
    is_event = ~np.isin(state.astype(str), [TrackState.PERSISTING, TrackState.NOT_OBSERVED])
    is_first = histories.first[track] == polygon
    is_first &= histories.observed[order]
    parent = np.where(is_first, histories.parent[track], NONE)
    columns: dict[str, Any] = {
        "track_id": ids[track],
        "date": _of(days, at),
        "state": np.array([str(one) for one in state], dtype=object),
        "track_until": _of([*days[1:], None], at),
        "track_date": _of(observations.periods, at),
        "track_observed": histories.observed[order],
        "track_area_m2": row_areas(histories, observations)[order],
        "track_change": histories.change[order],
        "track_overlap": histories.overlap[order],
        "track_after": _of(days, after),
        "track_by": _of(days, np.where(is_event, at, NONE)),
        "track_confidence": histories.confidence[order],
        "track_parent": _of(ids, parent),
        "track_into": _of(ids, histories.target[order]),
        "track_observation": observations.ids[polygon],
        "track_source": observations.sources[polygon],
    }
    own = observations.columns.iloc[polygon].reset_index(drop=True)
    table = pd.concat([pd.DataFrame(columns), own], axis=1)
    outlines = observations.outlines[polygon]
    outlines[state == TrackState.NOT_OBSERVED] = None
    return _layer(LANDSLIDES, table, outlines, observations)


def tracks_table(
    histories: Histories, observations: Observations, ids: NDArray[np.object_]
) -> geopandas.GeoDataFrame:
    """Return one row for each history, by id."""
    count = len(ids)
    order = np.lexsort((histories.at, histories.track))
    track, at = histories.track[order], histories.at[order]
    state, observed = histories.state[order], histories.observed[order]
    polygon = histories.observation[order]
    areas = observations.areas[polygon]
    days = observations.days

    seen = np.flatnonzero(observed)
    largest = seen[np.lexsort((-areas[seen], track[seen]))]
    largest = largest[np.unique(track[largest], return_index=True)[1]]
    first = seen[np.unique(track[seen], return_index=True)[1]]
    last = seen[len(seen) - 1 - np.unique(track[seen][::-1], return_index=True)[1]]
    known = np.flatnonzero(state != TrackState.NOT_OBSERVED)
    latest = known[len(known) - 1 - np.unique(track[known][::-1], return_index=True)[1]]
    gone = np.flatnonzero(np.isin(state.astype(str), _GONE))
    gone = gone[gone > last[track[gone]]]
    gone_by = np.full(count, NONE)
    gone_by[track[gone[::-1]]] = at[gone[::-1]]
    ends = state[latest].astype(str)
    gone_by[~np.isin(ends, _GONE)] = NONE

    limits = np.searchsorted(track, np.arange(count + 1))
    texts = {
        "states": state.astype(str),
        "dates": _of(observations.periods, at),
        "areas_m2": _area_texts(row_areas(histories, observations)[order]),
    }
    lists = {
        name: [
            ", ".join(values[start:end])
            for start, end in zip(limits.tolist(), limits[1:].tolist(), strict=False)
        ]
        for name, values in texts.items()
    }
    columns: dict[str, Any] = {
        "track_id": ids,
        "first_seen": _of(days, at[first]),
        "last_seen": _of(days, at[last]),
        "last_seen_without": _of(
            days, np.where(state[first] == TrackState.NEW, histories.after[order][first], NONE)
        ),
        "gone_by": _of(days, gone_by),
        "state": ends.astype(object),
        **lists,
        "sightings": np.bincount(track[seen], minlength=count),
        "area_first_m2": areas[first],
        "area_largest_m2": areas[largest],
        "area_last_m2": areas[last],
        "parent_id": _of(ids, histories.parent),
        "merged_into": _of(ids, histories.into),
    }
    by_id = np.argsort(ids.astype(str), kind="stable")
    table = pd.DataFrame(columns).iloc[by_id].reset_index(drop=True)
    outlines = observations.outlines[polygon[largest]][by_id]
    return _layer(TRACKS, table, outlines, observations)


def _of(
    values: Sequence[date | str | None] | NDArray[np.object_], numbers: Indices
) -> NDArray[np.object_]:
    """Return values by their numbers; None for -1."""
    chosen = np.empty(len(values) + 1, dtype=object)
    chosen[: len(values)] = values
    return np.asarray(chosen[numbers], dtype=object)


def _area_texts(areas: NDArray[np.float64]) -> NDArray[np.object_]:
    return np.array(["" if np.isnan(area) else f"{area:.1f}" for area in areas], dtype=object)


def _layer(
    name: str, table: pd.DataFrame, outlines: NDArray[np.object_], observations: Observations
) -> geopandas.GeoDataFrame:
    """Return a table with outlines, whose columns have their types also where all are empty."""
    kinds = {field.name: field.kind for field in TRACK_FIELDS[name]}
    types = {name: _TYPES[kind] for name, kind in kinds.items() if kind in _TYPES}
    table = table.astype(types)
    crs = None if observations.crs is None else observations.crs.to_wkt()
    return geopandas.GeoDataFrame(table, geometry=geopandas.GeoSeries(outlines, crs=crs))
