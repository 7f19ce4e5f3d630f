"""What a reader looks for first: key figures, and cards of the largest landslides."""

from dataclasses import dataclass

from landslip.inventory.attributes import is_filled, own_names
from landslip.inventory.fields import FIELDS_BY_NAME, FLAGS
from landslip.reporting import numbers
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.maps import MapContext, landslide_map
from landslip.reporting.page import KeyFigure
from landslip.reporting.texts import Texts

MAX_CARDS = 10
MAX_OWN, MAX_LETTERS = 8, 60
_SHOWN = (
    "area_m2",
    "length_m",
    "width_m",
    "elevation_range_m",
    "h_over_l",
    "slope_deg",
    "aspect_deg",
    "confidence",
)


def key_figures(data: InventoryData, texts: Texts) -> list[KeyFigure]:
    """Return the figures at the head of the page."""
    record, statistics, scene = data.record, data.statistics, data.record.scene
    mapped_m2, density = record.mapped_m2, ""
    total_m2 = float(data.numbers("area_m2").sum()) if len(data.numbers("area_m2")) else None
    area_note = texts("figure_unadjusted")
    magnitude, magnitude_note = numbers.EMPTY, ""
    if statistics is not None:
        total_m2 = statistics.area_m2
        mapped_m2 = statistics.mapped_m2 if mapped_m2 is None else mapped_m2
        if statistics.landslides_per_km2 is not None:
            density = texts(
                "figure_density",
                density=numbers.rounded(statistics.landslides_per_km2),
                share=numbers.percent(statistics.area_share),
            )
        if statistics.adjusted is not None:
            estimate = statistics.adjusted.adjusted_m2
            area_note = texts(
                "figure_adjusted",
                area=numbers.area(estimate.value),
                between=numbers.area_interval(estimate.low, estimate.high),
                level=numbers.level(statistics.adjusted.level),
            )
        if statistics.magnitude is not None:
            magnitude = numbers.fixed(statistics.magnitude.from_count, 2)
            large = statistics.magnitude.from_large
            if large is not None and large.value is not None:
                magnitude_note = texts("figure_from_large", value=numbers.fixed(large.value, 2))
    mapped = numbers.area(mapped_m2)
    return [
        KeyFigure(label=texts("figure_landslides"), value=numbers.whole(record.landslides)),
        KeyFigure(label=texts("figure_area"), value=numbers.area(total_m2), note=area_note),
        KeyFigure(label=texts("figure_mapped"), value=mapped, note=density),
        KeyFigure(label=texts("figure_magnitude"), value=magnitude, note=magnitude_note),
        KeyFigure(
            label=texts("figure_date" if record.dates is None else "figure_dates"),
            value=_dates(data),
        ),
        KeyFigure(label=texts("figure_scene"), value=scene.name or numbers.EMPTY),
    ]


def _dates(data: InventoryData) -> str:
    first, last = data.record.dates or (data.record.scene.date, data.record.scene.date)
    if first is None or last is None:
        return numbers.EMPTY
    return first if first == last else f"{first} – {last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideCard:
    """A landslide: its id, map (an ``<svg>`` element), labels with values, and flags set."""

    number: int
    map: str
    rows: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]


def largest_landslides(context: MapContext, texts: Texts) -> list[LandslideCard]:
    """Return the ten largest landslides, with the first of the user's own columns."""
    cards, data = [], context.data
    for at in range(min(MAX_CARDS, len(data.landslides))):
        row = data.landslides.iloc[at]
        rows = [(texts.column(name), column_value(name, row[name])) for name in _SHOWN]
        for name, letters in (("centroid_lat", "NS"), ("centroid_lon", "EW")):
            known = is_filled(row[name])
            angle = numbers.degrees(row[name], 5, letters) if known else numbers.EMPTY
            rows.append((texts.column(name), angle))
        own = own_names(data.landslides)[:MAX_OWN]
        if data.record.dates is not None:
            rows.append(
                (
                    texts("date_of_landslide"),
                    row["date"] if is_filled(row["date"]) else numbers.EMPTY,
                )
            )
        rows += [(name, str(row[name])[:MAX_LETTERS]) for name in own if is_filled(row[name])]
        flags = [texts.column(name) for name in FLAGS if is_filled(row[name]) and bool(row[name])]
        cards.append(
            LandslideCard(
                number=int(row["id"]),
                map=landslide_map(context, at, texts),
                rows=tuple(rows),
                flags=tuple(flags),
            )
        )
    return cards


def column_value(name: str, value: object) -> str:
    """Return a value of a column with its unit; a dash where it is empty."""
    if not is_filled(value):
        return numbers.EMPTY
    number, unit = float(str(value)), FIELDS_BY_NAME[name].unit
    if unit == "m²":
        return numbers.area(number)
    if unit in {"m", "°"}:
        return f"{numbers.whole(number)}{'' if unit == '°' else numbers.THIN}{unit}"
    return numbers.fixed(number, 2)
