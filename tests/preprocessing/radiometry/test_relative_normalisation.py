import numpy as np
import pytest

from landslip.preprocessing.radiometry.relative_normalisation import relative_gains


def test_a_known_gain_is_found_under_a_third_of_changed_pixels() -> None:
    generator = np.random.default_rng(0)
    image = generator.gamma(4, 0.02, (3, 6000))
    gain, offset = np.array([0.7, 1.0, 1.4]), np.array([0.02, -0.01, 0.0])
    reference = gain[:, None] * image + offset[:, None] + generator.normal(0, 1e-3, image.shape)
    reference[:, :2000] = generator.uniform(0.2, 0.4, (3, 2000))  # bare ground
    found = relative_gains(image, reference)
    assert found[0] == pytest.approx(gain, rel=0.02)
    assert found[1] == pytest.approx(offset, abs=2e-3)
