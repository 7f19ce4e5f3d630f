import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.full_scale import FullScaleImages, full_scale_quality
from landslip.preprocessing.pansharpening.quality import uqi

GENERATOR = np.random.default_rng(5)
MS = GENERATOR.uniform(100, 500, (3, 32, 24))
PAN_COARSE = MS.mean(axis=0) + GENERATOR.normal(0, 30, (32, 24))
FUSED, PAN = np.kron(MS, np.ones((4, 4))), np.kron(PAN_COARSE, np.ones((4, 4)))


def test_blocks_of_the_same_ground_and_numbers_are_perfect() -> None:
    images = FullScaleImages(fused=FUSED, pan=PAN, ms=MS, pan_coarse=PAN_COARSE)
    found = full_scale_quality(images)
    assert found is not None
    assert found.as_dict() == pytest.approx({"d_lambda": 0, "d_s": 0, "qnr": 1}, abs=1e-12)


def test_distortions_by_the_formula() -> None:
    fused = FUSED + GENERATOR.normal(0, 80, FUSED.shape)
    found = full_scale_quality(FullScaleImages(fused=fused, pan=PAN, ms=MS, pan_coarse=PAN_COARSE))
    assert found is not None
    pairs = [(0, 1), (0, 2), (1, 2)]
    spectral = [
        abs((uqi(fused[i], fused[j]) or 0) - (uqi(MS[i], MS[j], block_px=8) or 0)) for i, j in pairs
    ]
    spatial = [
        abs((uqi(fused[i], PAN) or 0) - (uqi(MS[i], PAN_COARSE, block_px=8) or 0)) for i in range(3)
    ]
    assert found.d_lambda == pytest.approx(np.mean(spectral))
    assert found.d_s == pytest.approx(np.mean(spatial))
    assert found.d_s > 0.05
    assert found.qnr == pytest.approx((1 - np.mean(spectral)) * (1 - np.mean(spatial)))


def test_one_band_has_no_spectral_distortion() -> None:
    images = FullScaleImages(fused=FUSED[:1], pan=PAN, ms=MS[:1], pan_coarse=PAN_COARSE)
    found = full_scale_quality(images)
    assert found is not None
    assert found.d_lambda == 0


def test_nothing_valid_is_undefined() -> None:
    nothing = np.zeros(PAN.shape, np.bool_)
    images = FullScaleImages(fused=FUSED, pan=PAN, ms=MS, pan_coarse=PAN_COARSE, valid=nothing)
    assert full_scale_quality(images) is None


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"got \(2, 128, 96\) on \(128, 96\) and \(3, 32, 24\)"):
        FullScaleImages(fused=FUSED[:2], pan=PAN, ms=MS, pan_coarse=PAN_COARSE)
