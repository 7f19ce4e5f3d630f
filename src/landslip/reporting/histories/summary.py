"""What a reader looks for first: key figures, and the last date in sentences."""

from collections.abc import Iterator

import pandas as pd

from landslip.multitemporal.tracking.record import DateRecord
from landslip.multitemporal.tracking.track_state import TrackState
from landslip.reporting import numbers
from landslip.reporting.histories.data import KNOWN_AREA, HistoriesData
from landslip.reporting.page import KeyFigure
from landslip.reporting.texts import Texts

_ON_THE_GROUND = (
    TrackState.NEW,
    TrackState.ENLARGED,
    TrackState.REACTIVATED,
    TrackState.PERSISTING,
    TrackState.SHRINKING,
    TrackState.SPLIT,
    TrackState.MERGED,
)


def landslides_of(rows: pd.DataFrame, texts: Texts) -> str:
    """Return how many landslides and what area, such as "3 landslides, 0.25 km²"."""
    count = (
        texts("landslide_1")
        if len(rows) == 1
        else texts("landslides", number=numbers.whole(len(rows)))
    )
    return texts("with_area", landslides=count, area=numbers.area(float(rows[KNOWN_AREA].sum())))


def key_figures(data: HistoriesData, texts: Texts) -> list[KeyFigure]:
    """Return the figures at the head of the page."""
    record = data.record
    first, last = record.dates[0].stated, record.dates[-1].stated
    rows = data.on_date(last)
    there = rows[rows["track_observed"].astype(bool)]

    def figure(state: TrackState) -> KeyFigure:
        of_state = rows[rows["state"] == state]
        area = numbers.area(float(of_state[KNOWN_AREA].sum())) if len(of_state) else ""
        if state != TrackState.NEW and record.dates[-1].searched_m2 is None:
            area = texts("share_unknown")
        label = texts("figure_on", state=texts(f"figure_{state}".replace(" ", "_")), date=last)
        return KeyFigure(label=label, value=numbers.whole(len(of_state)), note=area)

    return [
        KeyFigure(label=texts("figure_histories"), value=numbers.whole(record.tracks)),
        KeyFigure(
            label=texts("figure_dates"),
            value=numbers.whole(len(record.dates)),
            note=first if first == last else f"{first} – {last}",
        ),
        KeyFigure(
            label=texts("figure_on", state=texts("figure_area"), date=last),
            value=numbers.area(float(there[KNOWN_AREA].sum())),
            note=_share(float(there[KNOWN_AREA].sum()), record.dates[-1], texts),
        ),
        figure(TrackState.NEW),
        figure(TrackState.RECOVERED),
        figure(TrackState.NOT_OBSERVED),
    ]


def _share(area_m2: float, date: DateRecord, texts: Texts) -> str:
    if not date.searched_m2:
        return texts("share_unknown")
    return texts("share_of_searched", share=numbers.percent(area_m2 / date.searched_m2))


def last_date(data: HistoriesData, texts: Texts) -> list[str]:
    """Return the last date in sentences: what was searched, and what became of landslides."""
    return list(_last_date(data, texts))


def _last_date(data: HistoriesData, texts: Texts) -> Iterator[str]:
    record = data.record
    dates, last = record.dates, record.dates[-1]
    first = dates[0].stated
    if len(dates) > 1:
        count = numbers.whole(record.tracks)
        yield texts("followed", tracks=count, dates=len(dates), first=first, last=last.stated)
    else:
        yield texts("one_date", tracks=numbers.whole(record.tracks), date=first)
    if last.searched_m2 is None:
        yield texts("searched_unknown", date=last.stated)
    else:
        yield texts("searched", date=last.stated, area=numbers.area(last.searched_m2))
    if record.tracks == 0:
        return
    rows = data.on_date(last.stated)
    there = rows[rows["track_observed"].astype(bool)]
    share = _share(float(there[KNOWN_AREA].sum()), last, texts)
    yield texts("present", date=last.stated, landslides=landslides_of(there, texts), share=share)
    if len(dates) == 1:
        return
    before = dates[-2].stated
    for state in _ON_THE_GROUND:
        of_state = there[there["state"] == state]
        if len(of_state):
            key = f"became_{state}"
            yield texts(key, before=before, landslides=landslides_of(of_state, texts))
    gone = rows[rows["state"] == TrackState.RECOVERED]
    if len(gone):
        lately = gone[gone["track_after"].notna()]
        yield texts(
            "became_recovered",
            landslides=landslides_of(gone, texts),
            lately=numbers.whole(len(lately)),
            before=before,
        )
    hidden = rows[rows["state"] == TrackState.NOT_OBSERVED]
    if len(hidden):
        key = "became_hidden" if last.searched_m2 is None else "became_not_observed"
        yield texts(key, landslides=landslides_of(hidden, texts))
