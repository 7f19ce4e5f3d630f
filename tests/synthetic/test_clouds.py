import numpy as np
import pytest

from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.clouds import CLOUD, Clouds, draw_clouds

SUN = SunPosition(zenith_deg=45.0, azimuth_deg=90.0, distance_au=1.0)


def test_clouds_cover_a_fraction_and_their_shadows_fall_away_from_the_sun() -> None:
    clouds = draw_clouds((256, 512), 0.3, 2.0, SUN, np.random.default_rng(0))
    assert (clouds.opacity > 0.5).mean() == pytest.approx(0.3, abs=0.01)
    # the sun is in the east at 45 degrees: shadows are 350 to 800 m to the west
    differences = [
        float(np.abs(np.roll(clouds.opacity, -by, axis=1) - clouds.shadow).max())
        for by in range(175, 401)
    ]
    assert min(differences) == 0


def test_clouds_hide_the_ground_and_shadows_darken_it() -> None:
    one, none = np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)
    ground = np.full((4, 2, 2), 0.1, np.float32)
    hidden = Clouds(opacity=one, shadow=none, texture=none).cover(ground)
    np.testing.assert_allclose(hidden[:, 0, 0], CLOUD, rtol=1e-6)
    dark = Clouds(opacity=none, shadow=one, texture=none).cover(ground)
    assert (dark < 0.06).all()
    assert dark[0, 0, 0] > dark[3, 0, 0], "the sky lights shadows blue"
