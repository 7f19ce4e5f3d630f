"""Writes the page of histories, which embeds all that it shows."""

from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from landslip import __version__
from landslip.core.choices import Language
from landslip.core.files import atomic_file
from landslip.inventory.record import REPORT
from landslip.reporting import numbers
from landslip.reporting.charts import SvgChart, image_uri
from landslip.reporting.histories import tables
from landslip.reporting.histories.data import HistoriesData, RecoveryData, read_histories
from landslip.reporting.histories.maps import states_map
from landslip.reporting.histories.method import file_table, method, uncertainties
from landslip.reporting.histories.summary import key_figures, last_date
from landslip.reporting.histories.texts import read_texts, state_name
from landslip.reporting.page import render_page
from landslip.reporting.recovery import recovery_charts
from landslip.reporting.texts import Texts
from landslip.reporting.tracks import area_chart, flow_chart

_WEBP: dict[str, Any] = {"quality": 80, "method": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoriesReportRequest:
    """A page to be written.

    Attributes:
        folder: of the histories.
        recovery: folder of their recovery.
        states: folder of the states of the series' ground.
        language: of the page.
        out: page to write; None: ``report.html`` in the folder, which may replace an earlier one.
        overwrite: another page may be replaced, too.
    """

    folder: Path
    recovery: Path | None = None
    states: Path | None = None
    language: Language = Language.ENGLISH
    out: Path | None = None
    overwrite: bool = False


def write_report(request: HistoriesReportRequest) -> Path:
    """Write the page of histories and return its path.

    Raises:
        InputError: a folder is not what it should be.
        OutputExistsError: ``out`` already exists.
    """
    data = read_histories(request.folder, request.recovery, request.states)
    out = request.out or request.folder / REPORT
    with atomic_file(out, overwrite=request.overwrite or request.out is None) as stage:
        stage.write_text(html_page(data, read_texts(request.language)), encoding="utf-8")
    return out


def html_page(data: HistoriesData, texts: Texts) -> str:
    """Return the page."""
    record, recovery = data.record, data.recovery
    sources = (record, *(one.record for one in [recovery] if one), data.states)
    messages = [one for source in sources if source is not None for one in source.messages]
    messages.sort(key=lambda one: not one.is_warning)  # stable: warnings come first
    chosen = tables.chosen_histories(data)
    ids = dict.fromkeys(name for names in chosen.values() for name in names)
    numbered = {name: number for number, name in enumerate(ids, start=1)}
    keys = [
        "summary",
        "map",
        "states",
        *(["animation"] if data.animation else []),
        "histories",
        "events",
        *(["recovery"] if recovery else []),
        *(["ground"] if data.states else []),
        "uncertain",
        "method",
        "files",
    ]
    return render_page(
        "histories.html.j2",
        t=texts,
        name=data.folder.resolve().name,
        record=record,
        version=__version__,
        keys=keys,
        figures=key_figures(data, texts),
        notes=list(dict.fromkeys(map(texts.sentence, messages))),
        summary=last_date(data, texts),
        map=states_map(data, numbered, texts),
        charts=_state_charts(data, texts),
        counts=tables.count_table(data, texts).unless_empty() if record.tracks else None,
        areas=tables.area_table(data, texts) if record.tracks else None,
        animation=_animation(data),
        legend=", ".join(f"{one} {state_name(one, texts)}" for one in _states(data)),
        histories=tables.history_table(data, chosen, numbered, texts).unless_empty(),
        events=tables.event_table(data, texts),
        latest=tables.latest_events_table(data, texts),
        recovery=None if recovery is None else _recovery(recovery, texts),
        recovery_charts=[] if recovery is None else _recovery_charts(recovery, texts),
        recovery_tables=[]
        if recovery is None
        else [
            tables.recovery_class_table(recovery, texts),
            tables.recovery_table(recovery, numbered, numbered, texts),
        ],
        ground=None if data.states is None else tables.ground_table(data.states, texts),
        observations=tables.observation_table(data, texts),
        uncertain=uncertainties(data, texts),
        method=method(data, texts),
        files=file_table(data, texts),
    )


def _states(data: HistoriesData) -> list[str]:
    return list(dict.fromkeys(state for one in data.record.dates for state in one.states))


def _state_charts(data: HistoriesData, texts: Texts) -> list[SvgChart]:
    record = data.record
    if record.tracks == 0:
        return []
    charts = [replace(area_chart(record, texts.language), caption=texts("area_chart_caption"))]
    if len(record.dates) > 1:
        flows = flow_chart(record, texts.language)
        charts.append(replace(flows, caption=texts("flow_chart_caption")))
    return charts


def _recovery_charts(recovery: RecoveryData, texts: Texts) -> list[SvgChart]:
    parts = recovery.landslides, recovery.trajectories, recovery.survival
    return [
        replace(chart, caption=texts(f"{chart.name}_caption"))
        for chart in recovery_charts(*parts, texts.language)
    ]


def _recovery(recovery: RecoveryData, texts: Texts) -> list[str]:
    record = recovery.record
    sentences = [
        texts(
            "recovery_measured",
            measured=numbers.whole(record.measured),
            total=numbers.whole(record.landslides),
            recovered=numbers.whole(record.recovered),
        )
    ]
    if record.median_half_life is not None:
        years = numbers.rounded(record.median_half_life, 2)
        sentences.append(texts("recovery_half_life", years=years))
    if record.median_years is not None:
        years = numbers.rounded(record.median_years, 2)
        sentences.append(texts("recovery_median", years=years))
    elif record.measured:
        sentences.append(texts("recovery_not_reached"))
    return sentences


def _animation(data: HistoriesData) -> dict[str, str] | None:
    """Return the animation, and its last picture for paper and readers who want no motion."""
    if data.animation is None:
        return None
    with Image.open(data.animation) as file:
        pictures = [picture.convert("RGB") for picture in ImageSequence.Iterator(file)]
        milliseconds = file.info["duration"]
    moving = image_uri(
        pictures[0],
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=milliseconds,
        loop=0,
        **_WEBP,
    )
    file_uri = f"data:image/gif;base64,{b64encode(data.animation.read_bytes()).decode('ascii')}"
    stills = [image_uri(pictures[-1], "WEBP", **_WEBP, lossless=exact) for exact in (False, True)]
    # scenes are smaller as WebP, outlines alone are not
    return {"moving": min(moving, file_uri, key=len), "still": min(stills, key=len)}
