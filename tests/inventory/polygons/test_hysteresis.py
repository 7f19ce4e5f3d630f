import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.models import calibrated_card, make_card

from landslip.inventory.polygons.hysteresis import upper_threshold
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.card import ModelCard, ObjectsCard


def areas(by_level: dict[int, int]) -> NDArray[np.int64]:
    area = np.zeros(251, dtype=np.int64)
    for level, px in by_level.items():
        area[level] = px
    return area


def card_of(peak: float | None, threshold: float = 0.5) -> ModelCard:
    maxima = None if peak is None else (peak / 2, peak, 1.0)
    objects = ObjectsCard(label_objects=0, label_px=None, right_objects=9, right_maxima=maxima)
    return make_card().model_copy(update={"threshold": threshold, "objects": objects})


def test_midway_to_what_right_landslides_reach() -> None:
    found = upper_threshold(0.5, areas({150: 80, 225: 20}), card_of(0.9))
    assert (found.high, found.expected) == (0.7, 0.7)
    assert not found.is_lowered


def test_midway_from_another_lower_threshold() -> None:
    assert upper_threshold(0.3, areas({225: 20}), card_of(0.9)).high == pytest.approx(0.6)
    assert upper_threshold(0.95, areas({240: 20}), card_of(0.9)).high == 0.95


def test_one_bright_pixel_is_not_what_the_map_holds() -> None:
    area = areas({90: 991, 100: 1000, 200: 1})
    found = upper_threshold(0.3, area, card_of(0.98, threshold=0.3))
    assert found.expected == pytest.approx(0.64)
    assert found.high == pytest.approx((0.3 + 0.4) / 2)
    assert found.is_lowered


@pytest.mark.parametrize("card", [None, make_card(), card_of(None)])
def test_of_an_unknown_model_the_map_says_it(card: ModelCard | None) -> None:
    found = upper_threshold(0.275, areas({70: 10, 90: 990}), card)
    assert found.high == pytest.approx((0.275 + 0.36) / 2)
    assert found.expected is None


@pytest.mark.parametrize("peak", [None, 0.2, 0.5, 0.98])
def test_a_map_of_one_value_keeps_its_landslides(peak: float | None) -> None:
    assert upper_threshold(0.5, areas({125: 7}), card_of(peak)).high == 0.5


def test_without_regions_the_threshold_is_the_models() -> None:
    assert upper_threshold(0.5, areas({}), card_of(0.9)).high == 0.7
    assert upper_threshold(0.5, areas({}), None).high == 0.75


@pytest.mark.parametrize("peak", [None, 0.9])
def test_calibration_does_not_move_it(peak: float | None) -> None:
    curve = CalibrationCurve(
        knots=((-2.0, -4.0), (0.5, -1.0), (2.0, 0.5)), slope_below=0.7, slope_above=1.3
    )
    card = card_of(peak, threshold=0.3)
    after = calibrated_card(card, curve)
    table = after.level_table
    assert table is not None
    levels = {110: 40, 150: 60}
    calibrated = areas({int(table[level]): px for level, px in levels.items()})

    high = upper_threshold(0.3, areas(levels), card).high
    found = upper_threshold(after.calibrated_threshold, calibrated, after).high

    assert round(found * 250) == table[int(np.ceil(high * 250))]
    assert after.calibrated_threshold < found
