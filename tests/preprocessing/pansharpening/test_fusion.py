from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls

from landslip.core.choices import PansharpeningMethod
from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.fusion import (
    BandMoments,
    Fusion,
    FusionSamples,
    FusionSettings,
    fit_fusion,
    low_pass,
    regress_intensity,
)
from landslip.preprocessing.pansharpening.multiresolution import degrade, upsample
from landslip.preprocessing.pansharpening.quality import reference_quality
from landslip.preprocessing.resampling import Pixels

from .conftest import WEIGHTS, KnownScene


def samples(weights: tuple[float, ...], intercept: float, noise: float = 0.0) -> FusionSamples:
    generator = np.random.default_rng(0)
    ms = generator.normal(300, 60, (len(weights), 40, 50))
    pan = np.tensordot(weights, ms, 1) + intercept + noise * generator.normal(size=(40, 50))
    return FusionSamples(
        ms=ms.astype(np.float32), pan=pan.astype(np.float32), valid=np.ones((40, 50), np.bool_)
    )


def test_weights_that_pan_was_made_of_are_recovered() -> None:
    found = regress_intensity(BandMoments.of(samples((0.1, 0.5, 0.3), 20)), non_negative=False)
    assert found.weights == pytest.approx((0.1, 0.5, 0.3), abs=1e-4)
    assert found.intercept == pytest.approx(20, abs=0.05)
    assert found.r2 == pytest.approx(1, abs=1e-6)


def test_r2_is_the_share_of_the_variance_that_is_explained() -> None:
    given = samples((0.6, 0.3), 5, noise=20.0)
    found = regress_intensity(BandMoments.of(given), non_negative=False)
    predicted = np.tensordot(found.weights, given.ms.astype(float), 1) + found.intercept
    expected = 1 - np.var(given.pan - predicted) / np.var(given.pan)
    assert 0.7 < found.r2 < 0.95
    assert found.r2 == pytest.approx(expected, abs=1e-6)


def test_weights_can_be_restricted_to_0_or_more() -> None:
    given = samples((0.7, -0.2, 0.4), 30, noise=3.0)
    free = regress_intensity(BandMoments.of(given), non_negative=False)
    kept = regress_intensity(BandMoments.of(given), non_negative=True)
    assert free.weights[1] < -0.15
    assert kept.weights[1] == 0
    ms = given.ms.reshape(3, -1).astype(float)
    centred = ms - ms.mean(axis=1, keepdims=True)
    expected, _ = nnls(centred.T, given.pan.ravel() - given.pan.mean(dtype=float))
    assert kept.weights == pytest.approx(expected, abs=1e-5)
    assert kept.r2 < free.r2


def test_gains_are_covariances_over_the_variance_of_the_intensity() -> None:
    given = samples((0.5, 0.25), 10, noise=5.0)
    fusion = fit_fusion(FusionSettings(method=PansharpeningMethod.GSA), given)
    band_sum = np.tensordot(fusion.intensity.weights, given.ms.astype(float), 1).ravel()
    expected = [
        np.cov(band.ravel(), band_sum)[0, 1] / np.var(band_sum, ddof=1)
        for band in given.ms.astype(float)
    ]
    assert fusion.gains == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("non_negative", [False, True])
def test_a_constant_band_and_equal_bands_do_no_harm(non_negative: bool) -> None:
    given = samples((0.5, 0.5, 0.0), 10)
    ms = np.stack([given.ms[0], given.ms[0], np.full((40, 50), 4, np.float32)])
    pan = given.ms[0] * np.float32(0.8) + 3
    found = regress_intensity(
        BandMoments.of(FusionSamples(ms=ms, pan=pan, valid=given.valid)), non_negative=non_negative
    )
    assert found.weights[0] + found.weights[1] == pytest.approx(0.8, abs=1e-4)
    assert found.weights[2] == pytest.approx(0, abs=1e-9)
    assert found.r2 == pytest.approx(1, abs=1e-6)


