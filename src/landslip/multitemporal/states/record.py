"""``states.json``: how the states of a series were found, and how much ground is in each."""

from typing import Literal

from pydantic import Field

from landslip import __version__
from landslip.core.messages import Message
from landslip.core.records import StrictModel

RECORD, MAPS = "states.json", "maps"
FORMAT_VERSION = 1


class StatesDate(StrictModel):
    """One date: its files, what they were made from, and the ground of each state.

    ``pixels`` are those of the most likely state, in the order vegetated, fresh, recovering,
    recovered; pixels that no date saw are in none.
    """

    date: str
    posterior: str = Field(description="COG of four bands")
    state: str = Field(description="COG of the most likely state, 0 to 3 in the bands' order")
    map: str | None = Field(description="of probabilities; None: there was none")
    model: str | None
    prior: float | None = Field(description="share of landslide pixels that was divided out")
    vegetated_ndvi: float | None = Field(description="the day's level; None: NDVI says nothing")
    vegetated: tuple[float, float] = Field(
        description="median and deviation of the vegetation index of vegetated ground"
    )
    bare: tuple[float, float] = Field(description="the same of bare ground")
    seen_share: float = Field(description="of all pixels, seen on this date")
    pixels: tuple[int, int, int, int]
    area_m2: tuple[float, float, float, float] | None


class StatesRecord(StrictModel):
    """The whole of ``states.json``.

    ``flows`` has for each pair of successive dates the pixels (from, to) by their most likely
    states.
    """

    format: Literal["landslip-states"] = "landslip-states"
    version: int = FORMAT_VERSION
    code_version: str = __version__
    series: str
    triggers: tuple[str, ...]
    rates: dict[str, float]
    emissions: dict[str, float | tuple[float, ...]]
    dates: tuple[StatesDate, ...]
    flows: tuple[tuple[tuple[int, int, int, int], ...], ...]
    seconds: float
    seconds_per_mpix: float
    memory_peak_mb: int
    warnings: tuple[str, ...]
    messages: tuple[Message, ...]
