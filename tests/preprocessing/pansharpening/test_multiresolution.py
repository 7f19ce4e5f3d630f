import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.multiresolution import (
    PixelAxis,
    degrade,
    extend_into_gaps,
    filter_valid_at,
    interpolate,
    mtf_sigma_px,
    pyramid_kernel,
    upsample,
)


def ramp(shape: tuple[int, int], step: float) -> NDArray[np.float32]:
    """A plane of the pixel centres' coordinates: 3 x + 5 y, in fine pixels from the corner."""
    rows, cols = ((np.arange(side) + 0.5) * step for side in shape)
    return (3 * cols + 5 * rows[:, np.newaxis]).astype(np.float32)


@pytest.mark.parametrize("ratio", [2, 3, 4, 5])
def test_degrading_and_upsampling_keep_positions(ratio: int) -> None:
    fine, coarse = ramp((60 * ratio, 48 * ratio), 1), ramp((60, 48), ratio)
    inner = np.s_[8:-8, 8:-8]
    assert np.allclose(degrade(fine, ratio)[inner], coarse[inner], rtol=1e-5)
    edge = 16 * ratio
    inner = np.s_[edge:-edge, edge:-edge]
    assert np.allclose(upsample(coarse, ratio)[inner], fine[inner], rtol=1e-5)


def test_positions_are_exact_at_a_ratio_that_is_no_integer() -> None:
    ratio = 3.7
    fine, coarse = ramp((370, 222), 1), ramp((100, 60), ratio)
    degraded = degrade(fine, ratio)
    assert degraded.shape == (100, 60)
    assert np.allclose(degraded[8:-8, 8:-8], coarse[8:-8, 8:-8], rtol=1e-5)
    finer = upsample(coarse, ratio)
    assert finer.shape == (370, 222)
    assert np.allclose(finer[60:-60, 60:-60], fine[60:-60, 60:-60], rtol=1e-5)


def test_a_coarse_pixel_weighs_its_block_symmetrically() -> None:
    fine = np.random.default_rng(0).random((64, 48)).astype(np.float32)
    assert np.allclose(degrade(fine[::-1, ::-1], 4), degrade(fine, 4)[::-1, ::-1], atol=1e-6)


@pytest.mark.parametrize("nyquist", [0.15, 0.3])
def test_the_filter_has_the_response_asked_for(nyquist: float) -> None:
    ratio, period = 4, 8  # px: the coarse pixels' Nyquist frequency
    place = np.arange(512) + 0.5
    wave = np.cos(2 * np.pi * (place - ratio / 2) / period).astype(np.float32)
    seen = degrade(np.broadcast_to(wave, (64, 512)).copy(), ratio, nyquist)[8]
    assert np.allclose(np.abs(seen[8:-8]), nyquist, atol=2e-3)


def test_a_degraded_constant_stays_one_up_to_the_edge() -> None:
    assert np.allclose(degrade(np.full((2, 16, 20), 7, np.float32), 4), 7, rtol=1e-6)


def test_sinusoids_are_interpolated_to_their_analytic_values() -> None:
    ratio, period = 4, 6  # coarse px
    coarse = np.sin(2 * np.pi * (np.arange(96) + 0.5) / period)
    fine = np.sin(2 * np.pi * (np.arange(96 * ratio) + 0.5) / ratio / period)
    found = upsample(np.broadcast_to(coarse, (20, 96)).astype(np.float32), ratio)[40]
    spline = np.abs(found - fine)[80:-80].max()
    shifted = np.abs(np.roll(found, 1) - fine)[80:-80].max()
    assert spline < 0.01
    assert shifted > 0.2  # what one pixel's shift would do


def test_interpolation_is_that_of_scipy() -> None:
    coarse = np.random.default_rng(1).random((24, 30)).astype(np.float32)
    rows, cols = (
        PixelAxis(start=3.2, step=0.4, length=31),
        PixelAxis(start=5.05, step=0.3, length=40),
    )
    places = np.meshgrid(rows.centres - 0.5, cols.centres - 0.5, indexing="ij")
    expected = ndimage.map_coordinates(coarse.astype(np.float64), places, order=3, mode="reflect")
    assert np.allclose(interpolate(coarse, rows, cols), expected, atol=2e-6)


