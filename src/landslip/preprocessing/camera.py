"""Satellites and their cameras."""

import re
from dataclasses import dataclass

from landslip.core.errors import InputError

_SENSORS = {
    "GF1": ("PMS1", "PMS2"),
    "GF1B": ("PMS",),
    "GF1C": ("PMS",),
    "GF1D": ("PMS",),
    "GF2": ("PMS1", "PMS2"),
    "GF6": ("PMS",),
}
_IN_A_NAME = re.compile(
    r"((?:GF|ZY|HJ|CB|SV)\d{1,2}[A-Z]?)_([A-Z]{2,8}\d?)_", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SatelliteCamera:
    """A camera with one panchromatic and four multispectral bands, such as ``GF1`` ``PMS1``.

    Satellites with a single camera say ``PMS``.
    """

    satellite: str
    sensor: str

    def __post_init__(self) -> None:
        if self.sensor not in _SENSORS.get(self.satellite, ()):
            supported = (f"{name} {sensor}" for name in _SENSORS for sensor in _SENSORS[name])
            raise InputError(
                f"a product of one of the cameras {', '.join(supported)} is needed; "
                f"this one is of {self.satellite} {self.sensor}"
            )

    @classmethod
    def parse(cls, satellite: str, sensor: str) -> "SatelliteCamera":
        """Read what metadata say; case, blanks and hyphens do not matter."""
        return cls(satellite=_normalise(satellite), sensor=_normalise(sensor))

    @classmethod
    def from_name(cls, text: str) -> "SatelliteCamera":
        """Read ``GF1 PMS1``, also as ``GF-1_PMS1`` or in lower case."""
        words = text.replace("_", " ").split()
        if len(words) != 2:
            raise InputError(f"a camera is named as satellite and sensor, GF1 PMS1; got {text!r}")
        return cls.parse(*words)

    @property
    def name(self) -> str:
        """Such as ``GF1 PMS1``."""
        return f"{self.satellite} {self.sensor}"

    def __str__(self) -> str:
        return self.name


def camera_from_product_name(name: str) -> SatelliteCamera | None:
    """Return the camera that a product's name begins with; None where it begins with none.

    Raises:
        InputError: the name is that of another satellite's or camera's product.
    """
    match = _IN_A_NAME.match(name)
    return None if match is None else SatelliteCamera.parse(match[1], match[2])


def _normalise(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).upper()
