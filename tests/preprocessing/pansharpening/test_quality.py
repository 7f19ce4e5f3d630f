from dataclasses import asdict

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.choices import PansharpeningMethod
from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.fusion import FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair, join_samples
from landslip.preprocessing.pansharpening.multiresolution import PixelAxis, degrade, upsample
from landslip.preprocessing.pansharpening.quality import (
    as_numbers,
    conjugate,
    ergas,
    full_scale_quality,
    modulus_squared,
    product,
    q2n,
    reduce_scale,
    reference_quality,
    sam_deg,
    uqi,
    valid_blocks,
    wald_quality,
)

from .conftest import KnownScene

GENERATOR = np.random.default_rng(3)
IMAGE: NDArray[np.float64] = GENERATOR.uniform(100, 500, (4, 64, 96))
NOISY = IMAGE + GENERATOR.normal(0, 60, IMAGE.shape)


def test_identity_is_perfect() -> None:
    found = reference_quality(IMAGE, IMAGE, 4)
    assert found.pixels == 64 * 96
    assert found.ergas == 0
    assert found.sam_deg == pytest.approx(0, abs=1e-12)
    assert found.q2n == pytest.approx(1, abs=1e-12)
    assert found.rmse == pytest.approx((0, 0, 0, 0), abs=1e-12)
    assert found.correlation == pytest.approx((1, 1, 1, 1))


def test_ergas_by_hand() -> None:
    """RMSE 2 over mean 10 and 3 over 30: 100 / 4 * sqrt((0.04 + 0.01) / 2)."""
    reference = np.array([[10.0, 10.0], [30.0, 30.0]])
    fused = reference + np.array([[2.0, -2.0], [3.0, -3.0]])
    assert ergas(fused, reference, 4) == pytest.approx(25 * 0.025**0.5)
    assert ergas(fused, reference * np.array([[1], [0]]), 4) is None


def test_sam_by_hand() -> None:
    """Right angle, 45 degrees and none; a black pixel has no direction."""
    reference = np.array([[1.0, 1.0, 2.0, 0.0], [0.0, 0.0, 2.0, 0.0]])
    fused = np.array([[0.0, 3.0, 7.0, 1.0], [5.0, 3.0, 7.0, 1.0]])
    assert sam_deg(fused, reference) == pytest.approx((90 + 45 + 0) / 3)
    assert sam_deg(np.zeros((2, 5)), np.ones((2, 5))) is None


def test_sam_does_not_see_brightness() -> None:
    factor = GENERATOR.uniform(0.2, 5, IMAGE.shape[1:])
    assert sam_deg(IMAGE * factor, IMAGE) == pytest.approx(0, abs=1e-5)
    small = IMAGE.copy()
    small[0] += 1e-5 * IMAGE[0]
    found = sam_deg(small, IMAGE)
    assert found is not None
    assert 0 < found < 1e-3


def test_uqi_of_a_published_formula_by_hand() -> None:
    """x = 1, 3 and y = 2, 6: means 2, 4, variances 1, 4, covariance 2."""
    one, other = np.array([[1.0, 3.0], [1.0, 3.0]]), np.array([[2.0, 6.0], [2.0, 6.0]])
    assert uqi(one, other, block_px=2) == pytest.approx(4 * 2 * 2 * 4 / ((1 + 4) * (4 + 16)))
    assert uqi(one, -other, block_px=2) == pytest.approx(0.64)
    assert uqi(one, 8 - other, block_px=2) == pytest.approx(-0.64)


def test_q2n_of_one_band_is_the_magnitude_of_uqi() -> None:
    one, other = IMAGE[0], NOISY[0]
    assert q2n(one[np.newaxis], other[np.newaxis]) == pytest.approx(uqi(one, other))


def test_q2n_of_two_bands_is_that_of_complex_numbers() -> None:
    z1, z2 = (image[0, :32, :32] + 1j * image[1, :32, :32] for image in (IMAGE, NOISY))
    covariance = np.mean((z1 - z1.mean()) * np.conj(z2 - z2.mean()))
    spread = np.var(z1) + np.var(z2)
    level = 2 * abs(z1.mean()) * abs(z2.mean()) / (abs(z1.mean()) ** 2 + abs(z2.mean()) ** 2)
    expected = 2 * abs(covariance) / spread * level
    assert q2n(IMAGE[:2, :32, :32], NOISY[:2, :32, :32]) == pytest.approx(expected)


