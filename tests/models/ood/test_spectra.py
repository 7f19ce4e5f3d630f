import numpy as np
import pytest

from landslip.models.ood.spectra import PixelMoments, describe


def bands(seed: int, number: int = 2000) -> np.ndarray:
    mixing = np.array([[1.0, 0.2, 0.0], [0.9, 0.3, 0.1], [0.8, 0.0, 0.5]])
    pixels: np.ndarray = mixing @ np.random.default_rng(seed).normal(size=(3, number))
    return (pixels + 0.5).astype(np.float32)


def moments(*parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = PixelMoments(len(parts[0]))
    for part in parts:
        found.add(part)
    return found.mean_and_axes()


def test_pixels_are_evened_out() -> None:
    first, second = bands(0), bands(1, 700)
    mean, axes = moments(first, second)
    whole = np.concatenate([first, second], axis=1).astype(np.float64)
    assert mean == pytest.approx(whole.mean(axis=1))
    assert np.cov(axes @ whole, bias=True) == pytest.approx(np.eye(3), abs=1e-6)


def test_all_training_pixels_together_are_described_as_usual() -> None:
    pixels = bands(0)
    assert describe(pixels, *moments(pixels)) == pytest.approx(np.zeros(6), abs=1e-4)


def test_brighter_and_rougher_tiles_are_told_apart() -> None:
    """Along the axes, a shift by 2 standard deviations, and twice the spread."""
    pixels = bands(0).astype(np.float64)
    mean, axes = moments(bands(0))
    axis = np.linalg.inv(axes)[:, 2]
    brighter = describe(pixels + 2 * axis[:, None], mean, axes)
    assert brighter == pytest.approx([0, 0, 2, 0, 0, 0], abs=1e-3)
    rougher = describe(mean[:, None] + 2 * (pixels - mean[:, None]), mean, axes)
    assert rougher == pytest.approx([0, 0, 0, *[np.log(2)] * 3], abs=1e-3)


def test_how_far_a_tile_s_mean_is_does_not_depend_on_the_bands_units() -> None:
    pixels, other = bands(0), bands(3, 300) + 1
    scale = np.array([[1.0], [3.0], [0.5]], dtype=np.float32)
    plain = describe(other, *moments(pixels))
    scaled = describe(other * scale, *moments(pixels * scale))
    assert np.linalg.norm(plain[:3]) == pytest.approx(np.linalg.norm(scaled[:3]), rel=1e-4)


def test_one_pixel_and_bands_that_repeat_one_another_have_a_description() -> None:
    pixels = bands(0)[[0, 0, 1]]
    mean, axes = moments(pixels)
    assert np.isfinite(axes).all()
    assert np.isfinite(describe(pixels[:, :1], mean, axes)).all()
    unlike = pixels.copy()
    unlike[1] = bands(9)[2]
    assert np.abs(describe(unlike, mean, axes)).max() > 5
