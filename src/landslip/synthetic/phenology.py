"""Colours of plants and fields through the year."""

import math
from dataclasses import dataclass
from datetime import date

Colour = tuple[float, float, float, float]

FOREST: Colour = (0.022, 0.042, 0.027, 0.25)
DARK_FOREST: Colour = (0.018, 0.032, 0.022, 0.17)
SHRUB: Colour = (0.038, 0.066, 0.056, 0.26)
DRY_GRASS: Colour = (0.060, 0.095, 0.105, 0.24)
CROP: Colour = (0.035, 0.075, 0.042, 0.38)
STUBBLE: Colour = (0.080, 0.115, 0.140, 0.24)
BARE_SOIL: Colour = (0.072, 0.110, 0.166, 0.256)
_LEAFLESS: Colour = (0.042, 0.060, 0.066, 0.160)
_WINTER_CONIFERS: Colour = (0.020, 0.034, 0.027, 0.145)
_LEAFLESS_SHRUB: Colour = (0.056, 0.080, 0.094, 0.185)
_WINTER_GRASS: Colour = (0.078, 0.112, 0.142, 0.215)
_GREEN_GRASS: Colour = (0.042, 0.078, 0.064, 0.290)
# days of the year in the middle of green-up and of browning, and how many days these take
_LEAVES = (112.0, 296.0, 11.0)
_GRASS = (125.0, 268.0, 14.0)
_SUMMER_CROP = (158.0, 262.0, 7.0)
_WINTER_CROP = (72.0, 152.0, 7.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Reflectance (blue, green, red, nir) of what changes through the year.

    ``fallow`` are fields that lie bare; the default is a summer's day, on which every field has the
    colour of its use.
    """

    forest: Colour = FOREST
    dark_forest: Colour = DARK_FOREST
    shrub: Colour = SHRUB
    grass: Colour = DRY_GRASS
    summer_crop: Colour = CROP
    winter_crop: Colour = STUBBLE
    fallow: Colour = BARE_SOIL


SUMMER = Palette()


def palette_on(day: date) -> Palette:
    """Return the colours of a day in the temperate mountains of the northern hemisphere.

    Leaves and grass come and go by a double logistic curve of the day of the year (Beck et al.
    2006, doi 10.1016/j.rse.2005.10.021, eq. 2); there is no snow. Summer crops follow bare soil and
    leave stubble, winter crops are harvested in early June.
    """
    day_of_year = float(day.timetuple().tm_yday)
    leaves, grass = (greenness(day_of_year, *curve) for curve in (_LEAVES, _GRASS))
    maize = greenness(day_of_year, *_SUMMER_CROP)
    wheat = greenness(day_of_year, *_WINTER_CROP)
    return Palette(
        forest=_mixed(_LEAFLESS, FOREST, leaves),
        dark_forest=_mixed(_WINTER_CONIFERS, DARK_FOREST, leaves),
        shrub=_mixed(_LEAFLESS_SHRUB, SHRUB, leaves),
        grass=_mixed(_WINTER_GRASS, _GREEN_GRASS, grass),
        summer_crop=_mixed(STUBBLE if day_of_year > 220 else BARE_SOIL, CROP, maize),
        winter_crop=_mixed(STUBBLE if day_of_year > 112 else BARE_SOIL, CROP, wheat),
    )


def greenness(day_of_year: float, green_up: float, browning: float, days: float) -> float:
    """Return the share of leaves, 0 to 1: a double logistic curve of the day of the year."""
    rise = 1 / (1 + math.exp(-(day_of_year - green_up) / days))
    fall = 1 / (1 + math.exp((day_of_year - browning) / days))
    return max(rise + fall - 1, 0.0)


def _mixed(winter: Colour, summer: Colour, share: float) -> Colour:
    blue, green, red, nir = (
        low + share * (high - low) for low, high in zip(winter, summer, strict=True)
    )
    return blue, green, red, nir
