"""When slopes of the synthetic terrain failed, and how they grow over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from landslip.core.choices import LandslideState
from landslip.core.errors import InputError
from landslip.core.geometries import polygonal_part
from landslip.synthetic.landslides import Landslide, Outline

FRESH, OVERGROWN = 0.6, 0.3
_INITIAL_FRESHNESS = (0.8, 1.0)
_HEALING_YEARS, _HEALING_SPREAD = 6.5, 0.5
_EDGE_HEALING = 0.6
_GROWTH = 1.1
_LEAST_PART_PX = 1.0
_GRID_PX = 2.0**-10  # map coordinates of it are exact, so that valid polygons stay valid


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEvent:
    """A day on which slopes failed: an earthquake or a rainstorm.

    ``fraction`` of all landslides failed on it for the first time, ``repeat_fraction`` of those
    that had failed earlier failed again.
    """

    day: date
    fraction: float
    repeat_fraction: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.fraction <= 1 and 0 <= self.repeat_fraction <= 1):
            raise InputError(
                "fractions of a trigger must be between 0 and 1; got "
                f"{self.fraction} and {self.repeat_fraction}"
            )


WENCHUAN = (
    TriggerEvent(day=date(2008, 5, 12), fraction=0.58),
    TriggerEvent(day=date(2013, 7, 10), fraction=0.18, repeat_fraction=0.08),
    TriggerEvent(day=date(2014, 7, 22), fraction=0.12, repeat_fraction=0.06),
    TriggerEvent(day=date(2015, 6, 28), fraction=0.12, repeat_fraction=0.06),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeFailure:
    """What failed on a day, in pixels (x, y), and how bare it was then."""

    day: date
    outline: Outline
    freshness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideHistory:
    """A landslide that failed on some days, in order of time.

    Bareness falls to 37 percent in ``healing_years``, and along the edge, ``edge_px`` wide, in 60
    percent of that time.
    """

    failures: tuple[SlopeFailure, ...]
    healing_years: float
    edge_px: float = 0.0

    def parts_on(self, day: date) -> list[Landslide]:
        """Return the parts that do not overlap, each as its last failure left it; none before."""
        parts = []
        later: BaseGeometry = shapely.Polygon()
        for failure in reversed([one for one in self.failures if one.day <= day]):
            years = (day - failure.day).days / 365.25
            for zone, healing_years in self._zones(failure.outline):
                left = zone if later.is_empty else _polygons(zone.difference(later))
                if left.area >= _LEAST_PART_PX:
                    freshness = failure.freshness * math.exp(-years / healing_years)
                    parts.append(Landslide(outline=left, freshness=freshness))
            later = later.union(failure.outline)
        return parts[::-1]

    def freshness(self, day: date) -> float:
        """Return how bare its barest part is: 1 is bare debris, 0 not yet failed."""
        return max((part.freshness for part in self.parts_on(day)), default=0.0)

    def outline_on(self, day: date) -> Outline:
        """Return what is not overgrown; where nothing is, all that failed or will fail first."""
        return self.outline_of(self.parts_on(day))

    def outline_of(self, parts: list[Landslide]) -> Outline:
        """Return the same of the parts of a day."""
        bare = [part.outline for part in parts if part.freshness >= OVERGROWN]
        shown = bare or [part.outline for part in parts] or [self.failures[0].outline]
        if len(shown) == 1 and self.edge_px == 0:
            return shown[0]
        return _polygons(shapely.union_all(shown, grid_size=_GRID_PX))

    def event_between(self, before: date | None, day: date) -> str:
        """Return what happened after one day until another: new, enlarged, reactivated or none."""
        earlier = [one for one in self.failures if before is not None and one.day <= before]
        since = [one for one in self.failures[len(earlier) :] if one.day <= day]
        if not since:
            return "none"
        if not earlier:
            return "new"
        scar = shapely.union_all([one.outline for one in earlier])
        grown = shapely.union_all([scar, *(one.outline for one in since)])
        return "enlarged" if grown.area > _GROWTH * scar.area else "reactivated"

    def _zones(self, outline: Outline) -> list[tuple[Outline, float]]:
        """Return the middle and the edge of a failure, with their healing years."""
        middle = _polygons(outline.buffer(-self.edge_px))
        if self.edge_px == 0 or middle.is_empty:
            return [(outline, self.healing_years)]
        edge = _polygons(outline.difference(middle))
        return [(middle, self.healing_years), (edge, _EDGE_HEALING * self.healing_years)]


def landslide_state(freshness: float) -> LandslideState:
    """Return the state by freshness; that of 0 is vegetated."""
    if freshness <= 0:
        return LandslideState.VEGETATED
    if freshness >= FRESH:
        return LandslideState.FRESH
    return LandslideState.RECOVERING if freshness >= OVERGROWN else LandslideState.RECOVERED


def draw_histories(
    outlines: list[Outline],
    generator: np.random.Generator,
    triggers: tuple[TriggerEvent, ...] = WENCHUAN,
) -> list[LandslideHistory]:
    """Draw when each landslide failed, each time as a whole, and how it grows over.

    The fractions of triggers must add up to 1.
    """
    fractions = trigger_fractions(triggers)
    histories = []
    firsts = generator.choice(len(triggers), size=len(outlines), p=fractions)
    for outline, first in zip(outlines, firsts, strict=True):
        days = triggers[first:]
        repeats = [generator.random() < trigger.repeat_fraction for trigger in days[1:]]
        bare = generator.uniform(*_INITIAL_FRESHNESS, len(days)).tolist()
        spread = math.exp(_HEALING_SPREAD * generator.standard_normal())
        failed = zip(days, bare, [True, *repeats], strict=True)
        failures = tuple(
            SlopeFailure(day=trigger.day, outline=outline, freshness=fresh)
            for trigger, fresh, fails in failed
            if fails
        )
        histories.append(LandslideHistory(failures=failures, healing_years=_HEALING_YEARS * spread))
    return histories


def trigger_fractions(triggers: tuple[TriggerEvent, ...]) -> list[float]:
    """Return the fractions of triggers, which must add up to 1."""
    fractions = [trigger.fraction for trigger in triggers]
    if not math.isclose(sum(fractions), 1.0, abs_tol=1e-6):
        raise InputError(f"the fractions of triggers must add up to 1; got {fractions}")
    return fractions


def visible_landslides(histories: Sequence[LandslideHistory], day: date) -> list[Landslide]:
    """Return the landslides that can be seen on a day: failed, and not yet overgrown."""
    landslides = (
        Landslide(outline=one.outline_on(day), freshness=one.freshness(day)) for one in histories
    )
    return [one for one in landslides if one.freshness >= OVERGROWN]


def _polygons(geometry: BaseGeometry) -> Outline:
    """Return the polygons of a geometry; none is an empty polygon."""
    part = polygonal_part(geometry)
    return part if isinstance(part, Outline) else shapely.Polygon()
