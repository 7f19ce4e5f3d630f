"""torch, on a GPU where there is one."""

import numpy as np
import torch
from numpy.typing import NDArray

from landslip.choices import Precision
from landslip.model.folder import Model
from landslip.model.weights import load_network
from landslip.networks.hardware import computes_in_bf16


class TorchEngine:
    """Runs the network from its weights."""

    name = "torch"

    def __init__(self, model: Model, precision: Precision = Precision.AUTO) -> None:
        """Build the network and load its weights.

        Raises:
            ModelError: the weights are missing or damaged.
        """
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if precision is Precision.AUTO:
            fast = computes_in_bf16(self._device)
            precision = Precision.BF16 if fast else Precision.FP32
        self.precision = precision.value
        network = load_network(model).eval()
        network.to(memory_format=torch.channels_last)
        self._network = network.to(self._device)
        self._autocast = torch.autocast(
            self._device.type, torch.bfloat16, enabled=precision is Precision.BF16
        )

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        image = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
        with torch.inference_mode(), self._autocast:
            logits = self._network(image)
        probability: NDArray[np.float32] = torch.sigmoid(logits.float())[:, 0].cpu().numpy()
        return probability