def test_only_valid_pixels_are_summed() -> None:
    given = samples((0.2, 0.8), 0)
    valid = given.valid.copy()
    valid[:20] = False
    ms = np.where(valid, given.ms, np.nan).astype(np.float32)
    moments = BandMoments.of(FusionSamples(ms=ms, pan=given.pan, valid=valid))
    assert moments.number == 1000
    assert moments.means[:2] == pytest.approx(given.ms[:, 20:].mean(axis=(1, 2)), rel=1e-5)


def test_flat_samples_are_taken() -> None:
    given = samples((0.2, 0.8), 0)
    flat = FusionSamples(
        ms=given.ms.reshape(2, -1), pan=given.pan.ravel(), valid=given.valid.ravel()
    )
    assert np.allclose(BandMoments.of(flat).covariances, BandMoments.of(given).covariances)


def test_too_few_samples_are_refused() -> None:
    given = samples((1.0,), 0)
    valid = np.zeros_like(given.valid)
    valid.ravel()[:99] = True
    with pytest.raises(InputError, match=r"at least 100 pixels .* there are 99"):
        BandMoments.of(FusionSamples(ms=given.ms, pan=given.pan, valid=valid))


def test_a_constant_pan_is_refused() -> None:
    given = samples((1.0,), 0)
    pan = np.full_like(given.pan, 7.25)
    with pytest.raises(InputError, match=r"band that varies; its 2000 samples are all 7\.25"):
        BandMoments.of(FusionSamples(ms=given.ms, pan=pan, valid=given.valid))


@pytest.mark.parametrize("non_negative", [False, True])
def test_bands_that_explain_nothing_are_refused(non_negative: bool) -> None:
    given = samples((1.0,), 0)
    constant = FusionSamples(ms=np.full_like(given.ms, 3), pan=given.pan, valid=given.valid)
    with pytest.raises(InputError, match="explain nothing of the panchromatic band"):
        regress_intensity(BandMoments.of(constant), non_negative=non_negative)


def test_samples_of_different_pixels_are_refused() -> None:
    given = samples((1.0,), 0)
    with pytest.raises(InputError, match=r"got shapes \(1, 40, 50\), \(40, 49\) and \(40, 50\)"):
        FusionSamples(ms=given.ms, pan=given.pan[:, 1:], valid=given.valid)


METHODS = list(PansharpeningMethod)


def fitted(scene: KnownScene, method: PansharpeningMethod) -> Fusion:
    coarse = degrade(scene.pan, 4)
    valid = np.ones(coarse.shape, np.bool_)
    samples = FusionSamples(ms=scene.ms, pan=coarse, valid=valid)
    return fit_fusion(FusionSettings(method=method), samples)


@pytest.mark.parametrize("method", METHODS)
def test_fused_bands_are_nearer_to_the_fine_ones_than_interpolated_ones(
    known_scene: KnownScene, method: PansharpeningMethod
) -> None:
    interpolated = upsample(known_scene.ms, 4)
    fused = fitted(known_scene, method).fuse(interpolated, known_scene.pan)
    before = reference_quality(interpolated, known_scene.fine, 4)
    after = reference_quality(fused, known_scene.fine, 4)
    assert before.ergas is not None
    assert after.ergas is not None
    assert after.ergas < 0.5 * before.ergas


@pytest.mark.parametrize("method", METHODS)
def test_pan_without_detail_changes_nothing(
    known_scene: KnownScene, method: PansharpeningMethod
) -> None:
    """Where PAN is what the bands already show, or constant, fused bands are the given ones."""
    fusion = fitted(known_scene, method)
    interpolated = upsample(known_scene.ms, 4)
    if method is PansharpeningMethod.GLP:
        pan = np.full_like(known_scene.pan, 400)
    else:
        intensity = fusion.intensity
        pan = (np.tensordot(intensity.weights, interpolated, 1) + intensity.intercept).astype("f4")
    assert np.allclose(fusion.fuse(interpolated, pan), interpolated, rtol=1e-4)


