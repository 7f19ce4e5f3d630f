from dataclasses import replace

import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.synthetic.observation import (
    PixelQuality,
    SceneConditions,
    SceneObservation,
    observe,
)

WINDOW = Window(16, 16, 64, 48)


def seen(conditions: SceneConditions) -> SceneObservation:
    """A scene of ground of 0.1 with a bright patch in its middle, which is a cloud."""
    reflectance = np.full((4, 80, 96), 0.1, np.float32)
    reflectance[:, 36:46, 40:50] = 0.5
    quality = np.where(reflectance[0] > 0.3, PixelQuality.CLOUD, 0).astype(np.uint8)
    return observe(reflectance, quality, WINDOW, conditions, np.random.default_rng(0))


def centre(weights: np.ndarray) -> tuple[float, float]:
    row, col = np.indices(weights.shape)
    return float((col * weights).sum() / weights.sum()), float(
        (row * weights).sum() / weights.sum()
    )


def test_a_scene_is_displaced_by_its_shift_and_so_is_its_quality() -> None:
    still, moved = seen(SceneConditions()), seen(SceneConditions(shift_px=(2.25, -1.5)))
    places = [centre(np.maximum(one.stored[1].astype(float) - 1_500, 0)) for one in (still, moved)]
    assert np.subtract(places[1], places[0]) == pytest.approx((2.25, -1.5), abs=0.05)
    assert np.subtract(centre(moved.quality), centre(still.quality)) == pytest.approx(
        (2.25, -1.5), abs=0.6
    )
    np.testing.assert_array_equal(moved.ground_quality, still.quality)


def test_gains_and_offsets_are_those_of_the_band() -> None:
    plain = seen(SceneConditions())
    other = seen(SceneConditions(gains=(1.5, 1, 1, 0.5), offsets=(0, 0.02, 0, 0.01)))
    ground = plain.quality == 0
    ground[16:34, 20:38] = False
    means = [one.stored[:, ground].mean(axis=1) / 10_000 for one in (plain, other)]
    assert means[0] == pytest.approx(0.1, abs=2e-4)
    assert means[1] == pytest.approx([0.15, 0.12, 0.1, 0.06], abs=4e-4)
    assert plain.stored[1, ground].std() == pytest.approx(20, rel=0.1), "0.0012 + 0.8 % of 0.1"


def test_what_is_beyond_the_edge_is_missing() -> None:
    conditions = SceneConditions(missing_fraction=0.25)
    one = seen(conditions)
    outside = one.quality == PixelQuality.OUTSIDE
    np.testing.assert_array_equal((one.stored == 0).all(axis=0), outside)
    assert outside.mean() == pytest.approx(0.25, abs=0.01)
    assert conditions.footprint(WINDOW.shape).area == pytest.approx(0.75 * 64 * 48)
    assert outside[-1].sum() > outside[0].sum(), "the edge leans"
    assert not (seen(SceneConditions()).stored == 0).any()


def test_fractions_are_checked() -> None:
    with pytest.raises(InputError, match=r"from 0 to under 1; got 1\.0 and 0"):
        SceneConditions(cloud_fraction=1.0)
    with pytest.raises(InputError, match=r"got 0\.0 and -0\.1"):
        replace(SceneConditions(), missing_fraction=-0.1)
