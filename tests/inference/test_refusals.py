"""What is refused, in which words, and what is left behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from tests.inference.factories import (
    LEAST_STEPS,
    RESULTS,
    SMALL,
    RedEngine,
    Runner,
    expected_steps,
    model_of,
    terrain,
)

from landslip.core.bands import Bands
from landslip.core.errors import InputError, LandslipError, ModelError, OutputExistsError
from landslip.core.files import file_lock
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.io.raster import SceneOptions


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("profile", "options", "error", "message"),
    [
        pytest.param(
            {"names": ("red", "green")}, {}, ModelError, "nir is not among red,green", id="bands"
        ),
        pytest.param(
            {"scales": (1e-4, 1e-4)},
            {},
            ModelError,
            "values in dn and these are in refl",
            id="units",
        ),
        pytest.param(
            {"crs": None, "transform": Affine.identity()},
            {"min_area_m2": 5.0},
            InputError,
            "min_area is in square metres and the scene has no coordinate system",
            id="area without coordinates",
        ),
        pytest.param(
            {},
            {"tile": 36},
            InputError,
            "tile must be a multiple of 8 for this model; got 36",
            id="t",
        ),
        pytest.param(
            {},
            {"overlap": 24},
            InputError,
            "overlap must be at most half of tile; got 24 of 32",
            id="overlap",
        ),
        pytest.param(
            {},
            {"memory_bytes": 50 * 2**20},
            InputError,
            r"memory: this scene and model need about \d+ MiB with tile=32; got 50 MiB",
            id="memory",
        ),
    ],
)
def test_what_does_not_fit_leaves_nothing(
    run: Runner,
    tmp_path: Path,
    profile: dict[str, Any],
    options: dict[str, Any],
    error: type[LandslipError],
    message: str,
) -> None:
    asked = ExtractionOptions(**({"tile": 32, "overlap": 8} | options))
    with pytest.raises(error, match=message):
        run(terrain((60, 50)), options=asked, **profile)
    assert names(tmp_path) == ["scene.tif"]


@pytest.mark.parametrize("factor", [60, 0.02])
def test_values_far_from_the_training_data_are_refused(run: Runner, factor: float) -> None:
    with pytest.raises(ModelError, match="the values are in another unit or scale"):
        run((terrain((60, 50)) * factor).astype(np.uint16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold must be over 0 and at most 1; got 0.0"),
        ({"threshold": 1.2}, "threshold must be over 0 and at most 1; got 1.2"),
        ({"min_area_m2": -1.0}, "min_area must be 0 or more square metres; got -1.0"),
        ({"min_area_m2": float("nan")}, "min_area must be 0 or more square metres; got nan"),
        ({"workers": 0}, "workers must be at least 1; got 0"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExtractionOptions(**options)


def test_a_truncated_scene_is_told_of(run: Runner, tmp_path: Path) -> None:
    path = run.scene(terrain((300, 90)), names=None)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    named = SceneOptions(bands=Bands.parse("red,nir"))
    options = ExtractionOptions(tile=32, overlap=8, scene=named)
    with pytest.raises(InputError, match="may be damaged or truncated"):
        extract(path, model_of(), RedEngine(), tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_stays_unless_said(run: Runner, tmp_path: Path) -> None:
    run(terrain((40, 40)))
    with pytest.raises(
        OutputExistsError, match="already exists; choose another out or pass overwrite=True"
    ):
        run(terrain((50, 50)))
    (tmp_path / "out" / "notes.txt").write_text("mine")
    path = run.scene(terrain((50, 50)))
    options = ExtractionOptions(tile=32, overlap=8, overwrite=True)
    summary = extract(path, model_of(), RedEngine(), tmp_path / "out", options)
    expected = expected_steps(terrain((50, 50)), RedEngine())
    assert summary.landslide_px == (expected >= LEAST_STEPS).sum()
    assert names(tmp_path / "out") == sorted([*RESULTS, "notes.txt"])
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert names(tmp_path) == ["out", "scene.tif"]


def test_an_output_that_is_a_file_is_refused(run: Runner, tmp_path: Path) -> None:
    path = run.scene(terrain((40, 40)))
    (tmp_path / "out").write_text("a file")
    options = ExtractionOptions(tile=32, overlap=8, overwrite=True)
    with pytest.raises(OutputExistsError, match="must be a folder and is a file"):
        extract(path, model_of(), RedEngine(), tmp_path / "out", options)
    assert names(tmp_path) == ["out", "scene.tif"]


def test_two_runs_at_once_on_one_output_are_refused(run: Runner, tmp_path: Path) -> None:
    path, out = run.scene(terrain((40, 40))), tmp_path / "out"
    with (
        file_lock(tmp_path / ".out.work" / "lock", "the first"),
        pytest.raises(InputError, match=r"another process is working on the extraction .*out; wa"),
    ):
        extract(path, model_of(), RedEngine(), out, SMALL)
    extract(path, model_of(), RedEngine(), out, SMALL)
    assert names(out) == RESULTS


def test_a_link_to_a_folder_is_followed(run: Runner, tmp_path: Path) -> None:
    path = run.scene(terrain((40, 40)))
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "there").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "there")
    extract(path, model_of(), RedEngine(), tmp_path / "out", SMALL)
    assert names(tmp_path / "disk" / "there") == RESULTS
    assert names(tmp_path / "disk") == ["there"]
    assert (tmp_path / "out").is_symlink()
