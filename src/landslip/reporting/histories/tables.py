"""The tables of the page of histories."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from landslip.core.choices import LandslideState
from landslip.core.messages import message
from landslip.inventory.attributes import is_filled
from landslip.multitemporal.states.record import StatesRecord
from landslip.multitemporal.tracking.files import STATE_COLOURS
from landslip.multitemporal.tracking.track_state import TrackState
from landslip.reporting import numbers
from landslip.reporting.histories.data import KNOWN_AREA, HistoriesData, RecoveryData
from landslip.reporting.histories.texts import state_name
from landslip.reporting.tables import (
    ReportTable,
    TableCell,
    TableColumn,
    TableRow,
    number_cell,
    number_columns,
    text_cell,
    text_columns,
)
from landslip.reporting.texts import Texts

LISTED = 10
EVENTS_LISTED = 30
UNSURE = 0.5
_OWN_LISTED, _LETTERS = 3, 60
_NO_EVENT = (TrackState.PERSISTING, TrackState.NOT_OBSERVED)


def events(landslides: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in which something happened; what stays recovered is left out."""
    is_event = ~landslides["state"].isin(_NO_EVENT)
    stays = (landslides["state"] == TrackState.RECOVERED) & landslides["track_after"].isna()
    return landslides[is_event & ~stays]


def count_table(data: HistoriesData, texts: Texts) -> ReportTable:
    """Return how many landslides were in each state on each date."""
    counts = pd.crosstab(data.landslides["track_date"], data.landslides["state"])
    return _by_state(data, counts, "counts_caption", texts, is_area=False)


def area_table(data: HistoriesData, texts: Texts) -> ReportTable:
    """Return the area of landslides in each state on each date."""
    areas = data.landslides.pivot_table(
        index="track_date", columns="state", values=KNOWN_AREA, aggfunc="sum", observed=True
    )
    table = _by_state(data, areas / 1e6, "areas_caption", texts, is_area=True)
    return table.with_notes(texts("areas_note"))


def _by_state(
    data: HistoriesData, values: pd.DataFrame, caption: str, texts: Texts, *, is_area: bool
) -> ReportTable:
    shown = [state for state in STATE_COLOURS if state in values]
    rows = []
    for one in data.record.dates:
        cells = [text_cell(one.stated)]
        for state in shown:
            value = values[state].get(one.stated, 0)
            number = float(np.nan_to_num(value))
            text = numbers.fixed(number, 4) if is_area else numbers.whole(number)
            cells.append(TableCell(text=text, value=number))
        rows.append(TableRow(cells=tuple(cells)))
    names = [state_name(state, texts) for state in shown]
    return ReportTable(
        caption=texts(caption),
        columns=(*text_columns(texts("date")), *number_columns(*names)),
        rows=tuple(rows),
    )


def chosen_histories(data: HistoriesData) -> dict[str, list[str]]:
    """Return the ids of the histories that matter by why: largest, reactivated, growing."""
    tracks = data.tracks.set_index("track_id")
    rows = data.landslides
    largest = tracks["area_largest_m2"].sort_values(ascending=False, kind="stable")
    again = tracks.index.isin(rows["track_id"][rows["state"] == TrackState.REACTIVATED])
    seen = rows[rows["track_observed"].astype(bool)].sort_values("date", kind="stable")
    step = seen["track_area_m2"] - seen.groupby("track_id")["track_area_m2"].shift()
    growth = step.groupby(seen["track_id"]).last()
    growing = growth.reindex(tracks.index[tracks["state"] == TrackState.ENLARGED])
    chosen = {
        "largest": largest,
        "reactivated": largest[again[tracks.index.get_indexer(largest.index)]],
        "growing": growing.sort_values(ascending=False, kind="stable"),
    }
    return {name: [*values.index[:LISTED]] for name, values in chosen.items() if len(values)}


