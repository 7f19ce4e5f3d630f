"""What becomes of landslides over the years: they fall, grow over, and fall again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely

from landslip.core.errors import InputError
from landslip.synthetic.landscape.landslides import Landslide

OVERGROWN = 0.3
_FRESHNESS = (0.8, 1.0)
_HEALING_YEARS, _HEALING_SPREAD = 6.5, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A day on which slopes failed: an earthquake or a rainstorm.

    Attributes:
        day: on which they failed.
        share: of all landslides that fell on it for the first time.
        again: share of those that had fallen earlier that fell again.
    """

    day: date
    share: float
    again: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.again <= 1):
            raise InputError(f"shares lie between 0 and 1; got {self.share} and {self.again}")


WENCHUAN = (
    Trigger(day=date(2008, 5, 12), share=0.58),
    Trigger(day=date(2013, 7, 10), share=0.18, again=0.08),
    Trigger(day=date(2014, 7, 22), share=0.12, again=0.06),
    Trigger(day=date(2015, 6, 28), share=0.12, again=0.06),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """A place where the ground slid, once or several times.

    Attributes:
        outline: a valid polygon, in pixels or map coordinates.
        falls: the days on which it slid and how bare it was then, in order of time.
        healing_years: time in which bareness falls to 37 percent.
    """

    outline: shapely.Polygon
    falls: tuple[tuple[date, float], ...]
    healing_years: float

    def freshness(self, day: date) -> float:
        """Return how bare it is: 1 is bare debris, 0 overgrown or not yet there."""
        past = [fall for fall in self.falls if fall[0] <= day]
        if not past:
            return 0.0
        last, freshness = past[-1]
        years = (day - last).days / 365.25
        return freshness * math.exp(-years / self.healing_years)


def draw_histories(
    outlines: list[shapely.Polygon],
    generator: np.random.Generator,
    triggers: tuple[Trigger, ...] = WENCHUAN,
) -> list[Slide]:
    """Draw when each landslide fell, and how fast it grows over.

    Args:
        outlines: of all that ever fall.
        generator: of all draws.
        triggers: in order of time; their shares add up to 1.
    """
    if not math.isclose(sum(trigger.share for trigger in triggers), 1.0, abs_tol=1e-6):
        raise InputError(
            f"the shares of triggers add up to 1; got {[trigger.share for trigger in triggers]}"
        )
    firsts = generator.choice(
        len(triggers), size=len(outlines), p=[trigger.share for trigger in triggers]
    )
    return [
        _history(outline, triggers[first:], generator)
        for outline, first in zip(outlines, firsts, strict=True)
    ]


def landslides_on(slides: Sequence[Slide], day: date) -> list[Landslide]:
    """Return the landslides that can be seen on a day: fallen, and not yet overgrown."""
    seen = ((slide.outline, slide.freshness(day)) for slide in slides)
    return [
        Landslide(outline=outline, freshness=freshness)
        for outline, freshness in seen
        if freshness >= OVERGROWN
    ]


def _history(
    outline: shapely.Polygon, triggers: tuple[Trigger, ...], generator: np.random.Generator
) -> Slide:
    """Draw the history of a landslide that first falls at the first of some triggers."""
    fell = [True] + [bool(generator.random() < trigger.again) for trigger in triggers[1:]]
    bare = generator.uniform(*_FRESHNESS, len(triggers)).tolist()
    spread = math.exp(_HEALING_SPREAD * generator.standard_normal())
    return Slide(
        outline=outline,
        falls=tuple(
            (trigger.day, freshness)
            for trigger, freshness, falls in zip(triggers, bare, fell, strict=True)
            if falls
        ),
        healing_years=_HEALING_YEARS * spread,
    )
