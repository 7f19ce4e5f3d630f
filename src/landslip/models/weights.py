"""A network's weights in a model folder; needs torch."""

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from landslip.core.errors import ModelError, excerpt
from landslip.models.folder import WEIGHTS, ModelFolder
from landslip.models.networks.build import build_network
from landslip.models.networks.ensemble import Ensemble


def save_weights(network: nn.Module, folder: Path) -> str:
    """Write all tensors of a network as safetensors; return the file's name."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    safetensors.torch.save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    return WEIGHTS


def load_network(model: ModelFolder) -> nn.Module:
    """Build a model's network and load its weights.

    Raises:
        ModelError: the weights are missing, damaged, or not of this network.
    """
    file = model.file(WEIGHTS)
    try:
        tensors = safetensors.torch.load_file(file)
    except safetensors.SafetensorError as error:
        raise ModelError(
            f"{file}: not weights that can be read ({excerpt(error)}); copy the model again"
        ) from error
    if any(t.is_floating_point() and not t.isfinite().all() for t in tensors.values()):
        raise ModelError(
            f"{file}: has weights that are not finite numbers; copy the model again, or train again"
        )
    networks = [build_network(model.card.architecture) for _ in range(model.card.members)]
    network = networks[0] if len(networks) == 1 else Ensemble(networks)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(
            f"{file}: not the weights of the network in model.json ({excerpt(error, 200)})"
        ) from error
    return network


def torch_version() -> str:
    """Return the version of torch, without its build."""
    return str(torch.__version__).split("+")[0]
