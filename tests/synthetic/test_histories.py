from datetime import date

import numpy as np
import pytest
import shapely

from landslip.core.errors import InputError
from landslip.synthetic.histories import (
    OVERGROWN,
    WENCHUAN,
    LandslideHistory,
    SlopeFailure,
    TriggerEvent,
    draw_histories,
    landslide_state,
    visible_landslides,
)

BOX = shapely.box(0, 0, 10, 10)


def slide(*falls: tuple[date, float], healing_years: float = 4.0) -> LandslideHistory:
    failures = tuple(SlopeFailure(day=day, outline=BOX, freshness=bare) for day, bare in falls)
    return LandslideHistory(failures=failures, healing_years=healing_years)


def test_a_landslide_is_not_there_before_it_fell() -> None:
    one = slide((date(2014, 7, 22), 0.9))
    assert one.freshness(date(2014, 7, 21)) == 0
    assert one.freshness(date(2014, 7, 22)) == 0.9


def test_it_grows_over_and_falls_again() -> None:
    one = slide((date(2008, 5, 12), 1.0), (date(2014, 5, 12), 0.8))
    assert one.freshness(date(2012, 5, 12)) == pytest.approx(np.exp(-1), rel=1e-3)
    assert one.freshness(date(2014, 5, 11)) < OVERGROWN
    assert one.freshness(date(2014, 5, 12)) == 0.8


def test_only_bare_landslides_are_seen() -> None:
    slides = [
        slide((date(2008, 5, 12), 1.0), healing_years=2.0),
        slide((date(2013, 7, 10), 1.0)),
        slide((date(2015, 6, 28), 1.0)),
    ]
    seen = visible_landslides(slides, date(2013, 8, 12))
    assert [round(one.freshness, 2) for one in seen] == [0.98]


def test_all_kinds_of_histories_are_drawn() -> None:
    """Over three dates some appear, some vanish, some stay, and some come back."""
    slides = draw_histories([BOX] * 600, np.random.default_rng(0))
    dates = (date(2013, 8, 12), date(2014, 10, 2), date(2015, 8, 5))
    seen = np.array([[one.freshness(day) >= OVERGROWN for day in dates] for one in slides])
    patterns = {tuple(map(bool, row)) for row in seen}
    assert len(patterns - {(False, True, False)}) == 7
    first = np.array([one.failures[0].day == WENCHUAN[0].day for one in slides])
    assert first.mean() == pytest.approx(WENCHUAN[0].fraction, abs=0.06)
    again = np.array([len(one.failures) > 1 for one in slides])
    assert again[first].mean() == pytest.approx(1 - 0.92 * 0.94 * 0.94, abs=0.06)


def test_triggers_state_what_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"fractions of triggers must add up to 1; got \[0\.4\]"):
        draw_histories(
            [], np.random.default_rng(0), (TriggerEvent(day=date(2008, 5, 12), fraction=0.4),)
        )
    with pytest.raises(InputError, match=r"be between 0 and 1; got 1\.2 and 0"):
        TriggerEvent(day=date(2008, 5, 12), fraction=1.2)


def failure(day: date, outline: shapely.Polygon, freshness: float = 1.0) -> SlopeFailure:
    return SlopeFailure(day=day, outline=outline, freshness=freshness)


def test_the_part_that_failed_last_is_the_barest() -> None:
    again = shapely.box(0, 0, 10, 4)
    one = LandslideHistory(
        failures=(failure(date(2010, 1, 1), BOX), failure(date(2014, 1, 1), again, 0.9)),
        healing_years=2.0,
    )
    old, new = one.parts_on(date(2014, 1, 1))
    assert (old.outline.area, new.outline.area) == (60, 40)
    assert old.freshness == pytest.approx(np.exp(-2), rel=1e-3)
    assert (new.freshness, one.freshness(date(2014, 1, 1))) == (0.9, 0.9)
    assert one.outline_on(date(2014, 1, 1)).equals(again), "what is overgrown is not shown"
    assert one.outline_on(date(2013, 1, 1)).equals(BOX), "of a recovered one all is"
    assert one.parts_on(date(2009, 1, 1)) == []
    assert one.outline_on(date(2009, 1, 1)).equals(BOX)


def test_edges_grow_over_first() -> None:
    one = LandslideHistory(
        failures=(failure(date(2010, 1, 1), BOX),), healing_years=5.0, edge_px=2.0
    )
    middle, edge = sorted(one.parts_on(date(2015, 1, 1)), key=lambda part: part.outline.area)
    assert (middle.outline.area, edge.outline.area) == (36, 64)
    assert middle.freshness == pytest.approx(np.exp(-1), rel=1e-3)
    assert edge.freshness == pytest.approx(np.exp(-1 / 0.6), rel=1e-3)
    assert one.outline_on(date(2011, 1, 1)).area == pytest.approx(100)
    assert one.outline_on(date(2015, 1, 1)).area == 36


def test_events_are_named_by_what_is_outside_the_scar() -> None:
    one = LandslideHistory(
        failures=(
            failure(date(2010, 1, 1), BOX),
            failure(date(2012, 1, 1), shapely.box(2, 2, 6, 6)),
            failure(date(2014, 1, 1), shapely.box(0, 0, 10, 12)),
        ),
        healing_years=5.0,
    )
    days = [date(year, 6, 1) for year in (2009, 2010, 2011, 2012, 2014)]
    events = [one.event_between(*pair) for pair in zip([None, *days], days, strict=False)]
    assert events == ["none", "new", "none", "reactivated", "enlarged"]
    assert one.event_between(None, days[-1]) == "new"


@pytest.mark.parametrize(
    ("freshness", "state"),
    [(0.0, "vegetated"), (0.1, "recovered"), (0.3, "recovering"), (0.6, "fresh"), (1.0, "fresh")],
)
def test_states_by_freshness(freshness: float, state: str) -> None:
    assert landslide_state(freshness) == state
