"""The figures at the head of a report."""

from dataclasses import dataclass

from landslip.inventory.statistics.result import AdjustedArea, InventoryStatistics
from landslip.reporting.inventory import numbers
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure: what it is, the figure itself, and what must be known with it."""

    label: str
    value: str
    note: str = ""


def key_figures(data: InventoryData, texts: Texts) -> list[Figure]:
    """Return the figures that a reader looks for first."""
    record, statistics = data.record, data.statistics
    scene = record.scene
    mapped_m2 = record.mapped_m2
    if mapped_m2 is None and statistics is not None:
        mapped_m2 = statistics.mapped_m2
    return [
        Figure(label=texts("figure_landslides"), value=numbers.whole(record.landslides)),
        _area(data, texts),
        Figure(
            label=texts("figure_mapped"),
            value=numbers.area(mapped_m2),
            note=_share(statistics, texts),
        ),
        _magnitude(statistics, texts),
        Figure(label=texts("figure_date"), value=scene.date or numbers.EMPTY),
        Figure(label=texts("figure_scene"), value=scene.name or numbers.EMPTY),
    ]


def _area(data: InventoryData, texts: Texts) -> Figure:
    statistics = data.statistics
    total_m2 = None if statistics is None else statistics.area_m2
    if statistics is None and len(data.numbers("area_m2")):
        total_m2 = float(data.numbers("area_m2").sum())
    adjusted = None if statistics is None else statistics.adjusted
    note = texts("figure_unadjusted") if adjusted is None else _adjusted(adjusted, texts)
    return Figure(label=texts("figure_area"), value=numbers.area(total_m2), note=note)


def _adjusted(adjusted: AdjustedArea, texts: Texts) -> str:
    found = adjusted.adjusted_m2
    return texts(
        "figure_adjusted",
        area=numbers.area(found.value),
        between=numbers.areas_between(found.low, found.high),
        level=numbers.level(adjusted.level),
    )


def _share(statistics: InventoryStatistics | None, texts: Texts) -> str:
    if statistics is None or statistics.landslides_per_km2 is None:
        return ""
    return texts(
        "figure_density",
        density=numbers.rounded(statistics.landslides_per_km2),
        share=numbers.percent(statistics.area_share),
    )


def _magnitude(statistics: InventoryStatistics | None, texts: Texts) -> Figure:
    magnitude = None if statistics is None else statistics.magnitude
    if magnitude is None:
        return Figure(label=texts("figure_magnitude"), value=numbers.EMPTY)
    note, large = "", magnitude.from_large
    if large is not None and large.value is not None:
        note = texts("figure_from_large", value=numbers.fixed(large.value, 2))
    value = numbers.fixed(magnitude.from_count, 2)
    return Figure(label=texts("figure_magnitude"), value=value, note=note)
