"""A network as ONNX, for ONNX Runtime and for QGIS; needs torch.

QGIS's plugin Deepness (github.com/PUTvision/qgis-plugin-deepness) runs an ONNX file on square tiles
of one size. It divides the values from QGIS, which applies a file's scale and offset, by 255,
subtracts ``standardization_mean`` and divides by ``standardization_std`` in versions that know
these keys, and assigns the class to pixels whose single output is at least ``seg_thresh``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landslip.core.errors import ModelError, argument
from landslip.models.card import InputCard, ModelCard, OnnxCard
from landslip.models.export.int8 import silent_logging
from landslip.models.folder import DEEPNESS, ONNX, ModelFolder
from landslip.models.weights import load_network, torch_version

DIVISOR = 255.0
TILE_PX = 512
OVERLAP_PERCENT = 20
OPSET = 18
IMAGE, PROBABILITY = "image", "probability"
MAX_DIFFERENCE = 1e-4
_SIDES = ("batch", "height", "width")


class FromDeepness(nn.Module):
    """A network of probabilities that takes Deepness's input: values / 255, not normalised.

    Pixels with the training data's nodata (`landslip.io.raster.validity`) get 0 as input and as
    output.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, card: InputCard) -> None:
        super().__init__()
        self.network = network
        self.nodata = card.nodata
        self.register_buffer("mean", torch.tensor(card.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(card.std)[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        """Return probabilities (n, 1, height, width) for values / 255 (n, bands, height, width)."""
        values = image * DIVISOR
        normalised = (values - self.mean) / self.std
        if self.nodata is None:
            probability: Tensor = self.network(normalised)
            return probability
        if np.isnan(self.nodata):
            has_data = ~values.isnan()
        else:  # the division by 255 is undone up to rounding
            has_data = (values - self.nodata).abs() > 1e-6 * abs(self.nodata)
        in_bands = torch.any if self.nodata == 0 else torch.all
        valid = in_bands(has_data, dim=1, keepdim=True)
        return torch.where(valid, self.network(torch.where(valid, normalised, 0.0)), 0.0)


def write_onnx(model: ModelFolder, folder: Path) -> OnnxCard:
    """Write a model's network with its sigmoid as ONNX, for any size and for Deepness.

    ``model.onnx`` takes normalised float32 ``image`` (batch, bands, height, width) and returns
    ``probability`` (batch, 1, height, width). ``deepness.onnx`` takes one square tile of Deepness.
    """
    network = nn.Sequential(load_network(model), nn.Sigmoid()).eval()
    network.requires_grad_(False)  # torch converts it a quarter sooner
    card = model.card.input
    bands, multiple = len(card.bands), card.multiple
    side = -(-TILE_PX // multiple) * multiple  # of Deepness's tiles
    adapted = FromDeepness(network, card).eval()
    any_size = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with silent_logging():
        general = _converted(network, (2, bands, 2 * multiple, 3 * multiple), any_size)
        fixed = _converted(adapted, (1, bands, side, side), {})
    for value in (*general.graph.input, *general.graph.output):
        for at, name in zip((0, 2, 3), _SIDES, strict=True):  # in place of torch's formulas
            value.type.tensor_type.shape.dim[at].dim_param = name
    for key, text in _deepness_keys(model.card, side).items():
        fixed.metadata_props.add(key=key, value=text)
    for converted, file in ((general, ONNX), (fixed, DEEPNESS)):
        onnx.checker.check_model(converted, full_check=True)
        onnx.save(converted, folder / file)
    generator = np.random.default_rng(0)
    shapes = ((1, bands, multiple, 2 * multiple), (3, bands, 4 * multiple, 3 * multiple))
    pixels = [generator.standard_normal(shape, dtype=np.float32) for shape in shapes]
    difference = max(_difference(folder / ONNX, network, batch) for batch in pixels)
    mean, std = (np.array(part, np.float32)[:, None, None] for part in (card.mean, card.std))
    tile = generator.standard_normal((1, bands, side, side), dtype=np.float32) * std + mean
    tile /= np.float32(DIVISOR)
    _difference(folder / DEEPNESS, adapted, tile)
    return OnnxCard(
        opset=OPSET,
        largest_difference=difference,
        deepness_tile=side,
        torch_version=torch_version(),
        onnx_version=onnx.__version__,
    )


def _converted(
    network: nn.Module, shape: tuple[int, ...], dynamic: dict[int, Any]
) -> onnx.ModelProto:
    program = torch.onnx.export(
        network,
        (torch.zeros(shape),),
        input_names=[IMAGE],
        output_names=[PROBABILITY],
        opset_version=OPSET,
        dynamo=True,
        dynamic_shapes=(dynamic,) if dynamic else None,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    converted: onnx.ModelProto = program.model_proto
    return converted


def _difference(path: Path, network: nn.Module, pixels: NDArray[np.float32]) -> float:
    """Return the largest difference of a written file's probabilities from torch's."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(torch.from_numpy(pixels)).numpy()
    output = session.run([PROBABILITY], {IMAGE: pixels})[0]
    difference = float(np.abs(output - expected).max())
    if not difference <= MAX_DIFFERENCE:
        raise ModelError(
            f"{path.name}: its probabilities differ from the network's by up to {difference:.2g} "
            f"and at most {MAX_DIFFERENCE:g} is rounding; this network cannot be converted, use "
            f"{argument('onnx', False)}"
        )
    return difference


def _deepness_keys(card: ModelCard, side: int) -> dict[str, str]:
    """Return the metadata of the ONNX file, each value as JSON.

    Mean 0 and deviation 1 leave only Deepness's division by 255, which the network in the file
    undoes before it normalises, so that versions that do not know the keys agree.
    """
    bands = len(card.input.bands)
    keys = {
        "model_type": "Segmentor",
        "class_names": {"0": "background", "1": "landslide"},
        "tile_size": side,
        "tiles_overlap": OVERLAP_PERCENT,
        "seg_thresh": card.threshold,
        "seg_small_segment": 0,
        "standardization_mean": [0.0] * bands,
        "standardization_std": [1.0] * bands,
    }
    if card.input.resolution_m is not None:
        keys["resolution"] = 100 * card.input.resolution_m
    return {name: json.dumps(value) for name, value in keys.items()}
