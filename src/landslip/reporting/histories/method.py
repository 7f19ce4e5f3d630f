"""What is uncertain and why, how histories were made, and their files."""

from collections.abc import Iterator

from landslip.multitemporal.tracking.registration import MIN_PAIRS
from landslip.multitemporal.tracking.track_state import TrackState
from landslip.reporting import numbers
from landslip.reporting.histories.data import HistoriesData
from landslip.reporting.histories.tables import UNSURE, events
from landslip.reporting.tables import ReportTable, TableRow, text_cell, text_columns
from landslip.reporting.texts import Texts

_LEAST_SPREAD_M = 0.05  # reads as 0.1 m
Part = tuple[str, list[str]]


def uncertainties(data: HistoriesData, texts: Texts) -> list[str]:
    """Return what is not known of these histories, and why."""
    return list(_uncertainties(data, texts))


def _uncertainties(data: HistoriesData, texts: Texts) -> Iterator[str]:
    record, rows = data.record, data.landslides
    unknown = [one.stated for one in record.dates if one.searched_m2 is None]
    if unknown:
        yield texts("unsure_searched", dates=", ".join(unknown))
    hidden = data.on_date(record.dates[-1].stated)
    hidden = hidden[hidden["state"] == TrackState.NOT_OBSERVED]
    if len(hidden) and record.dates[-1].searched_m2 is not None:
        count, total = numbers.whole(len(hidden)), numbers.whole(record.tracks)
        yield texts("unsure_hidden", count=count, total=total, date=record.dates[-1].stated)
    new = rows[rows["state"] == TrackState.NEW]
    undated = int(new["track_after"].isna().sum())
    if undated:
        count, total = numbers.whole(undated), numbers.whole(len(new))
        yield texts("unsure_since_when", count=count, total=total)
    sure = events(rows)["track_confidence"].dropna()
    doubtful = int((sure < UNSURE).sum())
    if doubtful:
        count, total = numbers.whole(doubtful), numbers.whole(len(sure))
        yield texts("unsure_confidence", count=count, total=total, limit=UNSURE)
    spreads = [
        one.displacement.spread_m for one in record.dates if one.displacement.spread_m is not None
    ]
    if record.registration_error_m is None and max(spreads, default=0.0) >= _LEAST_SPREAD_M:
        yield texts("unsure_registration", spread=numbers.fixed(max(spreads), 1))
    unmeasured = [one.stated for one in record.dates[1:] if one.displacement.pairs < MIN_PAIRS]
    if record.registration_error_m is None and unmeasured:
        yield texts("unsure_unregistered", dates=", ".join(unmeasured), pairs=MIN_PAIRS)
    if record.tracks:
        yield texts("unsure_change", change=numbers.level(record.min_change))
        yield texts("unsure_scar")
    if data.recovery is not None and data.recovery.record.measured:
        yield texts("unsure_half_life")


def method(data: HistoriesData, texts: Texts) -> list[Part]:
    """Return headings with their sentences."""
    record = data.record
    source = [texts("method_inventories", names=", ".join(record.inventories))]
    if record.footprints is not None:
        source.append(texts("method_footprints", name=record.footprints))
    elif record.series is not None:
        source.append(texts("method_series", name=record.series))
    source.append(texts("method_crs", crs=record.crs) if record.crs else texts("method_no_crs"))
    error_m = record.registration_error_m
    if error_m is None:
        registration = texts("method_registered", pairs=MIN_PAIRS)
    else:
        registration = texts("method_stated", error=numbers.plain(error_m))
    parts = [
        ("method_source", source),
        ("method_linking", [texts("method_overlap", share=numbers.level(record.min_overlap))]),
        ("method_registration", [registration]),
        ("method_states", [texts("method_change", change=numbers.level(record.min_change))]),
        ("method_confidence", [texts("method_sure")]),
    ]
    if record.previous is not None:
        parts.append(("method_ids", [texts("method_previous", name=record.previous)]))
    if data.recovery is not None:
        made = data.recovery.record
        draws = numbers.whole(made.draws)
        parts.append(("section_recovery", [texts("method_recovery", draws=draws, seed=made.seed)]))
    if data.states is not None:
        triggers = ", ".join(data.states.triggers) or numbers.EMPTY
        parts.append(("section_ground", [texts("method_ground", triggers=triggers)]))
    return [(texts(heading), sentences) for heading, sentences in parts]


def file_table(data: HistoriesData, texts: Texts) -> ReportTable:
    """Return the files beside the page, and what is in each."""
    files = {
        texts("files_tracks", name=data.folder.resolve().name): data.record.files,
        texts("files_recovery"): () if data.recovery is None else data.recovery.record.files,
    }
    rows = []
    for group, names in files.items():
        for name in names:
            key = f"file_{name}".replace(".", "_")
            content = texts(key) if texts.has(key) else ""
            rows.append(TableRow(cells=(text_cell(name), text_cell(content)), group=group))
    return ReportTable(
        caption=texts("files_caption"),
        columns=text_columns(*texts.titles("file", "content")),
        rows=tuple(rows),
        group_title=texts("folder"),
    )
