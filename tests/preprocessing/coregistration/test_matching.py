from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.coregistration.matching import (
    MatchFeature,
    MatchSettings,
    match_images,
    match_patch,
)
from landslip.preprocessing.coregistration.tie_points import (
    ImagePatch,
    PatchShift,
    patch_centres,
    patch_window,
)

Texture = Callable[..., NDArray[np.float32]]
SHAPE = (128, 144)
BOTH = pytest.mark.parametrize("feature", list(MatchFeature))


def patch(pixels: NDArray[Any]) -> ImagePatch:
    return ImagePatch(pixels.astype(np.float32), np.ones(pixels.shape, dtype=np.bool_))


def found(moving: ImagePatch, reference: ImagePatch, **changes: Any) -> PatchShift:
    match = match_patch(moving, reference, MatchSettings(**changes))
    assert match is not None
    return match


@BOTH
@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.25, -0.5), (-3.4, 2.7), (6.5, 7.1)])
def test_a_shift_is_found_to_a_hundredth(
    ground: Texture, feature: MatchFeature, dx: float, dy: float
) -> None:
    reference, moving = ground(SHAPE), ground(SHAPE, -dx, -dy)
    match = found(patch(moving), patch(reference), feature=feature)
    assert (match.dx, match.dy) == pytest.approx((dx, dy), abs=0.015)
    assert match.score > 15


def test_what_is_at_p_in_the_reference_is_at_p_plus_shift_in_the_moving_image(
    ground: Texture,
) -> None:
    whole = ground((160, 160))
    reference, moving = whole[10:138, 10:138], whole[7:135, 15:143]
    assert reference[50, 60] == moving[50 + 3, 60 - 5]
    match = found(patch(moving), patch(reference))
    assert (match.dx, match.dy) == pytest.approx((-5, 3), abs=1e-3)


@BOTH
@pytest.mark.parametrize("period_px", [20, 23])
def test_a_pattern_that_repeats_itself_is_not_matched(
    feature: MatchFeature, period_px: int
) -> None:
    """As trees in an orchard: any shift by the period would do, and scores are above chance."""
    generator = np.random.default_rng(0)

    def draw(dx: float) -> ImagePatch:
        row, col = np.indices((280, 280)) - np.reshape([0.0, dx], (2, 1, 1))
        off = np.hypot(col % period_px - period_px / 2, row % period_px - period_px / 2)
        return patch(60 * np.exp(-(off**2) / 6) + generator.normal(0, 1, off.shape))

    settings = MatchSettings(feature=feature, patch_px=96, search_px=24)
    ties = match_images(draw(0.6 * period_px), draw(0.0), settings)
    assert len(ties) == 0
    assert ties.places == 16


@BOTH
def test_far_shifts_are_found_within_the_search_only(
    ground: Texture, feature: MatchFeature
) -> None:
    reference, moving = patch(ground(SHAPE)), patch(ground(SHAPE, -25.3, 17.6))
    match = found(moving, reference, feature=feature, search_px=30)
    assert (match.dx, match.dy) == pytest.approx((25.3, -17.6), abs=0.03)
    assert match_patch(moving, reference, MatchSettings(feature=feature, search_px=12)) is None


@BOTH
@pytest.mark.parametrize(("gain", "offset"), [(0.3, 90.0), (-2.0, 4000.0)])
def test_gain_offset_and_inverted_contrast_do_not_matter(
    ground: Texture, feature: MatchFeature, gain: float, offset: float
) -> None:
    reference, moving = ground(SHAPE), gain * ground(SHAPE, -1.3, 0.4) + offset
    match = found(patch(moving), patch(reference), feature=feature)
    assert (match.dx, match.dy) == pytest.approx((1.3, -0.4), abs=0.015)


def test_new_bright_and_dark_ground_hardly_moves_the_result(ground: Texture) -> None:
    reference, moving = ground((160, 160)), ground((160, 160), -1.3, 0.4)
    generator = np.random.default_rng(0)
    for _ in range(10):
        row, col = generator.integers(0, 130, 2)
        moving[row : row + 30, col : col + 24] = generator.choice([300, 800])
    match = found(patch(moving), patch(reference), feature=MatchFeature.GRADIENT)
    assert (match.dx, match.dy) == pytest.approx((1.3, -0.4), abs=0.05)


