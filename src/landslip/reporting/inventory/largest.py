"""The largest landslides, each with a picture and what is known of it."""

from dataclasses import dataclass

from landslip.inventory.fields import FIELDS_BY_NAME, FLAGS
from landslip.reporting.inventory import numbers
from landslip.reporting.inventory.data import known
from landslip.reporting.inventory.plates import Sight, thumbnail
from landslip.reporting.inventory.texts import Texts

MOST = 10
_SHOWN = (
    "area_m2",
    "length_m",
    "width_m",
    "fall_height_m",
    "h_over_l",
    "slope_deg",
    "aspect_deg",
    "confidence",
)
_WHOLE_UNITS = {"m", "°"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One landslide.

    Attributes:
        number: its id.
        picture: SVG.
        rows: labels and values.
        flags: labels of those that are raised.
    """

    number: int
    picture: str
    rows: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]


def largest_cards(sight: Sight, texts: Texts) -> list[Card]:
    """Return the ten largest landslides."""
    return [_card(sight, at, texts) for at in range(min(MOST, len(sight.data.landslides)))]


def _card(sight: Sight, at: int, texts: Texts) -> Card:
    row = sight.data.landslides.iloc[at]
    rows = [(texts.column(name), value_text(name, row[name])) for name in _SHOWN]
    for name, letters in (("centroid_lat", "NS"), ("centroid_lon", "EW")):
        rows.append((texts.column(name), _angle(row[name], letters)))
    flags = [texts.column(name) for name in FLAGS if known(row[name]) and bool(row[name])]
    return Card(
        number=int(row["id"]),
        picture=thumbnail(sight, at, texts),
        rows=tuple(rows),
        flags=tuple(flags),
    )


def value_text(name: str, value: object) -> str:
    """Return a number of a column with its unit; a dash where it is empty."""
    if not known(value):
        return numbers.EMPTY
    number, unit = float(str(value)), FIELDS_BY_NAME[name].unit
    if unit == "m²":
        return numbers.area(number)
    if unit in _WHOLE_UNITS:
        return f"{numbers.whole(number)}{'' if unit == '°' else numbers.THIN}{unit}"
    return numbers.fixed(number, 2)


def _angle(angle_deg: float, letters: str) -> str:
    return numbers.degrees(angle_deg, 5, letters) if known(angle_deg) else numbers.EMPTY
