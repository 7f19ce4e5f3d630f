"""Observations linked into histories, date by date."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from landslip.core.geometries import polygonal_part
from landslip.core.progress import Progress, no_progress
from landslip.multitemporal.tracking.linking import Links, assign, find_links, heaviest
from landslip.multitemporal.tracking.observations import (
    Observations,
    shares_within,
    union_parts,
)
from landslip.multitemporal.tracking.registration import Displacement, measure_displacement
from landslip.multitemporal.tracking.request import TrackingRules
from landslip.multitemporal.tracking.track_state import TrackState

NONE = -1
_MOSTLY = 0.5
_LEAST_PART = 0.05
_TOLERATED_SPREADS = 2.0
_PRESENT, _RECOVERED, _MERGED = range(3)
Indices = NDArray[np.int64]
Values = NDArray[np.float64]
_ROW_TYPES: dict[str, type] = {
    "track": np.int64,
    "at": np.int64,
    "observation": np.int64,
    "observed": np.bool_,
    "state": object,
    "change": np.float64,
    "overlap": np.float64,
    "after": np.int64,
    "confidence": np.float64,
    "target": np.int64,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histories:
    """Rows (r,), one for each landslide and date from its first sighting on, and tracks (t,).

    Attributes:
        track: (r,) number of the history, from 0.
        at: (r,) number of the date.
        observation: (r,) polygon of the row; where ``observed`` is not set, the last one before.
        state: (r,) `TrackState`.
        change: (r,) area over that at the last change, on ground that both dates searched; NaN:
            not compared.
        overlap: (r,) share of the smaller polygon by which the row is linked; NaN: not linked.
        after: (r,) date when the event of the row had not happened yet; -1: not known, no event.
        confidence: (r,) of the state, from 0 to 1; NaN: not known.
        target: (r,) history that the row's merged into on this date; -1: none.
        first: (t,) first polygon.
        parent: (t,) history that it split off from; -1: none.
        into: (t,) history that it ended in; -1: none.
        displacements: (d,) of each date from those before.
    """

    track: Indices
    at: Indices
    observation: Indices
    observed: NDArray[np.bool_]
    state: NDArray[np.object_]
    change: Values
    overlap: Values
    after: Indices
    confidence: Values
    target: Indices
    first: Indices
    parent: Indices
    into: Indices
    displacements: tuple[Displacement, ...]


def link_histories(
    observations: Observations, rules: TrackingRules, progress: Progress = no_progress
) -> tuple[Histories, Observations]:
    """Link the polygons of all dates.

    Returns:
        The histories, and the polygons of their rows: parts of a landslide between which a date did
        not search are joined to one.
    """
    linker = _Linker(observations=observations, rules=rules)
    days = len(observations.days)
    for position in range(days):
        linker.link(position)
        progress(position + 1, days)
    return linker.histories(), linker.observations


def _none(count: int) -> Indices:
    return np.full(count, NONE, dtype=np.int64)


class _Linker:
    """What is known of each history (t,) up to a date; numbers of histories, polygons and dates.

    ``last`` is the last polygon of each, ``shape`` the last one that was mostly seen, ``reference``
    the one since which the area has not changed.
    """

    def __init__(self, *, observations: Observations, rules: TrackingRules) -> None:
        self._given, self._rules = observations, rules
        most = len(observations.polygons)
        self._count = 0
        self._status = np.zeros(most, dtype=np.int8)
        self._has_shrunk = np.zeros(most, dtype=np.bool_)
        self._first, self._last, self._shape, self._reference = (_none(most) for _ in range(4))
        self._absent, self._parent, self._into = (_none(most) for _ in range(3))
        # outlines and searched ground without the displacement of their dates
        self._placed = np.empty(most, dtype=object)
        self._searched: list[shapely.Geometry | None] = []
        self._displacements: list[Displacement] = []
        self._rows: list[dict[str, NDArray[Any]]] = []

    @property
    def observations(self) -> Observations:
        """The polygons, of which parts of a landslide are joined."""
        return self._given

    def link(self, position: int) -> None:
        """Take the next date."""
        rows = np.flatnonzero(self._given.at == position)
        present, recovered = self._with_status(_PRESENT), self._with_status(_RECOVERED)
        before = np.where(self._last == NONE, NONE, self._given.at[self._last])
        tolerance = self._place(position, rows, present)
        track_of = _none(len(self._given.polygons))

        links = self._links(present, rows, tolerance)
        kept = links.of(assign(links))
        track_of[kept.later] = kept.earlier
        free = links.of((track_of[links.later] == NONE) & self._is_part(links.later, links))
        pieces = free.of(heaviest(free.later, free))
        track_of[pieces.later] = pieces.earlier
        kept, pieces = self._join(position, kept, pieces)
        track_of[pieces.later] = NONE
        self._take_back(pieces, track_of)
        fresh = pieces.of(track_of[pieces.later] == NONE)
        track_of[fresh.later] = self._begin(fresh.later, fresh.earlier)

        again = self._links(recovered, rows, tolerance)
        free = again.of(track_of[again.later] == NONE)
        back = free.of(assign(free))
        track_of[back.later] = back.earlier
        free = free.of(track_of[free.later] == NONE)
        beside = free.of(heaviest(free.later, free))
        track_of[beside.later] = self._begin(beside.later, beside.earlier)

        new = rows[track_of[rows] == NONE]
        track_of[new] = self._begin(new, _none(len(new)))

        merged = self._ended(links, kept.earlier)
        covered = self._ended(again, back.earlier)

        self._write_new(position, track_of[new], new)
        self._write_kept(position, kept, pieces, merged, before)
        for found, tracks, state, after in (
            (pieces, track_of[pieces.later], TrackState.SPLIT, before[pieces.earlier]),
            (back, back.earlier, TrackState.REACTIVATED, self._absent[back.earlier]),
            (
                beside,
                track_of[beside.later],
                TrackState.REACTIVATED,
                self._absent[beside.earlier],
            ),
        ):
            share = found.share
            self._write(
                position, tracks, found.later, state, overlap=share, after=after, confidence=share
            )
            self._see(tracks, found.later)
        for found in (merged, covered):
            self._write(
                position,
                found.earlier,
                self._last[found.earlier],
                TrackState.MERGED,
                observed=False,
                overlap=found.share,
                after=before[found.earlier],
                confidence=found.share,
                target=track_of[found.later],
            )
            self._status[found.earlier] = _MERGED
            self._into[found.earlier] = track_of[found.later]
        seen = [kept.earlier, back.earlier, merged.earlier, covered.earlier]
        unseen = np.setdiff1d(np.concatenate([present, recovered]), np.concatenate(seen))
        self._write_unseen(position, unseen, before)

    def histories(self) -> Histories:
        """Return what was linked so far."""
        columns: dict[str, Any] = {
            name: np.concatenate([rows[name] for rows in self._rows]) for name in _ROW_TYPES
        }
        return Histories(
            **columns,
            first=self._first[: self._count],
            parent=self._parent[: self._count],
            into=self._into[: self._count],
            displacements=tuple(self._displacements),
        )

    def _with_status(self, status: int) -> Indices:
        return np.flatnonzero(self._status[: self._count] == status)

    def _place(self, position: int, rows: Indices, present: Indices) -> float:
        """Bring a date's polygons to where those before are; return the tolerance that is left."""
        stated = self._rules.registration_error_m
        polygons = self._given.polygons[rows]
        displacement = Displacement()
        if stated != 0:
            displacement = measure_displacement(
                self._placed[self._shape[present]], polygons, stated
            )
        shift = np.array([displacement.x, displacement.y])
        region = self._given.searched[position]
        if shift.any():
            polygons = shapely.transform(polygons, lambda points: points - shift)
            if region is not None:
                region = shapely.transform(region, lambda points: points - shift)
        self._placed[rows] = polygons
        self._searched.append(region)
        self._displacements.append(displacement)
        return _TOLERATED_SPREADS * (displacement.spread or 0.0) if stated is None else stated

    def _links(self, tracks: Indices, rows: Indices, tolerance: float) -> Links:
        """Return links of histories with polygons of a date."""
        found = find_links(
            self._placed[self._shape[tracks]],
            self._placed[rows],
            self._rules.min_overlap,
            tolerance,
        )
        return replace(found, earlier=tracks[found.earlier], later=rows[found.later])

    def _is_part(self, polygons: Indices, links: Links) -> NDArray[np.bool_]:
        """Return whether enough of a polygon of each link is in the other one."""
        areas = self._given.areas[polygons]
        return np.asarray(links.weight >= self._rules.min_overlap * areas)

    def _ended(self, links: Links, going_on: Indices) -> Links:
        """Return links of histories that go on in no polygon of their own with what covers them."""
        gone = ~np.isin(links.earlier, going_on)
        gone &= self._is_part(self._shape[links.earlier], links)
        found = links.of(gone)
        return found.of(heaviest(found.earlier, found))

    def _join(self, position: int, kept: Links, pieces: Links) -> tuple[Links, Links]:
        """Join parts of a landslide between which most ground was not searched on a date.

        Whether such a landslide has split is not known. Returns what goes on, and the other pieces.
        """
        region = self._searched[position]
        if region is None or len(pieces.later) == 0:
            return kept, pieces
        order = np.argsort(kept.earlier)
        main = order[np.searchsorted(kept.earlier, pieces.earlier, sorter=order)]
        pairs = shapely.union(self._placed[kept.later[main]], self._placed[pieces.later])
        mapped = pd.Series(pairs).groupby(main).transform(lambda parts: shapely.union_all([*parts]))
        hulls = shapely.intersection(
            shapely.convex_hull(pairs), self._placed[self._shape[pieces.earlier]]
        )
        between = shapely.difference(hulls, np.asarray(mapped, dtype=object))
        between = np.array([polygonal_part(one) for one in between], dtype=object)
        hidden = shapely.area(between) > 0
        hidden[hidden] = shares_within(between[hidden], region) < _MOSTLY
        wholes, parts = kept.later[main[hidden]], pieces.later[hidden]
        self._given = self._given.joined(wholes, parts)
        self._placed = union_parts(self._placed, wholes, parts)
        weight = kept.weight.copy()
        np.add.at(weight, main[hidden], pieces.weight[hidden])
        areas = self._given.areas
        smaller = np.minimum(areas[self._shape[kept.earlier]], areas[kept.later])
        share = np.where(np.isin(kept.later, wholes), weight / smaller, kept.share)
        return replace(kept, weight=weight, share=share), pieces.of(~hidden)

    def _take_back(self, pieces: Links, track_of: Indices) -> None:
        """Give pieces of a history the ids of those that had merged into it there."""
        merged = self._with_status(_MERGED)
        root = self._into.copy()
        while (deeper := np.where(root == NONE, NONE, self._into[root])).max(initial=NONE) != NONE:
            root = np.where(deeper == NONE, root, deeper)
        found = self._links(merged, pieces.later, 0.0)
        parent = _none(len(track_of))
        parent[pieces.later] = pieces.earlier
        found = found.of(root[found.earlier] == parent[found.later])
        chosen = found.of(assign(found))
        track_of[chosen.later] = chosen.earlier
        self._status[chosen.earlier] = _PRESENT
        self._into[chosen.earlier] = NONE

    def _begin(self, polygons: Indices, parents: Indices) -> Indices:
        """Begin histories and return their numbers."""
        tracks = np.arange(self._count, self._count + len(polygons))
        self._count += len(polygons)
        self._first[tracks] = polygons
        self._parent[tracks] = parents
        self._see(tracks, polygons)
        return tracks

    def _see(self, tracks: Indices, polygons: Indices) -> None:
        """Record polygons of histories that begin, or begin anew."""
        self._status[tracks] = _PRESENT
        self._has_shrunk[tracks] = False
        for latest in (self._last, self._shape, self._reference):
            latest[tracks] = polygons

    def _write_new(self, position: int, tracks: Indices, new: Indices) -> None:
        after, share = _none(len(new)), np.full(len(new), np.nan)
        for earlier in range(position - 1, -1, -1):
            unknown = np.flatnonzero(after == NONE)
            searched = shares_within(self._placed[new[unknown]], self._searched[earlier])
            mostly = searched >= _MOSTLY
            after[unknown[mostly]] = earlier
            share[unknown[mostly]] = searched[mostly]
        self._write(position, tracks, new, TrackState.NEW, after=after, confidence=share)

    def _write_kept(
        self, position: int, kept: Links, pieces: Links, merged: Links, before: Indices
    ) -> None:
        """Write histories that go on, and record their polygons."""
        tracks, polygons, areas = kept.earlier, kept.later, self._given.areas
        ratio, is_comparable = self._area_ratio(position, tracks, polygons)
        step = 1 + self._rules.min_change
        state = np.full(len(tracks), TrackState.PERSISTING, dtype=object)
        grown, shrunk = ratio >= step, ratio <= 1 / step
        state[grown] = TrackState.ENLARGED
        state[grown & self._has_shrunk[tracks]] = TrackState.REACTIVATED
        state[shrunk] = TrackState.SHRINKING
        is_changed = grown | shrunk
        with np.errstate(divide="ignore"):
            clear = 1 - 0.5 ** (np.abs(np.log(ratio)) / np.log(step))
        confidence = np.where(is_changed, clear * kept.share, kept.share)

        parts, most = np.zeros(len(before)), np.zeros(len(before))
        np.add.at(parts, pieces.earlier, areas[pieces.later])
        is_split = parts[tracks] >= _LEAST_PART * areas[self._shape[tracks]]
        is_split &= parts[tracks] > 0
        np.add.at(most, merged.later, areas[self._shape[merged.earlier]])
        is_merged = most[polygons] >= _LEAST_PART * areas[polygons]
        is_merged &= most[polygons] > 0
        state[is_split], state[is_merged] = TrackState.SPLIT, TrackState.MERGED
        confidence = np.where(is_split | is_merged, kept.share, confidence)
        is_event = is_changed | is_split | is_merged
        self._write(
            position,
            tracks,
            polygons,
            state,
            overlap=kept.share,
            after=np.where(is_event, before[tracks], NONE),
            confidence=confidence,
            change=ratio,
        )
        self._last[tracks] = polygons
        self._shape[tracks[is_comparable]] = polygons[is_comparable]
        self._reference[tracks[is_event]] = polygons[is_event]
        is_shrinking = state == TrackState.SHRINKING
        self._has_shrunk[tracks] = is_shrinking | (self._has_shrunk[tracks] & ~is_event)

    def _area_ratio(
        self, position: int, tracks: Indices, polygons: Indices
    ) -> tuple[Values, NDArray[np.bool_]]:
        """Return areas over those of the references, on ground that both dates searched.

        NaN where less than half of a reference is on such ground; and whether it is not.
        """
        references = self._reference[tracks]
        now, then = self._given.areas[polygons], self._given.areas[references]
        is_comparable = np.ones(len(tracks), dtype=np.bool_)
        dates = self._given.at[references]
        for date in np.unique(dates):
            regions = [self._searched[one] for one in {int(date), position}]
            known = [region for region in regions if region is not None]
            if not known:
                continue
            both = shapely.intersection_all(known)
            of_date = np.flatnonzero(dates == date)
            seen = shares_within(self._placed[references[of_date]], both)
            then[of_date] *= seen
            now[of_date] *= shares_within(self._placed[polygons[of_date]], both)
            is_comparable[of_date] = seen >= _MOSTLY
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(is_comparable & (now > 0), now / then, np.nan)
        return ratio, is_comparable

    def _write_unseen(self, position: int, tracks: Indices, before: Indices) -> None:
        """Write histories without a polygon: recovered where it was searched for."""
        share = shares_within(self._placed[self._shape[tracks]], self._searched[position])
        absent = share >= _MOSTLY
        gone, unknown = tracks[absent], tracks[~absent]
        self._write(
            position,
            gone,
            self._last[gone],
            TrackState.RECOVERED,
            observed=False,
            after=np.where(self._status[gone] == _PRESENT, before[gone], NONE),
            confidence=share[absent],
        )
        self._write(position, unknown, self._last[unknown], TrackState.NOT_OBSERVED, observed=False)
        self._status[gone] = _RECOVERED
        self._absent[gone] = position

    def _write(  # noqa: PLR0913 - the columns of a row
        self,
        position: int,
        tracks: Indices,
        polygons: Indices,
        state: TrackState | NDArray[np.object_],
        *,
        observed: bool = True,
        change: Values | float = np.nan,
        overlap: Values | float = np.nan,
        after: Indices | int = NONE,
        confidence: Values | float = np.nan,
        target: Indices | int = NONE,
    ) -> None:
        """Add rows for histories on a date."""
        values = {
            "track": tracks,
            "at": position,
            "observation": polygons,
            "observed": observed,
            "state": state,
            "change": change,
            "overlap": overlap,
            "after": after,
            "confidence": confidence,
            "target": target,
        }
        self._rows.append(
            {
                name: np.array(np.broadcast_to(np.asarray(value, _ROW_TYPES[name]), len(tracks)))
                for name, value in values.items()
            }
        )
