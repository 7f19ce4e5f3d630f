"""What is found does not depend on where a scene was cut."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from tests.extraction.made import MeanEngine, Runner, terrain
from tests.model.test_folder import make_card

from landslip.choices import Precision
from landslip.engines.openvino import OpenvinoEngine, export_graph
from landslip.extraction.options import ExtractionOptions
from landslip.extraction.run import extract
from landslip.model.folder import CARD, Model, sha256_of
from landslip.model.weights import save_weights
from landslip.networks.architecture import Architecture
from landslip.networks.build import build_network

BANDS = ("blue", "green", "red", "nir")
SIDE, EDGE = 512, 96
"""Stated bound on the share of the mask's pixels that differ away from a crop's edge."""
MOST_DIFFERING = 0.01


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
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Give a LinkNet-18 that is as sure of what it says as a trained one, at random."""

    folder = tmp_path_factory.mktemp("linknet18")
    architecture = Architecture(encoder="resnet18", bands=BANDS)
    network = build_network(architecture, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        network.train()
        network(7 * torch.randn(4, 4, 128, 128, generator=generator))  # batch norms settle
        network.eval()
        last = [part for part in network.modules() if isinstance(part, torch.nn.Conv2d)][-1]
        last.weight *= 8
    files = [save_weights(network, folder), *export_graph(network, 4, folder)]
    digests = {name: sha256_of(folder / name) for name in files}
    card = make_card().model_copy(update={"architecture": architecture, "files": digests})
    (folder / CARD).write_text(card.model_dump_json())
    return Model(folder, card)


def ground(model: Model) -> NDArray[np.uint16]:
    """Return rough ground in all bands, in the model's own range."""
    generator, known = np.random.default_rng(5), model.card.input
    rough = ndimage.gaussian_filter(generator.normal(size=(4, SIDE, SIDE)), (0, 2, 2))
    rough *= np.array(known.std)[:, None, None] / rough.std()
    pixels: NDArray[np.uint16] = (rough + np.array(known.mean)[:, None, None]).astype(np.uint16)
    return pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A crop, and where it is said to lie."""

    row: int
    col: int
    transform: Affine


def test_a_network_with_strides_sees_a_crop_as_it_sees_the_whole(
    model: Model, write_raster: Callable[..., Path], tmp_path: Path
) -> None:
    engine, pixels = OpenvinoEngine(model, Precision.FP32), ground(model)
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
    print(shares, whole.std())
    assert shares["right"] < MOST_DIFFERING
    assert shares["wrong"] > 10 * MOST_DIFFERING
