"""Scales and ticks."""

import numpy as np
import pytest

from landslip.reporting.inventory.axes import Axes, Scale, decades, nice_top, steps, tick_text


def test_steps_are_round_and_within() -> None:
    assert steps(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert steps(3.0, 97.0) == [20.0, 40.0, 60.0, 80.0]
    assert steps(-0.3, 0.3) == [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]


def test_decades_are_thinned_where_there_are_many() -> None:
    assert decades(20.0, 3e4) == [100.0, 1000.0, 10_000.0]
    assert decades(700.0, 3e4) == [1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0]
    assert decades(1e-12, 1e3) == pytest.approx([1e-12, 1e-9, 1e-6, 1e-3, 1.0, 1e3])


@pytest.mark.parametrize(("value", "top"), [(0.0, 1.0), (1.0, 1.0), (9.7, 10.0), (101.0, 150.0)])
def test_an_axis_ends_at_a_round_value(value: float, top: float) -> None:
    assert nice_top(value) == pytest.approx(top)


def test_counts_have_no_ticks_between_whole_numbers() -> None:
    scale = Scale(low=0, high=2, start_px=0, end_px=10, is_count=True)
    assert scale.ticks() == [0.0, 1.0, 2.0]


def test_a_logarithmic_scale_puts_equal_factors_equally_far_apart() -> None:
    scale = Scale(low=10, high=1000, start_px=100, end_px=300, is_log=True)
    assert [scale(10), scale(100), scale(1000)] == pytest.approx([100, 200, 300])


def test_powers_of_ten_are_written_as_such() -> None:
    scale = Scale(low=1e-9, high=1, start_px=0, end_px=1, is_log=True)
    assert tick_text(1e-7, scale) == "10⁻⁷"
    assert tick_text(2e-7, scale) == "2·10⁻⁷"
    assert tick_text(10.0, scale) == "10"


def test_a_curve_is_drawn_only_where_it_lies_in_the_frame() -> None:
    axes = Axes(
        x=Scale(low=0, high=10, start_px=0, end_px=100),
        y=Scale(low=0, high=5, start_px=50, end_px=0),
    )
    points = axes.curve(lambda values: values, 0.0, 10.0)
    assert points[:, 0].max() == pytest.approx(50, abs=0.6)
    assert points[:, 1] == pytest.approx(50 - points[:, 0])
    assert axes.curve(lambda values: values + np.nan, 0.0, 10.0).shape == (0, 2)