def test_gsa_by_hand(known_scene: KnownScene) -> None:
    fusion = fitted(known_scene, PansharpeningMethod.GSA)
    assert fusion.intensity.weights == pytest.approx(WEIGHTS, abs=1e-3)
    assert fusion.intensity.r2 == pytest.approx(1, abs=1e-5)
    ms, pan = np.full((4, 2, 2), 300, np.float32), np.full((2, 2), 350, np.float32)
    detail = 350 - (300 * sum(fusion.intensity.weights) + fusion.intensity.intercept)
    expected = [300 + gain * detail for gain in fusion.gains]
    assert np.allclose(fusion.fuse(ms, pan)[:, 0, 0], expected, rtol=1e-5)


def test_brovey_by_hand(known_scene: KnownScene) -> None:
    fusion = replace(
        fitted(known_scene, PansharpeningMethod.BROVEY),
        haze=(10.0, 20.0, 30.0, 40.0),
        haze_pan=25.0,
    )
    ms, pan = np.full((4, 1, 1), 300, np.float32), np.full((1, 1), 350, np.float32)
    below = 300 * sum(fusion.intensity.weights) + fusion.intensity.intercept
    ratio = (350 - 25) / (below - 25)
    expected = [(300 - haze) * ratio + haze for haze in (10, 20, 30, 40)]
    assert np.allclose(fusion.fuse(ms, pan)[:, 0, 0], expected, rtol=1e-5)


def test_glp_by_hand(known_scene: KnownScene) -> None:
    """A single bright line: PAN over its low-pass is known from the kernel alone."""
    fusion = replace(fitted(known_scene, PansharpeningMethod.GLP), haze=(0.0,) * 4, haze_pan=0.0)
    pan = np.full((81, 81), 100, np.float32)
    pan[:, 40] = 200
    ms = np.full((4, 81, 81), 50, np.float32)
    centre = len(fusion.kernel) // 2
    below = 100 + 100 * fusion.kernel[centre - 1 : centre + 2]
    expected = 50 * np.array([100, 200, 100]) / below
    assert np.allclose(fusion.fuse(ms, pan)[2, 40, 39:42], expected, rtol=1e-4)


def test_haze_is_the_half_percent_percentile(known_scene: KnownScene) -> None:
    fusion = fitted(known_scene, PansharpeningMethod.BROVEY)
    expected = np.percentile(known_scene.ms.reshape(4, -1), 0.5, axis=1)
    assert fusion.haze == pytest.approx(expected, rel=1e-6)
    pan = float(expected @ fusion.intensity.weights) + fusion.intensity.intercept
    assert fusion.haze_pan == pytest.approx(pan)


@pytest.mark.parametrize("method", [PansharpeningMethod.BROVEY, PansharpeningMethod.GLP])
def test_black_shadow_and_glints_stay_bounded(
    known_scene: KnownScene, method: PansharpeningMethod
) -> None:
    fusion = fitted(known_scene, method)
    ms = np.zeros((4, 64, 64), np.float32)
    pan = np.zeros((64, 64), np.float32)
    pan[32, 32] = 1e5
    fused = fusion.fuse(ms, pan)
    assert np.isfinite(fused).all()
    assert np.abs(fused).max() <= 4 * max(fusion.haze)


@pytest.mark.parametrize("method", METHODS)
def test_windows_with_their_margin_give_the_whole(
    known_scene: KnownScene, method: PansharpeningMethod
) -> None:
    fusion = fitted(known_scene, method)
    assert fusion.margin_px == (20 if method is PansharpeningMethod.GLP else 0)
    ms, pan = upsample(known_scene.ms, 4), known_scene.pan
    whole = fusion.fuse(ms, pan)
    rows, cols = slice(64, 128), slice(32, 96)
    wide = np.s_[
        ...,
        rows.start - fusion.margin_px : rows.stop + fusion.margin_px,
        cols.start - fusion.margin_px : cols.stop + fusion.margin_px,
    ]
    part = fusion.fuse(ms[wide], pan[wide])
    margin = fusion.margin_px
    inner = part[:, margin : margin + 64, margin : margin + 64]
    assert np.allclose(inner, whole[:, rows, cols], rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_views_and_results_in_place(known_scene: KnownScene, method: PansharpeningMethod) -> None:
    fusion = fitted(known_scene, method)
    ms, pan = upsample(known_scene.ms, 4), known_scene.pan
    expected = fusion.fuse(ms[:, 3:99, 5:101].copy(), pan[3:99, 5:101].copy())
    room = np.zeros((4, 100, 120), np.float32)
    found = fusion.fuse(ms[:, 3:99, 5:101], pan[3:99, 5:101], out=room[:, 2:98, 7:103])
    assert np.array_equal(found, expected)
    assert np.array_equal(room[:, 2:98, 7:103], expected)
    same = ms[:, 3:99, 5:101].copy()
    assert fusion.fuse(same, pan[3:99, 5:101], out=same) is same
    assert np.array_equal(same, expected)


@pytest.mark.parametrize("method", METHODS)
def test_threads_share_a_fusion(known_scene: KnownScene, method: PansharpeningMethod) -> None:
    fusion = fitted(known_scene, method)
    ms, pan = upsample(known_scene.ms, 4), known_scene.pan
    expected = fusion.fuse(ms, pan)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fusion.fuse(ms, pan), range(8)))
    assert all(np.array_equal(one, expected) for one in found)


