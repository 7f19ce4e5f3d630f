from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.clouds import CloudTest, cloudy_pixels, find_clouds

PLAIN = CloudTest(min_area_m2=0, buffer_m=0)

# blue, green, red, nir at the top of the atmosphere
CLOUD = (0.45, 0.43, 0.44, 0.47)
FOREST = (0.09, 0.08, 0.05, 0.32)
SOIL = (0.15, 0.18, 0.24, 0.31)
BRIGHT_SOIL = (0.26, 0.32, 0.40, 0.46)
BLUE_ROOF = (0.40, 0.28, 0.20, 0.24)
BRIGHT_CROP = (0.30, 0.33, 0.28, 0.60)
WATER = (0.11, 0.08, 0.05, 0.03)


def column(spectrum: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(spectrum, dtype=np.float32)[:, np.newaxis, np.newaxis]


def scene(shape: tuple[int, int], ground: tuple[float, ...] = FOREST) -> NDArray[np.float32]:
    return np.broadcast_to(column(ground), (4, *shape)).copy()


def all_of(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.ones(image.shape[1:], dtype=bool)


@pytest.mark.parametrize(
    ("spectrum", "cloudy"),
    [
        pytest.param(CLOUD, True, id="cloud"),
        pytest.param(FOREST, False, id="forest"),
        pytest.param(SOIL, False, id="soil"),
        pytest.param(BRIGHT_SOIL, False, id="bright soil"),
        pytest.param(BLUE_ROOF, False, id="blue roof"),
        pytest.param(BRIGHT_CROP, False, id="bright crop"),
        pytest.param(WATER, False, id="water"),
    ],
)
def test_spectra(spectrum: tuple[float, ...], cloudy: bool) -> None:
    image = scene((1, 1), spectrum)
    assert cloudy_pixels(image, all_of(image), PLAIN).item() is cloudy


@pytest.mark.parametrize(
    ("spectrum", "loosened"),
    [
        pytest.param((0.20, 0.19, 0.19, 0.20), {"min_blue": 0.15}, id="blue"),
        pytest.param((0.26, 0.31, 0.365, 0.40), {"min_haze_index": 0.05}, id="haze index"),
        pytest.param(BLUE_ROOF, {"max_spread": 1.0}, id="spread"),
        pytest.param(BRIGHT_CROP, {"max_ndvi": 0.5}, id="ndvi"),
    ],
)
def test_each_threshold_alone_holds_something_back(
    spectrum: tuple[float, ...], loosened: dict[str, float]
) -> None:
    image = scene((1, 1), spectrum)
    assert not cloudy_pixels(image, all_of(image), PLAIN).item()
    assert cloudy_pixels(image, all_of(image), replace(PLAIN, **loosened)).item()


def test_small_groups_are_dropped_and_wide_ones_kept() -> None:
    image = scene((60, 60))
    image[:, 5:15, 5:15] = column(CLOUD)
    image[:, 40:43, 40:43] = column(CLOUD)
    test = CloudTest(min_area_m2=100 * 100.0, buffer_m=0)
    found = find_clouds(image, all_of(image), test, resolution_m=10.0)
    assert np.array_equal(np.argwhere(found)[[0, -1]], [[5, 5], [14, 14]])
    assert found.sum() == 100
    stricter = replace(test, min_area_m2=101 * 100.0)
    assert not find_clouds(image, all_of(image), stricter, resolution_m=10.0).any()


def test_groups_touch_at_corners() -> None:
    image = scene((4, 4))
    for at in range(4):
        image[:, at, at] = CLOUD
    test = CloudTest(min_area_m2=4, buffer_m=0)
    assert find_clouds(image, all_of(image), test, resolution_m=1.0).sum() == 4


def test_the_buffer_is_a_disc_in_metres() -> None:
    image = scene((41, 41))
    image[:, 20, 20] = CLOUD
    found = find_clouds(image, all_of(image), replace(PLAIN, buffer_m=50), resolution_m=10.0)
    rows, cols = np.indices(found.shape) - 20
    assert np.array_equal(found, np.hypot(rows, cols) <= 5)


def test_what_is_not_valid_is_no_cloud() -> None:
    image = scene((8, 8), CLOUD)
    valid = np.zeros((8, 8), dtype=bool)
    valid[2:5, 2:5] = True
    found = find_clouds(image, valid, replace(PLAIN, buffer_m=3), resolution_m=1.0)
    assert np.array_equal(found, valid)


def test_an_empty_scene_has_no_clouds() -> None:
    image = scene((8, 8))
    found = find_clouds(image, all_of(image), CloudTest(), resolution_m=2.0)
    assert found.dtype == np.bool_
    assert not found.any()


def test_arguments_that_make_no_sense_are_refused() -> None:
    image = scene((4, 4))
    with pytest.raises(InputError, match=r"blue,green,red,nir; got an array of \(3, 4, 4\)"):
        cloudy_pixels(image[:3], all_of(image), PLAIN)
    with pytest.raises(InputError, match="a pixel's side is above 0 m; got 0"):
        find_clouds(image, all_of(image), PLAIN, resolution_m=0)
    with pytest.raises(InputError, match="0 or more; got -1 m2 and 50"):
        CloudTest(min_area_m2=-1)
    with pytest.raises(InputError, match="thresholds of the cloud test are finite"):
        CloudTest(max_ndvi=float("nan"))