def history_table(
    data: HistoriesData, chosen: dict[str, list[str]], numbered: dict[str, int], texts: Texts
) -> ReportTable:
    """Return the histories that matter, one a row."""
    tracks = data.tracks.set_index("track_id")
    listed = data.landslides[data.landslides["track_id"].isin([*numbered])]
    rows_of = dict([*listed.groupby("track_id")])
    latest = data.record.dates[-1].stated
    rows = []
    for reason, ids in chosen.items():
        for name in ids:
            track = tracks.loc[name]
            life = rows_of[name].sort_values("date", kind="stable")
            observed = life[life["track_observed"].astype(bool)]
            known = life[life["state"] != TrackState.NOT_OBSERVED].iloc[-1]
            happened = events(life)
            steps = "; ".join(
                f"{date} {state_name(state, texts)}"
                for date, state in zip(happened["track_date"], happened["state"], strict=True)
            )
            areas = ("area_first_m2", "area_largest_m2", "area_last_m2")
            shown = " → ".join(numbers.whole(float(track[area])) for area in areas)
            confidence = happened["track_confidence"].iloc[-1] if len(happened) else None
            cells = (
                TableCell(text=str(numbered[name]), value=numbered[name]),
                TableCell(text=str(name), small=_kin(track, data, observed.iloc[-1], texts)),
                text_cell(_bracket(data, track["last_seen_without"], track["first_seen"], texts)),
                text_cell(steps),
                text_cell(shown),
                TableCell(
                    text=state_name(known["state"], texts),
                    small="" if known["track_date"] == latest else known["track_date"],
                ),
                number_cell(_number(confidence), 2),
            )
            rows.append(TableRow(cells=cells, group=texts(f"group_{reason}")))
    titles = texts.titles("history", "first_seen", "events_of_history", "areas_m2", "state_now")
    return ReportTable(
        caption=texts("histories_caption"),
        columns=(
            *number_columns(texts("number")),
            *text_columns(*titles),
            *number_columns(texts("confidence")),
        ),
        rows=tuple(rows),
        group_title=texts("reason"),
        notes=(texts("histories_note"),),
    )


def _kin(track: pd.Series, data: HistoriesData, last: pd.Series, texts: Texts) -> str:
    """Return what a history came from or ended in, and the first of the user's columns."""
    parts = [
        texts(key, id=track[column])
        for key, column in (("split_from", "parent_id"), ("ended_in", "merged_into"))
        if is_filled(track[column])
    ]
    own = [name for name in data.own_columns if is_filled(last[name])][:_OWN_LISTED]
    parts += [f"{name}: {str(last[name])[:_LETTERS]}" for name in own]
    return "; ".join(parts)


def _bracket(data: HistoriesData, after: object, by: object, texts: Texts) -> str:
    """Return between which dates something happened."""
    if pd.isna(after):  # type: ignore[call-overload]
        return texts("bracket_open", by=data.stated(by))
    return texts("bracket", after=data.stated(after), by=data.stated(by))


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(str(value))  # type: ignore[call-overload]


def event_table(data: HistoriesData, texts: Texts) -> ReportTable | None:
    """Return what happened by each date: how often, between which dates, how surely."""
    rows = []
    happened = events(data.landslides)
    for one in data.record.dates:
        found = happened[happened["track_date"] == one.stated]
        for state in STATE_COLOURS:
            of_state = found[found["state"] == state]
            if len(of_state) == 0:
                continue
            after, sure = of_state["track_after"].dropna(), of_state["track_confidence"].dropna()
            span = [data.stated(day) for day in (after.min(), after.max())] if len(after) else []
            cells = (
                text_cell(state_name(state, texts)),
                number_cell(len(of_state), 0),
                number_cell(float(of_state[KNOWN_AREA].sum()) / 1e6, 4),
                text_cell(" – ".join(dict.fromkeys(span))),
                number_cell(len(of_state) - len(after), 0),
                number_cell(float(sure.median()) if len(sure) else None, 2),
                number_cell(int((sure < UNSURE).sum()), 0),
            )
            rows.append(TableRow(cells=cells, group=texts("known_by", date=one.stated)))
    columns = (
        *text_columns(texts("event")),
        *number_columns(texts("landslides_column"), texts("area_km2")),
        *text_columns(texts("not_yet_on")),
        *number_columns(*texts.titles("bracket_unknown", "confidence_median", "unsure")),
    )
    return ReportTable(
        caption=texts("events_caption"),
        columns=columns,
        rows=tuple(rows),
        group_title=texts("date"),
        notes=(texts("events_note"),),
    ).unless_empty()


def latest_events_table(data: HistoriesData, texts: Texts) -> ReportTable | None:
    """Return the largest events of the last date, one a row, folded."""
    last = data.record.dates[-1].stated
    happened = events(data.on_date(last)).sort_values(KNOWN_AREA, ascending=False, kind="stable")
    rows = tuple(
        TableRow(
            cells=(
                text_cell(state_name(row["state"], texts)),
                text_cell(str(row["track_id"])),
                number_cell(float(row[KNOWN_AREA]), 0),
                text_cell(_bracket(data, row["track_after"], row["track_by"], texts)),
                number_cell(_number(row["track_confidence"]), 2),
            )
        )
        for _, row in happened.head(EVENTS_LISTED).iterrows()
    )
    return ReportTable(
        caption=texts("latest_caption", shown=len(rows), total=len(happened), date=last),
        columns=(
            *text_columns(*texts.titles("event", "history")),
            *number_columns(texts("area_m2")),
            *text_columns(texts("happened")),
            *number_columns(texts("confidence")),
        ),
        rows=rows,
        folded=texts("latest_folded", date=last),
    ).unless_empty()