def test_q2n_falls_with_noise_gain_and_offset() -> None:
    found = q2n(NOISY, IMAGE)
    assert found is not None
    assert 0.5 < found < 0.95
    # of z and 2 z: 2 * 2 / (1 + 4), for contrast and level alike
    assert q2n(2 * IMAGE, IMAGE) == pytest.approx(0.8**2)
    assert q2n(NOISY, IMAGE) == pytest.approx(q2n(IMAGE, NOISY))


def test_q2n_sees_bands_exchanged() -> None:
    found = q2n(NOISY[[1, 0, 2, 3]], IMAGE)
    kept = q2n(NOISY, IMAGE)
    assert found is not None
    assert kept is not None
    assert found < 0.8 * kept


def test_constant_blocks_are_judged_by_level_alone() -> None:
    assert q2n(np.full((4, 32, 32), 20.0), np.full((4, 32, 32), 10.0)) == pytest.approx(0.8)
    assert q2n(np.zeros((4, 32, 32)), np.zeros((4, 32, 32))) == 1
    assert uqi(np.full((32, 32), 10.0), np.full((32, 32), 20.0)) == pytest.approx(0.8)


def test_blocks_are_whole_and_valid() -> None:
    image = np.arange(2 * 70 * 100, dtype=np.float64).reshape(2, 70, 100)
    valid = np.ones((70, 100), np.bool_)
    assert valid_blocks(image, 32).shape == (2, 2 * 3, 32 * 32)
    valid[40, 40] = False
    blocks = valid_blocks(image, 32, valid)
    assert blocks.shape == (2, 5, 32 * 32)
    assert np.array_equal(blocks[1, 3], image[1, 32:64, :32].ravel())
    assert np.array_equal(blocks[1, 4], image[1, 32:64, 64:96].ravel())


def test_what_is_not_valid_does_not_count() -> None:
    valid = np.ones(IMAGE.shape[1:], np.bool_)
    valid[:32] = False
    spoilt = NOISY.copy()
    spoilt[:, :32] = np.nan
    expected = reference_quality(NOISY[:, 32:], IMAGE[:, 32:], 4)
    assert reference_quality(spoilt, IMAGE, 4, valid) == expected


def test_scores_by_band() -> None:
    found = reference_quality(NOISY, IMAGE, 4)
    assert found.rmse is not None
    assert found.correlation is not None
    for at in range(4):
        expected = np.corrcoef(NOISY[at].ravel(), IMAGE[at].ravel())[0, 1]
        assert found.correlation[at] == pytest.approx(expected)
        assert found.rmse[at] == pytest.approx(np.sqrt(np.mean((NOISY[at] - IMAGE[at]) ** 2)))


def test_nothing_valid_leaves_scores_undefined() -> None:
    found = reference_quality(NOISY, IMAGE, 4, np.zeros(IMAGE.shape[1:], np.bool_))
    assert asdict(found) == {
        "pixels": 0, "ergas": None, "sam_deg": None, "q2n": None, "rmse": None, "correlation": None,
    }  # fmt: skip


def test_a_constant_band_has_no_correlation() -> None:
    constant = np.full((1, 40, 40), 5.0)
    assert reference_quality(constant, IMAGE[:1, :40, :40], 4).correlation == (None,)


def test_images_of_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"one shape .* got \(3, 64, 96\) and \(4, 64, 96\)"):
        reference_quality(IMAGE[:3], IMAGE, 4)


def unit(at: int) -> NDArray[np.float64]:
    number = np.zeros(4)
    number[at] = 1
    return number


def test_two_parts_are_complex_numbers() -> None:
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(2, 2, 50))
    expected = (left[0] + 1j * left[1]) * (right[0] + 1j * right[1])
    assert np.allclose(product(left, right), [expected.real, expected.imag])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [(1, 2, unit(3)), (2, 3, unit(1)), (3, 1, unit(2)), (2, 1, -unit(3)), (1, 1, -unit(0))],
    ids=["ij=k", "jk=i", "ki=j", "ji=-k", "ii=-1"],
)
def test_four_parts_are_hamiltons(left: int, right: int, expected: NDArray[np.float64]) -> None:
    assert np.array_equal(product(unit(left), unit(right)), expected)


@pytest.mark.parametrize("parts", [1, 2, 4, 8])
def test_moduli_multiply_up_to_octonions(parts: int) -> None:
    left, right = np.random.default_rng(1).normal(size=(2, parts, 30))
    whole = modulus_squared(product(left, right))
    assert np.allclose(whole, modulus_squared(left) * modulus_squared(right))


