import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.core.window import Window
from landslip.preprocessing.pansharpening.image_pair import evenly_spaced_windows, plan_overlap

UTM = CRS.from_epsg(32650)


def grid(
    shape: tuple[int, int],
    size: float,
    corner: tuple[float, float] = (500_000, 4_000_000),
    crs: CRS | None = UTM,
) -> Grid:
    return Grid(crs=crs, transform=Affine(size, 0, corner[0], 0, -size, corner[1]), shape=shape)


def test_images_of_one_extent() -> None:
    plan = plan_overlap(grid((30, 40), 8), grid((120, 160), 2))
    assert plan.window == Window(0, 0, 160, 120)
    assert plan.ratio == pytest.approx(4)
    assert plan.coarse_window == Window(0, 0, 40, 30)


def test_differing_extents_keep_the_common_pixels() -> None:
    """PAN begins 21 m left of and 10 m below the other's corner, and ends after it."""
    coarse, fine = grid((30, 40), 8), grid((200, 200), 2, (499_979, 3_999_990))
    plan = plan_overlap(coarse, fine)
    rows, cols = np.mgrid[0:200, 0:200] + 0.5
    x, y = map_points(fine.transform, np.column_stack([cols.ravel(), rows.ravel()])).T
    inside = (x >= 500_000) & (x <= 500_320) & (y <= 4_000_000) & (y >= 3_999_760)
    covered = np.zeros((200, 200), np.bool_)
    covered[plan.window.slices_in(fine.window)] = True
    assert np.array_equal(covered.ravel(), inside)


def test_ratios_that_are_no_integer() -> None:
    plan = plan_overlap(grid((30, 40), 8), grid((110, 150), 2.1, (500_003, 3_999_996)))
    assert plan.ratio == pytest.approx(8 / 2.1)
    assert plan.cols.start == pytest.approx(3 / 8)
    assert plan.rows.start == pytest.approx(4 / 8)


def test_windows_of_one_hold_those_of_the_other() -> None:
    plan = plan_overlap(grid((300, 400), 8), grid((1300, 1700), 2, (499_979, 4_000_010)))
    fine = Window(600, 500, 64, 32)
    coarse = plan.coarse_around(fine)
    rows, cols = plan.coarse_axes(coarse, fine)
    # 21 m to the left are 10.5 fine pixels; corners of coarse pixel 0 lie there
    assert cols.start == pytest.approx(10.5 + 4 * coarse.col_off - 600)
    assert rows.start == pytest.approx(5 + 4 * coarse.row_off - 500)
    assert cols.start <= -4 * 14
    assert cols.start + cols.step * cols.length >= 64 + 4 * 14
    back = plan.fine_around(Window(100, 50, 10, 10), 3)
    assert back == Window(407, 202, 47, 46)


def test_images_without_coordinates_are_matched_by_size() -> None:
    plan = plan_overlap(grid((30, 40), 1, crs=None), grid((90, 120), 1, crs=None))
    assert plan.ratio == pytest.approx(3)
    assert plan.window == Window(0, 0, 120, 90)


def test_equal_turns_are_no_turn() -> None:
    turn = Affine.translation(500_000, 4_000_000) @ Affine.rotation(20)
    coarse = Grid(crs=UTM, transform=turn @ Affine.scale(8, -8), shape=(30, 40))
    fine = Grid(crs=UTM, transform=turn @ Affine.scale(2, -2), shape=(120, 160))
    assert plan_overlap(coarse, fine).window == Window(0, 0, 160, 120)


NORTH_DOWN = Grid(crs=UTM, transform=Affine(2, 0, 500_000, 0, 2, 3_999_760), shape=(120, 160))
TURNED = Grid(
    crs=UTM,
    transform=Affine.translation(500_000, 4_000_000) @ Affine.rotation(1) @ Affine.scale(2, -2),
    shape=(120, 160),
)
OBLONG = Grid(crs=UTM, transform=Affine(2, 0, 500_000, 0, -4, 4_000_000), shape=(60, 160))


@pytest.mark.parametrize(
    ("fine", "message"),
    [
        (grid((120, 160), 2, (600_000, 4_000_000)), "do not overlap"),
        (grid((120, 160), 2, (500_000, 3_999_760)), "do not overlap"),
        (grid((120, 160), 2, crs=CRS.from_epsg(32651)), "EPSG:32650, the .* EPSG:32651"),
        (grid((120, 160), 2, crs=None), "the panchromatic one has none"),
        (grid((30, 40), 8), "must be finer .* 1 x 1 of one"),
        (grid((15, 20), 16), "must be finer .* 2 x 2 of one"),
        (NORTH_DOWN, "rotated or mirrored"),
        (TURNED, "rotated or mirrored"),
        (OBLONG, r"it holds 2\.000 and 4\.000"),
    ],
)
def test_pairs_that_do_not_overlap_or_align(fine: Grid, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_overlap(grid((30, 40), 8), fine)


def test_images_without_coordinates_of_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match=r"has \(30, 40\) px, the panchromatic one \(90, 121\)"):
        plan_overlap(grid((30, 40), 1, crs=None), grid((90, 121), 1, crs=None))
    with pytest.raises(InputError, match="must be finer"):
        plan_overlap(grid((30, 40), 1, crs=None), grid((30, 40), 1, crs=None))
    with pytest.raises(InputError, match="the multispectral one has none"):
        plan_overlap(grid((30, 40), 1, crs=None), grid((90, 120), 1))


def test_small_images_are_sampled_whole() -> None:
    windows = evenly_spaced_windows(Window(3, 5, 100, 70), 64, 12)
    covered = np.zeros((100, 120), np.int64)
    for window in windows:
        covered[window.slices_in(Window(0, 0, 120, 100))] += 1
    assert covered[5:75, 3:103].min() == covered.max() == 1
    assert covered.sum() == 70 * 100


def test_large_images_are_sampled_all_over() -> None:
    windows = evenly_spaced_windows(Window(0, 0, 5000, 4000), 64, 12)
    assert len(windows) == 144
    assert {window.shape for window in windows} == {(64, 64)}
    assert min(window.col_off for window in windows) < 5000 / 12
    assert max(window.col_end for window in windows) > 5000 - 5000 / 12
    assert max(window.row_end for window in windows) <= 4000


def test_windows_can_all_be_of_one_size() -> None:
    windows = evenly_spaced_windows(Window(10, 20, 150, 90), 64, 2, equal=True)
    assert [window.shape for window in windows] == [(64, 64), (64, 64)]
    assert [window.row_off for window in windows] == [33, 33]
    assert windows[0].col_end <= windows[1].col_off
