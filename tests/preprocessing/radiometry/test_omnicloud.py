from pathlib import Path

import numpy as np
import pytest

from landslip.core.errors import InputError, MissingDependencyError
from landslip.preprocessing.radiometry.omnicloud import (
    CloudClass,
    OmniCloud,
    coarsened,
    find_clouds,
    weights_version,
)

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
    assert weights_version(weights) == 3
    put(weights, "new_b.safetensors")
    assert weights_version(weights) == 4
    put(weights, "new_a.safetensors", size=100)
    assert weights_version(weights) == 3


def test_missing_weights_are_named_and_not_downloaded(package: Path, weights: Path) -> None:
    text = r"weights has not all of new_a\.safetensors, new_b\.safetensors: put them there"
    with pytest.raises(InputError, match=text):
        weights_version(weights)
    assert not list(weights.iterdir())


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(__import__("sys").modules, "omnicloudmask", raising=False)
    with pytest.raises(MissingDependencyError, match="pip install omnicloudmask"):
        weights_version(weights)


def test_valid_pixels_are_averaged_over_coarse_ones() -> None:
    values = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    valid = np.ones((4, 4), dtype=bool)
    valid[0, 0] = valid[2:, 2:] = False
    found = coarsened(values, valid, 2.0)
    assert found.dtype == np.float32
    assert found[0].tolist() == [[pytest.approx((1 + 4 + 5) / 3), 4.5], [10.5, 0.0]]
    assert np.array_equal(coarsened(values, np.ones((4, 4), dtype=bool), 0.5), values)
    assert coarsened(values, valid, 100.0).shape == (1, 1, 1)


def test_a_scene_is_averaged_judged_and_spread_again(package: Path, weights: Path) -> None:
    put(weights, "old.pth")
    scene = np.full((3, 200, 320), 0.2, dtype=np.float32)
    scene[0, 50:100, 100:150] = 0.9
    scene[2, 150:180, 50:60] = 0.02
    valid = np.ones((200, 320), dtype=bool)
    valid[:, 140:] = False
    found = find_clouds(scene, valid, OmniCloud(weights=weights), resolution_m=2.0)
    cloud, shadow = np.zeros_like(valid), np.zeros_like(valid)
    cloud[50:100, 100:140] = True
    shadow[150:180, 50:60] = True
    assert np.array_equal(found, cloud | shadow)
    told = (weights / "told.json").read_text()
    assert '"shape": [3, 40, 64]' in told
    assert '"model_version": "3.0"' in told
    assert '"no_data_value": "0"' in told
    thick = OmniCloud(weights=weights, classes=(CloudClass.THICK_CLOUD,))
    assert np.array_equal(find_clouds(scene, valid, thick, resolution_m=2.0), cloud)


def test_a_package_that_lacks_another_is_told(package: Path, weights: Path) -> None:
    (package / "__init__.py").write_text("import no_such_package_at_all")
    put(weights, "old.pth")
    scene, valid = np.ones((3, 40, 40), dtype=np.float32), np.ones((40, 40), dtype=bool)
    with pytest.raises(MissingDependencyError, match=r"'no_such_package_at_all'.*: pip install"):
        find_clouds(scene, valid, OmniCloud(weights=weights), resolution_m=10.0)


def test_a_scene_too_small_is_refused(package: Path, weights: Path) -> None:
    put(weights, "old.pth")
    scene, valid = np.zeros((3, 100, 400), dtype=np.float32), np.ones((100, 400), dtype=bool)
    with pytest.raises(InputError, match="needs 32 px of 10 m on each side; got 80 x 20"):
        find_clouds(scene, valid, OmniCloud(weights=weights), resolution_m=2.0)


def test_settings_that_make_no_sense_are_refused(weights: Path) -> None:
    with pytest.raises(InputError, match="works at 5 to 50 m; got 2"):
        OmniCloud(weights=weights, resolution_m=2.0)
    with pytest.raises(InputError, match="at least one class, and not the clear"):
        OmniCloud(weights=weights, classes=(CloudClass.CLEAR,))
