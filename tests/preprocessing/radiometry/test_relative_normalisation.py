"""Which pixels of two images are compared, and which lines between them are believed."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.window import Window
from landslip.preprocessing.radiometry.relative_normalisation import (
    LEAST_PIXELS,
    PixelPairs,
    WindowPair,
    fit_lines,
    sample_pairs,
)


def pairs_of(reference: NDArray[np.float64], other: NDArray[np.float64]) -> PixelPairs:
    return PixelPairs(reference=reference, other=other, seen_share=1.0)


def reflectance(count: int) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    return 0.05 + generator.gamma(4, 0.02, (2, count)) + generator.gamma(4, 0.01, count)


def noisy(values: NDArray[np.float64], sigma: float, seed: int) -> NDArray[np.float64]:
    return values + np.random.default_rng(seed).normal(0, sigma, values.shape)


def test_pixels_that_both_see_are_sampled_and_their_share_is_that_of_the_reference() -> None:
    rows, cols = np.mgrid[:600, :700]
    image = np.stack([rows, cols]).astype(np.float32)

    def read(window: Window) -> WindowPair:
        at = window.slices_in(Window(0, 0, 700, 600))
        return WindowPair(
            reference=image[:, *at],
            reference_seen=cols[at] < 400,
            other=image[:, *at] + 5,
            other_seen=cols[at] >= 300,
        )

    found = sample_pairs(read, Window(100, 50, 500, 550), 2)
    assert found.seen_share == pytest.approx(1 / 3)
    assert found.count == 100 * 550
    assert set(np.unique(found.reference[1])) == set(range(300, 400))
    np.testing.assert_array_equal(found.other, found.reference + 5)
    none = sample_pairs(read, Window(500, 50, 100, 100), 2)
    assert none.count == 0
    assert math.isnan(none.seen_share)


def test_too_few_pixels_fit_no_line() -> None:
    ground = reflectance(LEAST_PIXELS - 1)
    found = fit_lines(pairs_of(ground, 0.7 * ground), is_reflectance=True)
    assert found.accepted is None
    assert found.unchanged_share is None
    assert found.sampled == LEAST_PIXELS - 1


@pytest.mark.parametrize("gain", [0.7, 5.0])
def test_gains_of_reflectance_are_limited_and_those_of_other_units_are_not(gain: float) -> None:
    ground = reflectance(8000)
    reference, other = noisy(gain * ground, 0.002, 1), noisy(ground, 0.002, 2)
    usual = fit_lines(pairs_of(reference, other), is_reflectance=True).accepted
    assert (usual is None) == (gain > 3)
    free = fit_lines(pairs_of(reference, other), is_reflectance=False).accepted
    assert free is not None
    assert [line.gain for line in free.lines] == pytest.approx([gain] * 2, rel=0.02)


def test_errors_in_other_units_do_not_flatten_the_line() -> None:
    """Ordinary regression of numbers from 0 to 255 on reflectance would be 8 % too flat."""
    ground = reflectance(20_000)
    sigma = 0.3 * float(ground.std())
    found = fit_lines(
        pairs_of(noisy(ground, sigma, 1), 500 * noisy(ground, sigma, 2)), is_reflectance=False
    ).accepted
    assert found is not None
    assert [500 * line.gain for line in found.lines] == pytest.approx([1, 1], rel=0.03)


def test_most_of_the_ground_changed_is_told() -> None:
    ground = reflectance(20_000)
    other = noisy(ground, 0.002, 1)
    other[:, :13_000] = reflectance(20_000)[:, ::-1][:, :13_000] * 1.7
    found = fit_lines(pairs_of(noisy(ground, 0.002, 2), other), is_reflectance=True)
    assert found.is_mostly_changed
    assert found.unchanged_share == pytest.approx(0.35, abs=0.1)
