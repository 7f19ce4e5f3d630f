"""Probabilities of a network under training, of whole tiles in float32."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation


def predict_tile(
    network: nn.Module,
    dataset: TileDataset,
    position: int,
    normalisation: Normalisation,
    *,
    multiple: int,
    device: torch.device,
) -> NDArray[np.float32]:
    """Return the probability (height, width) of a tile, by a network in evaluation mode."""
    height, width = dataset.shape(position)
    image = torch.from_numpy(whole_tile(dataset, position, normalisation, multiple))[None]
    with torch.inference_mode():
        logits: torch.Tensor = network(image.to(device))
    probability: NDArray[np.float32] = torch.sigmoid(logits.float())[0, 0].cpu().numpy()
    return probability[:height, :width]