def observation_table(data: HistoriesData, texts: Texts) -> ReportTable:
    """Return what each date can say: ground searched, landslides not observed, registration."""
    rows = []
    for one in data.record.dates:
        states = data.on_date(one.stated)["state"]
        hidden = int((states == TrackState.NOT_OBSERVED).sum())
        known = int((states != TrackState.NEW).sum())
        moved = one.displacement
        searched = None if one.searched_m2 is None else one.searched_m2 / 1e6
        cells = (
            text_cell(one.stated),
            number_cell(searched, 3),
            number_cell(one.polygons, 0),
            number_cell(known, 0),
            TableCell(
                text=numbers.whole(hidden),
                small=numbers.percent(hidden / known) if known else "",
                value=hidden,
            ),
            TableCell(text=f"{moved.x_m:+.1f}, {moved.y_m:+.1f}".replace("-", "−")),
            number_cell(moved.spread_m, 1),
            number_cell(moved.pairs, 0),
        )
        rows.append(TableRow(cells=cells))
    titles = texts.titles("searched_km2", "polygons", "known_before", "not_observed")
    registration = texts.titles("displacement_m", "spread_m", "pairs")
    return ReportTable(
        caption=texts("observations_caption"),
        columns=(
            *text_columns(texts("date")),
            *number_columns(*titles),
            *number_columns(*registration, group=texts("registration")),
        ),
        rows=tuple(rows),
        notes=(texts("observations_note"),),
    )


def recovery_class_table(recovery: RecoveryData, texts: Texts) -> ReportTable:
    """Return how many landslides, what area and how many pixels are in each class of recovery."""
    record, found = recovery.record, recovery.landslides
    rows = []
    for name in record.pixels:
        of_class = found[found["class"] == name]
        cells = (
            text_cell(message(f"recovery_class.{name}").text(texts.language)),
            number_cell(len(of_class), 0),
            number_cell(float(of_class["area_m2"].sum()) / 1e6, 4),
            number_cell(record.pixels[name], 0),
        )
        rows.append(TableRow(cells=cells))
    return ReportTable(
        caption=texts("classes_caption"),
        columns=(
            *text_columns(texts("class")),
            *number_columns(*texts.titles("landslides_column", "area_km2", "pixels")),
        ),
        rows=tuple(rows),
        notes=(texts("classes_note"),),
    )


def recovery_table(
    recovery: RecoveryData, ids: Iterable[str], numbered: dict[str, int], texts: Texts
) -> ReportTable | None:
    """Return the recovery of the largest landslides, with the interval of the half-life."""
    found = recovery.landslides.set_index("id")
    rows = []
    for name in ids:
        if name not in found.index:
            continue
        one = found.loc[name]
        half, low, high = (
            _number(one[column])
            for column in ("half_life_years", "half_life_low", "half_life_high")
        )
        shown = texts("not_returning") if one["returning"] == "not returning" else ""
        if half is not None:
            shown = numbers.rounded(half, 2)
        interval = ""
        if low is not None:
            interval = (
                numbers.interval(low, high, 2)
                if high is not None
                else f"{numbers.rounded(low, 2)}–{texts('over_200')}"
            )
        cells = (
            TableCell(text=str(numbered[name]), value=numbered[name]),
            text_cell(str(name)),
            text_cell(str(one["failed"]) if is_filled(one["failed"]) else ""),
            TableCell(
                text=numbers.percentage(_number(one["rate"]), 0),
                small=str(one["last"]) if is_filled(one["last"]) else "",
            ),
            text_cell(message(f"recovery_class.{one['class']}").text(texts.language)),
            TableCell(text=shown or numbers.EMPTY, small=interval),
        )
        rows.append(TableRow(cells=cells))
    return ReportTable(
        caption=texts("recovery_caption"),
        columns=(
            *number_columns(texts("number")),
            *text_columns(*texts.titles("history", "failed_by")),
            TableColumn(title=texts("rate_percent")),
            *text_columns(texts("class")),
            TableColumn(title=texts("half_life")),
        ),
        rows=tuple(rows),
    ).unless_empty()


def ground_table(states: StatesRecord, texts: Texts) -> ReportTable:
    """Return the ground in each state on each date of a series, pixel by pixel."""
    is_area = all(one.area_m2 is not None for one in states.dates)
    rows = []
    for one in states.dates:
        values = [part / 1e6 for part in one.area_m2] if one.area_m2 and is_area else one.pixels
        cells = [number_cell(float(value), 4 if is_area else 0) for value in values]
        seen = TableCell(text=numbers.percent(one.seen_share), value=one.seen_share)
        rows.append(TableRow(cells=(text_cell(one.date), seen, *cells)))
    names = [texts(f"ground_{state}") for state in LandslideState]
    unit = texts("area_km2") if is_area else texts("pixels")
    return ReportTable(
        caption=texts("ground_caption"),
        columns=(
            *text_columns(texts("date")),
            *number_columns(texts("seen")),
            *number_columns(*names, group=unit),
        ),
        rows=tuple(rows),
        notes=(texts("ground_note"),),
    )