def test_fill_beside_the_swath_has_no_part_in_the_filter(known_scene: KnownScene) -> None:
    fusion = fitted(known_scene, PansharpeningMethod.GLP)
    pan = np.full((64, 64), 400, np.float32)
    valid = np.ones((64, 64), np.bool_)
    pan[:, :20], valid[:, :20] = 0, False
    ms = np.full((4, 64, 64), 300, np.float32)
    assert np.allclose(fusion.fuse(ms, pan, valid)[:, :, 20:], 300, rtol=1e-5)
    assert not np.allclose(fusion.fuse(ms, pan)[:, :, 20:], 300, rtol=0.05)
    pan[:, :20] = np.nan
    assert np.allclose(fusion.fuse(ms, pan, valid)[:, :, 20:], 300, rtol=1e-5)


def test_a_lone_valid_pixel_keeps_its_value(known_scene: KnownScene) -> None:
    kernel = fitted(known_scene, PansharpeningMethod.GLP).kernel
    pan = np.full((50, 50), 3, np.float32)
    valid = np.zeros((50, 50), np.bool_)
    valid[25, 25], pan[25, 25] = True, 8
    assert low_pass(pan, valid, kernel)[25, 25] == 8


def test_the_fit_is_reported(known_scene: KnownScene) -> None:
    told = fitted(known_scene, PansharpeningMethod.GSA).as_dict()
    assert told["method"] == "gsa"
    assert told["ratio"] == 4
    assert told["mtf_nyquist"] == 0.3
    assert told["samples"] == 96 * 80
    assert len(told["weights"]) == len(told["gains"]) == 4
    assert told["r2"] > 0.999
    told = fitted(known_scene, PansharpeningMethod.GLP).as_dict()
    assert "gains" not in told
    assert len(told["haze"]) == 4


def wrong_bands(ms: Pixels, pan: Pixels) -> tuple[Pixels, Pixels]:
    return ms[:3], pan


def wrong_shape(ms: Pixels, pan: Pixels) -> tuple[Pixels, Pixels]:
    return ms, pan[1:]


@pytest.mark.parametrize("spoil", [wrong_bands, wrong_shape])
def test_other_shapes_are_refused(known_scene: KnownScene, spoil: type) -> None:
    ms, pan = spoil(np.zeros((4, 8, 8), np.float32), np.zeros((8, 8), np.float32))
    with pytest.raises(InputError, match=r"fitted on 4 bands, on PAN's pixels; got"):
        fitted(known_scene, PansharpeningMethod.GSA).fuse(ms, pan)


def test_other_types_are_refused(known_scene: KnownScene) -> None:
    fusion = fitted(known_scene, PansharpeningMethod.GSA)
    with pytest.raises(InputError, match="are float32; got float64 and float32"):
        fusion.fuse(np.zeros((4, 8, 8)).astype(np.float64), np.zeros((8, 8), np.float32))


def test_settings_that_cannot_be() -> None:
    with pytest.raises(InputError, match=r"over 0 and below 1; got 1\.5"):
        FusionSettings(mtf_nyquist=1.5)
    with pytest.raises(InputError, match=r"at least 1; got 0\.5"):
        FusionSettings(ratio=0.5)
