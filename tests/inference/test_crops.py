"""What is found does not depend on where a scene was cut."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from tests.inference.factories import MeanEngine, Runner, terrain
from tests.inference.model_factory import BANDS, ground, write_model

from landslip.core.choices import Precision
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.models.engines.openvino import OpenvinoEngine
from landslip.models.folder import ModelFolder

SIDE, EDGE = 512, 96
"""Stated bound on the share of a mask's pixels that differ away from a crop's edge.

For an untrained network, which is as sensitive as networks get.
"""
MOST_DIFFERING = 0.04


@pytest.mark.parametrize(("row", "col"), [(13, 29), (8, 16), (1, 7)])
def test_a_crop_shows_the_same_as_the_whole(run: Runner, row: int, col: int) -> None:
    scene = terrain((120, 140))
    whole = run(scene, MeanEngine(), out="whole")
    transform = whole.grid[1] @ Affine.translation(col, row)
    cut = scene[:, row : row + 90, col : col + 100]
    crop = run(cut, MeanEngine(), out="crop", transform=transform)
    inner = (slice(1, -1), slice(1, -1))
    same = whole.steps[row : row + 90, col : col + 100]
    np.testing.assert_array_equal(crop.steps[inner], same[inner])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_model(tmp_path_factory.mktemp("linknet18"), "resnet18")


def test_a_network_with_strides_sees_a_crop_as_it_sees_the_whole(
    model: ModelFolder, write_raster: Callable[..., Path], tmp_path: Path
) -> None:
    engine, pixels = OpenvinoEngine(model, Precision.FP32), ground(model.card.input, (SIDE, SIDE))
    options = ExtractionOptions(tile=256, overlap=64)
    lies = Affine(2, 0, 500_000, 0, -2, 4_000_000)

    def steps(name: str, part: NDArray[np.uint16], transform: Affine) -> NDArray[np.uint8]:
        path = write_raster(f"{name}.tif", part, names=BANDS, transform=transform)
        extract(path, model, engine, tmp_path / name, options)
        with rasterio.open(tmp_path / name / "probability.tif") as file:
            found: NDArray[np.uint8] = file.read(1)
        return found

    row, col = 45, 77
    cut = (slice(row, None), slice(col, None))
    inner = (slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    whole = steps("whole", pixels, lies)
    threshold = np.median(whole)
    landslide = (whole > threshold)[cut][inner]
    assert whole.std() > 25, "a network that does not tell pixels apart shows nothing"
    shares = {}
    for name, said in (("right", lies @ Affine.translation(col, row)), ("wrong", lies)):
        crop = steps(name, pixels[:, *cut], said)
        shares[name] = np.mean((crop > threshold)[inner] != landslide)
    assert shares["right"] < MOST_DIFFERING
    assert shares["wrong"] > 5 * MOST_DIFFERING
