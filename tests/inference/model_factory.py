"""An untrained network that is as sure of what it says as a trained one."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from tests.factories.models import make_card

from landslip.core.files import sha256_of
from landslip.models.card import InputCard
from landslip.models.engines.openvino import export_graph
from landslip.models.folder import CARD, ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.linknet import LinkNet
from landslip.models.weights import save_weights

BANDS = ("blue", "green", "red", "nir")


def rough(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return rough ground of mean 0 and standard deviation 1, alike over some pixels."""
    pixels = ndimage.gaussian_filter(generator.normal(size=shape), (0,) * (len(shape) - 2) + (2, 2))
    scaled: NDArray[np.float32] = (pixels / pixels.std()).astype(np.float32)
    return scaled


def ground(known: InputCard, shape: tuple[int, int], seed: int = 5) -> NDArray[np.uint16]:
    """Return rough ground in the range that a model knows."""
    values = rough(np.random.default_rng(seed), (len(known.bands), *shape))
    values = values * np.array(known.std)[:, None, None] + np.array(known.mean)[:, None, None]
    pixels: NDArray[np.uint16] = values.clip(1, None).astype(np.uint16)
    return pixels


def write_model(folder: Path, encoder: str = "test_resnet") -> ModelFolder:
    """Write a LinkNet whose logits have mean 0 and standard deviation 2."""
    architecture = Architecture(encoder=encoder, bands=BANDS)
    network = build_network(architecture, seed=0)
    assert isinstance(network, LinkNet)
    pixels = torch.from_numpy(rough(np.random.default_rng(0), (4, 4, 192, 192)))
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # they settle at once
    with torch.inference_mode():
        network.train()(pixels)
        logits = network.eval()(pixels)
        last = network.head[-1]
        assert isinstance(last, torch.nn.Conv2d)
        assert last.bias is not None
        last.weight.mul_(2 / logits.std())
        last.bias.copy_((last.bias - logits.mean()) * 2 / logits.std())
    files = [save_weights(network, folder), *export_graph(network, len(BANDS), folder)]
    digests = {name: sha256_of(folder / name) for name in files}
    card = make_card().model_copy(update={"architecture": architecture, "files": digests})
    (folder / CARD).write_text(card.model_dump_json())
    return ModelFolder(folder, card)
