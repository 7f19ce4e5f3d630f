"""Probabilities of a network under training, of whole tiles in float32."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landslip.core.choices import Tta
from landslip.datasets.band_groups import directions_of
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.models.engines.tta import mean_over_views


def predict_tile(
    network: nn.Module,
    dataset: TileDataset,
    position: int,
    normalisation: Normalisation,
    *,
    multiple: int,
    tta: Tta = Tta.NONE,
) -> NDArray[np.float32]:
    """Return the probability (height, width) of a tile, by a network in evaluation mode."""
    device = next(network.parameters()).device
    height, width = dataset.shape(position)
    image = whole_tile(dataset, position, normalisation, multiple)[np.newaxis]

    def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: torch.Tensor = network(torch.from_numpy(batch).to(device))
        probability: NDArray[np.float32] = torch.sigmoid(logits.float())[:, 0].cpu().numpy()
        return probability

    turning = directions_of(dataset.bands)
    return mean_over_views(predict, image, tta, turning)[0, :height, :width]
