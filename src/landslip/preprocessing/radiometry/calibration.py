"""What a camera's counts mean: radiance is ``gain * DN + offset``, beside the sun's irradiance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from landslip.core.errors import InputError

CAMERA_BANDS = ("pan", "blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Absolute calibration of one camera, by band name.

    Attributes:
        gains: W m-2 sr-1 um-1 a count, above 0.
        offsets: W m-2 sr-1 um-1.
        esun: solar irradiance outside the atmosphere at 1 AU in W m-2 um-1, above 0.
        year: the year that the gains were measured in; None where it is not known.
        source: where the figures come from, in words for a report.
    """

    gains: Mapping[str, float]
    offsets: Mapping[str, float]
    esun: Mapping[str, float]
    year: int | None
    source: str

    def __post_init__(self) -> None:
        tables = {"gain": self.gains, "offset": self.offsets, "ESUN": self.esun}
        if len({frozenset(table) for table in tables.values()}) > 1:
            raise InputError(
                "gains, offsets and ESUN are given for the same bands; got "
                + ", ".join(f"{name} of {','.join(table)}" for name, table in tables.items())
            )
        for name, table in tables.items():
            for band, value in table.items():
                if not math.isfinite(value) or (name != "offset" and value <= 0):
                    rule = "finite" if name == "offset" else "finite and above 0"
                    raise InputError(
                        f"the {name} of band {band} is {rule}; got {value} ({self.source})"
                    )

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that figures are known of."""
        return tuple(self.gains)
