import numpy as np
import pytest

from landslip.synthetic.landscape.light import SKY, Sun, cast_shadow, illumination


def test_slopes_towards_the_sun_are_brighter() -> None:
    row, col = np.indices((80, 80)).astype(np.float32)
    sun = Sun(azimuth_deg=90.0, elevation_deg=45.0)
    to_east, to_west = (illumination(side * 0.5 * col, 1.0, sun)[40, 40] for side in (-1, 1))
    level = illumination(0 * row, 1.0, sun)[40, 40]
    assert level == pytest.approx(1)
    # cosines of the angle of incidence: (1 +- 0.5) / sqrt(1 + 0.5^2), over that of level ground
    direct = np.array([(east - SKY) / (1 - SKY) for east in (to_east, to_west)])
    np.testing.assert_allclose(direct, np.array([1.5, 0.5]) / np.sqrt(1.25), atol=0.01)


def test_a_wall_casts_a_shadow_as_long_as_the_sun_is_low() -> None:
    height = np.zeros((120, 200), dtype=np.float32)
    height[:, 100:116] = 40
    shadow = cast_shadow(height, 1.0, Sun(azimuth_deg=90.0, elevation_deg=30.0))
    length_m = 40 / np.tan(np.radians(30))
    assert (shadow[60, :100] > 0.5).sum() == pytest.approx(length_m, abs=6)
    assert (shadow[60, 116:] == 0).all()
