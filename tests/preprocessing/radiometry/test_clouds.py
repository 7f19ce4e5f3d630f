from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError, MissingDependencyError
from landslip.preprocessing.radiometry.clouds import (
    CloudClass,
    CloudThresholds,
    OmniCloudSettings,
    bright_cloud_pixels,
    detect_bright_clouds,
    detect_clouds_omnicloud,
    downsample,
    latest_weights_version,
)

PLAIN = CloudThresholds(min_area_m2=0, buffer_m=0)

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
    assert bright_cloud_pixels(image, all_of(image), PLAIN).item() is cloudy


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
    assert not bright_cloud_pixels(image, all_of(image), PLAIN).item()
    assert bright_cloud_pixels(image, all_of(image), replace(PLAIN, **loosened)).item()


def test_small_groups_are_dropped_and_wide_ones_kept() -> None:
    image = scene((60, 60))
    image[:, 5:15, 5:15] = column(CLOUD)
    image[:, 40:43, 40:43] = column(CLOUD)
    test = CloudThresholds(min_area_m2=100 * 100.0, buffer_m=0)
    found = detect_bright_clouds(image, all_of(image), test, resolution_m=10.0)
    assert np.array_equal(np.argwhere(found)[[0, -1]], [[5, 5], [14, 14]])
    assert found.sum() == 100
    stricter = replace(test, min_area_m2=101 * 100.0)
    assert not detect_bright_clouds(image, all_of(image), stricter, resolution_m=10.0).any()


def test_groups_touch_at_corners() -> None:
    image = scene((4, 4))
    for at in range(4):
        image[:, at, at] = CLOUD
    test = CloudThresholds(min_area_m2=4, buffer_m=0)
    assert detect_bright_clouds(image, all_of(image), test, resolution_m=1.0).sum() == 4


def test_the_buffer_is_a_disc_in_metres() -> None:
    image = scene((41, 41))
    image[:, 20, 20] = CLOUD
    found = detect_bright_clouds(
        image, all_of(image), replace(PLAIN, buffer_m=50), resolution_m=10.0
    )
    rows, cols = np.indices(found.shape) - 20
    assert np.array_equal(found, np.hypot(rows, cols) <= 5)


def test_what_is_not_valid_is_no_cloud() -> None:
    image = scene((8, 8), CLOUD)
    valid = np.zeros((8, 8), dtype=bool)
    valid[2:5, 2:5] = True
    found = detect_bright_clouds(image, valid, replace(PLAIN, buffer_m=3), resolution_m=1.0)
    assert np.array_equal(found, valid)


def test_an_empty_scene_has_no_clouds() -> None:
    image = scene((8, 8))
    found = detect_bright_clouds(image, all_of(image), CloudThresholds(), resolution_m=2.0)
    assert found.dtype == np.bool_
    assert not found.any()


def test_arguments_that_make_no_sense_are_refused() -> None:
    image = scene((4, 4))
    with pytest.raises(InputError, match=r"blue,green,red,nir; got an array of \(3, 4, 4\)"):
        bright_cloud_pixels(image[:3], all_of(image), PLAIN)
    with pytest.raises(InputError, match="the side of a pixel must be above 0 m; got 0"):
        detect_bright_clouds(image, all_of(image), PLAIN, resolution_m=0)
    with pytest.raises(InputError, match="0 or more; got -1 m2 and 50"):
        CloudThresholds(min_area_m2=-1)
    with pytest.raises(InputError, match="cloud thresholds must be finite"):
        CloudThresholds(max_ndvi=float("nan"))


STAND_IN = """
import json, pathlib
import numpy as np

def predict_from_array(array, **options):
    # thick cloud where red is bright, shadow where nir is dark, fill left clear
    folder = pathlib.Path(options["destination_model_dir"])
    told = {name: str(value) for name, value in options.items()}
    (folder / "told.json").write_text(json.dumps(told | {"shape": array.shape}))
    classes = np.where(array[0] > 0.5, 1, np.where(array[2] < 0.1, 3, 0))
    return np.where((array == 0).all(axis=0), 0, classes).astype(np.uint8)[np.newaxis]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is called as OmniCloudMask is, and lists two model versions."""
    folder = tmp_path / "packages" / "omnicloudmask"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(STAND_IN)
    (folder / "model_download_links.csv").write_text(
        "file_name,version\nold.pth,3\nnew_a.safetensors,4\nnew_b.safetensors,4\n"
    )
    monkeypatch.delitem(__import__("sys").modules, "omnicloudmask", raising=False)
    monkeypatch.syspath_prepend(folder.parent)
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def put(folder: Path, *names: str, size: int = 2**20 + 1) -> None:
    for name in names:
        (folder / name).write_bytes(bytes(size))


