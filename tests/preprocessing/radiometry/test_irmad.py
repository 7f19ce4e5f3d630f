"""IR-MAD and the lines on pseudo-invariant pixels, on pixels of which the truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.irmad import (
    detect_alteration,
    normalise,
    orthogonal_regression,
)

GAINS, OFFSETS = np.array([0.66, 0.7, 0.64, 0.68]), np.array([0.01, 0.0, -0.004, 0.006])
COUNT, NOISE = 20_000, 0.003


def two_dates(
    changed_share: float, bands: int = 4, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return a reference and another date (bands, n) of which a share changed, and which."""
    generator = np.random.default_rng(seed)
    brightness = generator.gamma(4, 0.03, COUNT)
    own = generator.normal(0, 0.02, (bands, COUNT))
    ground = 0.05 + np.linspace(0.6, 1.2, bands)[:, None] * brightness + own
    other = (ground - OFFSETS[:bands, None]) / GAINS[:bands, None]
    changed = generator.random(COUNT) < changed_share
    other[:, changed] = generator.uniform(0.02, 0.6, (bands, int(changed.sum())))
    noise = generator.normal(0, NOISE, (2, bands, COUNT))
    return ground + noise[0], other + noise[1], changed


@pytest.mark.parametrize("bands", [1, 2, 4])
def test_lines_are_recovered_though_a_fifth_changed(bands: int) -> None:
    reference, other, changed = two_dates(0.2, bands)
    found = normalise(reference, other, np.random.default_rng(0))
    for line, gain, offset in zip(found.lines, GAINS, OFFSETS, strict=False):
        assert line.gain == pytest.approx(gain, rel=0.015)
        assert line.offset == pytest.approx(offset, abs=0.002)
        # what is left is the noise of both dates, without the tenth that looks most like change
        noise = NOISE * np.hypot(1, gain)
        assert 0.8 * noise < line.rms_after < 1.05 * noise
        assert line.rms_before > 10 * line.rms_after
    assert found.is_plausible
    assert found.detection.unchanged_share == pytest.approx(0.8, abs=0.05)
    assert found.detection.no_change[changed].mean() < 0.06 + 0.1 / bands


def test_no_change_probability_is_even_over_unchanged_pixels() -> None:
    reference, other, changed = two_dates(0.3)
    unchanged = detect_alteration(reference, other).no_change[~changed]
    counts, _ = np.histogram(unchanged, bins=5, range=(0, 1))
    assert counts / counts.sum() == pytest.approx(np.full(5, 0.2), abs=0.02)


def test_most_of_the_ground_changed_is_seen() -> None:
    reference, other, _ = two_dates(0.7)
    found = normalise(reference, other, np.random.default_rng(0))
    assert found.detection.unchanged_share == pytest.approx(0.3, abs=0.04)
    reference, other, _ = two_dates(1.0)
    assert not normalise(reference, other, np.random.default_rng(0)).is_plausible


def test_scale_and_offset_of_an_image_change_nothing() -> None:
    reference, other, _ = two_dates(0.2)
    plain = detect_alteration(reference, other)
    scaled = detect_alteration(reference, 37.0 * other[::-1] - 5)
    assert scaled.no_change == pytest.approx(plain.no_change, abs=1e-3)
    assert scaled.correlations == pytest.approx(plain.correlations, abs=1e-4)


def test_an_image_equals_itself() -> None:
    reference, _, _ = two_dates(0)
    found = normalise(reference, reference, np.random.default_rng(0))
    assert [line.gain for line in found.lines] == pytest.approx([1] * 4)
    assert found.detection.unchanged_share == 1


def test_orthogonal_regression_is_the_principal_axis() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(2, 500))
    y = 0.8 * x + 0.3 * y + 2
    gain, offset = orthogonal_regression(x, y)
    vectors = np.linalg.eigh(np.cov(x, y))[1]
    assert gain == pytest.approx(vectors[1, 1] / vectors[0, 1])
    assert offset == pytest.approx(y.mean() - gain * x.mean())
    assert orthogonal_regression(x, -y) == (1.0, 0.0)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match=r"one shape \(bands, n\)"):
        detect_alteration(np.zeros((2, 50)), np.zeros((3, 50)))
    with pytest.raises(InputError, match="40 pixels are needed to compare 4 bands; got 12"):
        detect_alteration(np.zeros((4, 12)), np.zeros((4, 12)))
