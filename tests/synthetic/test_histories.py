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