@pytest.mark.parametrize("parts", [1, 2, 4, 8, 16])
def test_a_number_times_its_conjugate_is_its_squared_modulus(parts: int) -> None:
    number = np.random.default_rng(2).normal(size=(parts, 30))
    whole = product(number, conjugate(number))
    assert np.allclose(whole[0], modulus_squared(number))
    assert np.allclose(whole[1:], 0)


@pytest.mark.parametrize(("bands", "parts"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_bands_are_filled_up_to_a_power_of_two(bands: int, parts: int) -> None:
    numbers = as_numbers(np.ones((bands, 3)))
    assert numbers.shape == (parts, 3)
    assert numbers.sum() == 3 * bands


FULL_SCALE_GENERATOR = np.random.default_rng(5)
MS = FULL_SCALE_GENERATOR.uniform(100, 500, (3, 32, 24))
PAN_COARSE = MS.mean(axis=0) + FULL_SCALE_GENERATOR.normal(0, 30, (32, 24))
FUSED, PAN = np.kron(MS, np.ones((4, 4))), np.kron(PAN_COARSE, np.ones((4, 4)))


def test_blocks_of_the_same_ground_and_numbers_are_perfect() -> None:
    found = full_scale_quality(fused=FUSED, pan=PAN, ms=MS, pan_coarse=PAN_COARSE)
    assert found is not None
    assert found.as_dict() == pytest.approx({"d_lambda": 0, "d_s": 0, "qnr": 1}, abs=1e-12)


def test_distortions_by_the_formula() -> None:
    fused = FUSED + FULL_SCALE_GENERATOR.normal(0, 80, FUSED.shape)
    found = full_scale_quality(fused=fused, pan=PAN, ms=MS, pan_coarse=PAN_COARSE)
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
    found = full_scale_quality(fused=FUSED[:1], pan=PAN, ms=MS[:1], pan_coarse=PAN_COARSE)
    assert found is not None
    assert found.d_lambda == 0


def test_nothing_valid_is_undefined() -> None:
    nothing = np.zeros(PAN.shape, np.bool_)
    quality = full_scale_quality(fused=FUSED, pan=PAN, ms=MS, pan_coarse=PAN_COARSE, valid=nothing)
    assert quality is None


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"got \(2, 128, 96\) on \(128, 96\) and \(3, 32, 24\)"):
        full_scale_quality(fused=FUSED[:2], pan=PAN, ms=MS, pan_coarse=PAN_COARSE)


SETTINGS = FusionSettings(method=PansharpeningMethod.GSA)


def test_a_reduced_pair_is_degraded_by_the_ratio(known_scene: KnownScene) -> None:
    pair = ImagePair.aligned(known_scene.ms, known_scene.pan, 4)
    reduced, counted = reduce_scale(pair, SETTINGS)
    assert reduced.pan.shape == (96, 80)
    assert reduced.ms.shape == (4, 24, 20)
    assert np.allclose(reduced.ms, degrade(known_scene.ms, 4))
    assert np.allclose(reduced.pan, degrade(known_scene.pan, 4, 0.15), rtol=1e-6)
    assert counted[6:-6, 6:-6].all()


def test_fusing_scores_better_than_interpolating(known_scene: KnownScene) -> None:
    pair = ImagePair.aligned(known_scene.ms, known_scene.pan, 4)
    found = wald_quality([pair], SETTINGS)
    plain = reference_quality(upsample(degrade(known_scene.ms, 4), 4), known_scene.ms, 4)
    assert found.ergas is not None
    assert plain.ergas is not None
    assert found.ergas < 0.7 * plain.ergas


def test_a_shift_between_the_images_shows(known_scene: KnownScene) -> None:
    good = wald_quality([ImagePair.aligned(known_scene.ms, known_scene.pan, 4)], SETTINGS)
    shifted = np.roll(known_scene.pan, 6, axis=1)
    bad = wald_quality([ImagePair.aligned(known_scene.ms, shifted, 4)], SETTINGS)
    assert good.ergas is not None
    assert bad.ergas is not None
    assert bad.ergas > 1.2 * good.ergas


def test_places_are_fitted_and_scored_together(known_scene: KnownScene) -> None:
    pair = ImagePair.aligned(known_scene.ms, known_scene.pan, 4)
    one, two = wald_quality([pair], SETTINGS), wald_quality([pair, pair], SETTINGS)
    assert two.pixels == 2 * one.pixels
    assert two.ergas == pytest.approx(one.ergas)
    assert two.rmse == pytest.approx(one.rmse)


def test_fill_in_either_image_does_not_count(known_scene: KnownScene) -> None:
    valid, pan_valid = np.ones((96, 80), np.bool_), np.ones((384, 320), np.bool_)
    valid[:20], pan_valid[:, 240:] = False, False
    ms, pan = known_scene.ms.copy(), known_scene.pan.copy()
    clean = ImagePair.aligned(ms.copy(), pan.copy(), 4, valid, pan_valid)
    ms[:, :20], pan[:, 240:] = np.nan, np.nan
    spoilt = ImagePair.aligned(ms, pan, 4, valid, pan_valid)
    found, expected = wald_quality([spoilt], SETTINGS), wald_quality([clean], SETTINGS)
    assert found == expected
    assert 0 < found.pixels < 76 * 60
    assert found.correlation is not None
    assert min(value for value in found.correlation if value is not None) > 0.9


def test_a_place_too_small_is_refused() -> None:
    pair = ImagePair.aligned(np.ones((4, 3, 3), np.float32), np.ones((12, 12), np.float32), 4)
    with pytest.raises(InputError, match="at least 4 px; got 3"):
        wald_quality([pair], SETTINGS)


def test_pairs_need_not_be_aligned(known_scene: KnownScene) -> None:
    """PAN cut 3 rows and 5 columns in: samples and fused pixels are those of the whole pair."""
    whole = ImagePair.aligned(known_scene.ms, known_scene.pan, 4)
    axes = PixelAxis(start=-3, step=4, length=96), PixelAxis(start=-5, step=4, length=80)
    cut = ImagePair(
        ms=known_scene.ms,
        pan=known_scene.pan[3:, 5:],
        valid=whole.valid,
        pan_valid=whole.pan_valid[3:, 5:],
        axes=axes,
    )
    here, there = cut.samples(2.0), whole.samples(2.0)
    assert np.allclose(here.pan[4:, 4:], there.pan[4:, 4:], rtol=1e-5)
    assert not here.valid[0].any()
    assert here.valid[4:-4, 4:-4].all()
    assert cut.valid_on_pan.all()

    fusion = fit_fusion(SETTINGS, there)
    assert np.allclose(cut.fuse(fusion), whole.fuse(fusion)[:, 3:, 5:], rtol=1e-4)


def test_each_fine_pixel_takes_the_mask_of_its_coarse_one() -> None:
    valid = np.ones((4, 4), np.bool_)
    valid[1, 2] = False
    pan_valid = np.ones((16, 16), np.bool_)
    pan_valid[15, 0] = False
    pair = ImagePair.aligned(
        np.ones((1, 4, 4), np.float32), np.ones((16, 16), np.float32), 4, valid, pan_valid
    )
    expected = np.ones((16, 16), np.bool_)
    expected[4:8, 8:12] = expected[15, 0] = False
    assert np.array_equal(pair.valid_on_pan, expected)


def test_fine_pixels_outside_the_coarse_image_are_not_valid() -> None:
    axes = PixelAxis(start=2, step=2, length=3), PixelAxis(start=0, step=2, length=3)
    pair = ImagePair(
        ms=np.ones((1, 3, 3), np.float32),
        pan=np.ones((10, 10), np.float32),
        valid=np.ones((3, 3), np.bool_),
        pan_valid=np.ones((10, 10), np.bool_),
        axes=axes,
    )
    expected = np.zeros((10, 10), np.bool_)
    expected[2:8, :6] = True
    assert np.array_equal(pair.valid_on_pan, expected)


def test_joined_samples_keep_all_pixels(known_scene: KnownScene) -> None:
    samples = ImagePair.aligned(known_scene.ms, known_scene.pan, 4).samples(2.0)
    both = join_samples([samples, samples])
    assert both.ms.shape == (4, 2 * 96 * 80)
    assert both.pan.shape == both.valid.shape == (2 * 96 * 80,)


def test_masks_of_other_shapes_are_refused() -> None:
    ms, pan = np.ones((1, 4, 4), np.float32), np.ones((16, 16), np.float32)
    with pytest.raises(InputError, match=r"got \(1, 4, 4\), \(3, 4\) and \(4, 4\)"):
        ImagePair.aligned(ms, pan, 4, valid=np.ones((3, 4), np.bool_))
    with pytest.raises(InputError, match=r"PAN has a mask of its shape; got \(16, 16\) and \(4,"):
        ImagePair.aligned(ms, pan, 4, pan_valid=np.ones((4, 4), np.bool_))
