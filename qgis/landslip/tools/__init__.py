"""The commands that are in the toolbox."""

from __future__ import annotations

from .dates import RECOVERY, SERIES, STATES, TRACK
from .landslides import COMPARE, EXTRACT, INVENTORY, REPORT, SAMPLE
from .scenes import ORTHORECTIFY, PANSHARPEN, PREPROCESS, REGISTER

TOOLS = (
    PREPROCESS,
    ORTHORECTIFY,
    PANSHARPEN,
    REGISTER,
    EXTRACT,
    INVENTORY,
    COMPARE,
    SAMPLE,
    REPORT,
    SERIES,
    STATES,
    TRACK,
    RECOVERY,
)