def test_interpolated_pixels_pass_through_the_coarse_ones() -> None:
    coarse = np.random.default_rng(2).random((12, 15)).astype(np.float32)
    assert np.allclose(upsample(coarse, 3)[1::3, 1::3], coarse, atol=1e-6)


def test_axes_invert() -> None:
    axis = PixelAxis(start=2.5, step=4, length=10)
    back = axis.inverse(60)
    assert back.start == -0.625
    assert back.step == 0.25
    assert np.allclose(axis.start + axis.step * (back.start + back.step * 7), 7)


def test_the_pyramid_kernel_is_what_degrading_and_interpolating_do_on_average() -> None:
    ratio, kernel = 4, pyramid_kernel(4, 0.3)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert np.array_equal(kernel, kernel[::-1])
    reach, centre = len(kernel) // 2, 64
    responses = []
    for phase in range(ratio):
        point = np.zeros((128, 128), np.float32)
        point[centre + phase] = 1  # a line: one-dimensional
        there_and_back = upsample(degrade(point, ratio, 0.3), ratio)[:, 64]
        responses.append(there_and_back[centre + phase - reach : centre + phase + reach + 1])
    assert np.allclose(np.mean(responses, axis=0), kernel, atol=2e-3)
    assert kernel.max() > 0.1


def test_filtering_a_ramp_beside_a_gap_takes_only_what_is_valid() -> None:
    image = np.full((40, 40), 5, np.float32)
    valid = np.ones((40, 40), np.bool_)
    image[:, :10], valid[:, :10] = 1e6, False
    axes = PixelAxis(step=4, length=10), PixelAxis(step=4, length=10)
    means, share = filter_valid_at(image, valid, axes, mtf_sigma_px(4, 0.3))
    assert np.allclose(means[:, 3:], 5, rtol=1e-5)
    assert np.all(share[:, 0] < 0.1)
    assert np.allclose(share[5, 6:8], 1, atol=1e-3)
    assert share[5, 9] < 0.9  # part of the filter lies outside the image


def test_gaps_take_the_mean_of_their_neighbours() -> None:
    image = np.full((2, 20, 20), 9, np.float32)
    image[1] = np.arange(20)
    valid = np.ones((20, 20), np.bool_)
    valid[:, :5] = False
    image[:, ~valid] = np.nan
    grown = extend_into_gaps(image, valid)
    assert np.isfinite(grown).all()
    assert np.array_equal(grown[:, valid], image[:, valid])
    assert np.all(grown[0] == 9)
    assert np.all(grown[1, :, 4] == 5)
    assert extend_into_gaps(image[:, :, 6:], valid[:, 6:]) is not None


def test_a_gap_does_not_ring_into_the_interpolated_image() -> None:
    image = np.full((1, 24, 24), 100, np.float32)
    valid = np.ones((24, 24), np.bool_)
    valid[:, :8] = False
    image[:, ~valid] = 0
    assert np.allclose(upsample(extend_into_gaps(image, valid), 4)[:, :, 32:], 100, atol=1e-3)


def test_an_image_without_valid_pixels_is_left_finite() -> None:
    grown = extend_into_gaps(np.full((1, 4, 4), np.nan, np.float32), np.zeros((4, 4), np.bool_))
    assert np.array_equal(grown, np.zeros((1, 4, 4)))


@pytest.mark.parametrize(
    ("ratio", "nyquist", "message"),
    [
        (0.5, 0.3, r"ratio of pixel sizes is at least 1; got 0\.5"),
        (4, 0, r"over 0 and below 1; got 0"),
        (4, 1, r"over 0 and below 1; got 1"),
        (float("nan"), 0.3, "ratio of pixel sizes is at least 1; got nan"),
    ],
)
def test_filters_that_cannot_be(ratio: float, nyquist: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mtf_sigma_px(ratio, nyquist)


def test_an_image_smaller_than_a_coarse_pixel_is_refused() -> None:
    with pytest.raises(InputError, match="covers at least 4 px; got 3"):
        degrade(np.zeros((3, 9), np.float32), 4)


def test_axes_that_cannot_be() -> None:
    with pytest.raises(InputError, match=r"got start 0\.0, step 0, length 3"):
        PixelAxis(step=0, length=3)
