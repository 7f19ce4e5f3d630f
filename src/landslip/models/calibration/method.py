"""How a calibration curve may be fitted; importing it costs nothing."""

from enum import StrEnum


class Method(StrEnum):
    """``auto`` is the one with the lowest log loss on tiles that it was not fitted on."""

    AUTO = "auto"
    TEMPERATURE = "temperature"
    PLATT = "platt"
    ISOTONIC = "isotonic"


FITTED = (Method.TEMPERATURE, Method.PLATT, Method.ISOTONIC)
"""Those that are fitted, by rising number of free parameters."""
