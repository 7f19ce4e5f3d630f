"""The charts of how sizes, aspects, slopes and confidences are distributed."""

from dataclasses import dataclass

from landslip.reporting.inventory import charts
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.numbers import whole
from landslip.reporting.inventory.tables import with_unit
from landslip.reporting.inventory.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart with what stands under it."""

    svg: str
    caption: str
    wide: bool = False


def distribution_charts(data: InventoryData, texts: Texts) -> list[Chart]:
    """Return the charts for which there is anything to show."""
    found = None if data.statistics is None else data.statistics.area_frequency
    frequency = None if found is None else charts.area_frequency_chart(found, texts)
    drawn = [] if frequency is None else [_chart(frequency, "frequency_caption", texts, wide=True)]
    aspects = data.numbers("aspect_deg")
    if len(aspects):
        svg = charts.rose_chart(aspects, texts("rose_title"), texts)
        drawn.append(_chart(svg, "rose_caption", texts, len(aspects)))
    for name, width, top in (("slope_deg", 5.0, 90.0), ("confidence", 0.05, 1.0)):
        values = data.numbers(name)
        if len(values):
            last = min(top, max(60.0, float(values.max()))) if name == "slope_deg" else top
            bars = charts.counted(values, width, last, with_unit(name, texts))
            svg = charts.bar_chart(bars, texts.column(name), texts)
            drawn.append(_chart(svg, f"{name}_caption", texts, len(values)))
    return drawn


def _chart(svg: str, key: str, texts: Texts, number: int = 0, *, wide: bool = False) -> Chart:
    return Chart(svg=svg, caption=texts(key, number=whole(number)), wide=wide)