def test_the_latest_complete_version_is_taken(package: Path, weights: Path) -> None:
    put(weights, "old.pth", "new_a.safetensors")
    assert latest_weights_version(weights) == 3
    put(weights, "new_b.safetensors")
    assert latest_weights_version(weights) == 4
    put(weights, "new_a.safetensors", size=100)
    assert latest_weights_version(weights) == 3


def test_missing_weights_are_named_and_not_downloaded(package: Path, weights: Path) -> None:
    text = r"weights has not all of new_a\.safetensors, new_b\.safetensors: put them there"
    with pytest.raises(InputError, match=text):
        latest_weights_version(weights)
    assert not list(weights.iterdir())


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(__import__("sys").modules, "omnicloudmask", raising=False)
    with pytest.raises(MissingDependencyError, match="pip install omnicloudmask"):
        latest_weights_version(weights)


def test_valid_pixels_are_averaged_over_coarse_ones() -> None:
    values = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    valid = np.ones((4, 4), dtype=bool)
    valid[0, 0] = valid[2:, 2:] = False
    found = downsample(values, valid, 2.0)
    assert found.dtype == np.float32
    assert found[0].tolist() == [[pytest.approx((1 + 4 + 5) / 3), 4.5], [10.5, 0.0]]
    assert np.array_equal(downsample(values, np.ones((4, 4), dtype=bool), 0.5), values)
    assert downsample(values, valid, 100.0).shape == (1, 1, 1)


def test_a_scene_is_averaged_judged_and_spread_again(package: Path, weights: Path) -> None:
    put(weights, "old.pth")
    scene = np.full((3, 200, 320), 0.2, dtype=np.float32)
    scene[0, 50:100, 100:150] = 0.9
    scene[2, 150:180, 50:60] = 0.02
    valid = np.ones((200, 320), dtype=bool)
    valid[:, 140:] = False
    found = detect_clouds_omnicloud(
        scene, valid, OmniCloudSettings(weights=weights), resolution_m=2.0
    )
    cloud, shadow = np.zeros_like(valid), np.zeros_like(valid)
    cloud[50:100, 100:140] = True
    shadow[150:180, 50:60] = True
    assert np.array_equal(found, cloud | shadow)
    told = (weights / "told.json").read_text()
    assert '"shape": [3, 40, 64]' in told
    assert '"model_version": "3.0"' in told
    assert '"no_data_value": "0"' in told
    thick = OmniCloudSettings(weights=weights, classes=(CloudClass.THICK_CLOUD,))
    assert np.array_equal(detect_clouds_omnicloud(scene, valid, thick, resolution_m=2.0), cloud)


def test_a_package_that_lacks_another_is_told(package: Path, weights: Path) -> None:
    (package / "__init__.py").write_text("import no_such_package_at_all")
    put(weights, "old.pth")
    scene, valid = np.ones((3, 40, 40), dtype=np.float32), np.ones((40, 40), dtype=bool)
    with pytest.raises(MissingDependencyError, match=r"'no_such_package_at_all'.*: pip install"):
        detect_clouds_omnicloud(scene, valid, OmniCloudSettings(weights=weights), resolution_m=10.0)


def test_a_scene_too_small_is_refused(package: Path, weights: Path) -> None:
    put(weights, "old.pth")
    scene, valid = np.zeros((3, 100, 400), dtype=np.float32), np.ones((100, 400), dtype=bool)
    with pytest.raises(InputError, match="needs 32 px of 10 m on each side; got 80 x 20"):
        detect_clouds_omnicloud(scene, valid, OmniCloudSettings(weights=weights), resolution_m=2.0)


def test_settings_that_make_no_sense_are_refused(weights: Path) -> None:
    with pytest.raises(InputError, match="works at 5 to 50 m; got 2"):
        OmniCloudSettings(weights=weights, resolution_m=2.0)
    with pytest.raises(
        InputError, match="at least one class must be masked as cloud, and not the clear"
    ):
        OmniCloudSettings(weights=weights, classes=(CloudClass.CLEAR,))
