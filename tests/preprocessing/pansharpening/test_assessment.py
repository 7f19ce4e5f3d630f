import numpy as np
import pytest

from landslip.core.choices import PansharpeningMethod
from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.assessment import reduce_scale, wald_quality
from landslip.preprocessing.pansharpening.fusion import FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair, join_samples
from landslip.preprocessing.pansharpening.multiresolution import PixelAxis, degrade, upsample
from landslip.preprocessing.pansharpening.quality import reference_quality

from .conftest import KnownScene

SETTINGS = FusionSettings(method=PansharpeningMethod.GSA)


def test_the_reference_is_the_original_and_aligned(known_scene: KnownScene) -> None:
    reduced = reduce_scale(ImagePair.aligned(known_scene.ms, known_scene.pan, 4), SETTINGS)
    assert np.array_equal(reduced.reference, known_scene.ms)
    assert reduced.pair.pan.shape == (96, 80)
    assert reduced.pair.ms.shape == (4, 24, 20)
    assert np.allclose(reduced.pair.ms, degrade(known_scene.ms, 4))
    assert np.allclose(reduced.pair.pan, degrade(known_scene.pan, 4, 0.15), rtol=1e-6)
    assert reduced.counted[6:-6, 6:-6].all()


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
