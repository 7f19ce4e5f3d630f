"""``recovery.json``: how recovery was measured, and what came out."""

from typing import Literal

from landslip import __version__
from landslip.core.messages import Message
from landslip.core.records import StrictModel

RECORD, GEOPACKAGE, SURVIVAL = "recovery.json", "recovery.gpkg", "survival.csv"
FORMAT_VERSION = 1


class RecoveryRecord(StrictModel):
    """The whole of ``recovery.json``; counts of pixels are in the order of the classes.

    ``median_years``: until half of the landslides have recovered (Kaplan-Meier); None: not reached.
    """

    format: Literal["landslip-recovery"] = "landslip-recovery"
    version: int = FORMAT_VERSION
    code_version: str = __version__
    landslides_source: str
    series: str
    days: tuple[str, ...]
    landslides: int
    measured: int
    recovered: int
    median_years: float | None
    median_half_life: float | None
    pixels: dict[str, int]
    classes: dict[str, int]
    draws: int
    seed: int
    files: tuple[str, ...]
    seconds: float
    memory_peak_mb: int
    warnings: tuple[str, ...]
    messages: tuple[Message, ...]