@BOTH
@pytest.mark.parametrize("filler", [0.0, 60_000.0, np.nan])
def test_pixels_without_data_have_no_say(
    ground: Texture, feature: MatchFeature, filler: float
) -> None:
    reference, moving = patch(ground(SHAPE)), patch(ground(SHAPE, -2.6, 1.7))
    for one, side in ((reference, slice(0, 35)), (moving, slice(100, 144))):
        one.valid[:, side] = False
        one.pixels[:, side] = filler
        one.valid[40:60, 60:75] = False
        one.pixels[40:60, 60:75] = filler
    match = found(moving, reference, feature=feature)
    assert (match.dx, match.dy) == pytest.approx((2.6, -1.7), abs=0.02)


def test_flat_or_mostly_missing_patches_are_skipped(ground: Texture) -> None:
    whole, flat = patch(ground(SHAPE)), patch(np.full(SHAPE, 7.0))
    gone = ImagePatch(whole.pixels, np.zeros(SHAPE, dtype=np.bool_))
    half = ImagePatch(whole.pixels, np.arange(SHAPE[1]) < np.full(SHAPE, 70))
    for moving, reference in ((whole, flat), (flat, whole), (gone, whole), (whole, half)):
        assert match_patch(moving, reference, MatchSettings()) is None


@BOTH
def test_other_ground_gives_no_match(
    ground: Texture, other_ground: Texture, feature: MatchFeature
) -> None:
    moving, reference = other_ground((512, 512)), ground((512, 512))
    settings = MatchSettings(feature=feature, patch_px=128, search_px=20)
    ties = match_images(patch(moving), patch(reference), settings)
    assert len(ties) == 0


def test_patches_cover_the_image_with_their_shifts(ground: Texture) -> None:
    shape = (200, 300)
    reference, moving = ground(shape), ground(shape, -1.5, -0.5)
    known = np.ones(shape, dtype=np.bool_)
    known[:, 220:] = False
    settings = MatchSettings(patch_px=64, count=4, search_px=4)
    ties = match_images(ImagePatch(moving, known), patch(reference), settings)
    assert ties.shifts == pytest.approx(np.tile([1.5, 0.5], (len(ties), 1)), abs=0.03)
    assert set(ties.points[:, 1]) == {32, 77, 123, 168}
    assert set(ties.points[:, 0]) == {32, 111, 189}  # the fourth column has no data


def test_images_of_two_shapes_are_refused(ground: Texture) -> None:
    one, other = patch(ground((64, 64))), patch(ground((64, 65)))
    with pytest.raises(InputError, match=r"have one shape; got \(64, 64\), \(64, 65\)"):
        match_images(one, other, MatchSettings())
    with pytest.raises(InputError, match=r"valid mask of its shape; got \(64, 64\), \(64, 65\)"):
        ImagePatch(one.pixels, other.valid)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch_px": 16}, "got 15 of 16 px"),
        ({"count": 0}, "got 0 of 256 px"),
        ({"search_px": 128}, "got 128 px and patches of 256 px"),
        ({"least_score": -1.0}, "got -1.0, 0.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MatchSettings(**changes)


def test_patches_span_the_image_from_edge_to_edge() -> None:
    centres = patch_centres((500, 800), 3, 100)
    assert centres.tolist() == [[x, y] for y in (50, 250, 450) for x in (50, 400, 750)]


@pytest.mark.parametrize("size", [64, 65])
def test_windows_of_centres_are_whole_pixels_and_inside(size: int) -> None:
    shape = (333, 471)
    for centre in patch_centres(shape, 7, size):
        window = patch_window(centre, size)
        assert window.clipped(shape) == window
        assert (window.col_off + size / 2, window.row_off + size / 2) == tuple(centre)


def test_small_images_have_fewer_patches_that_overlap_by_half_at_most() -> None:
    centres = patch_centres((100, 100), 15, 50)
    assert np.unique(centres[:, 0]).tolist() == [25, 50, 75]
    assert patch_centres((50, 50), 15, 50).tolist() == [[25, 25]]
    assert patch_window(np.array([25.0, 25.0]), 50) == Window(0, 0, 50, 50)


def test_patches_larger_than_the_image_are_refused() -> None:
    with pytest.raises(InputError, match="got 4 patches of 65 px along each side of 80 x 64 px"):
        patch_centres((64, 80), 4, 65)
