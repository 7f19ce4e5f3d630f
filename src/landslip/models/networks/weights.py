"""Reads pretrained encoder weights from a local file."""

from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from landslip.core.errors import InputError

_PREFIXES = ("module.", "encoder.", "backbone.", "model.")
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors or pth file of tensors by name; nothing in it is executed.

    Raises:
        InputError: the file is missing, damaged, or holds anything but tensors.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; --encoder-weights takes imagenet, none or a file of weights"
        )
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes raises anything
        first = " ".join(str(error).split())[:160]
        raise InputError(
            f"{path}: not a safetensors or pth file of tensors alone ({first}); "
            "save the network's state_dict as safetensors"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise InputError(f"{path}: a dictionary of tensors (a state_dict) is needed")
    return found


def fitted(weights: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors that ``wanted`` names, prefixes of wrapping modules taken off.

    Counters of batch norms may be missing.

    Raises:
        InputError: a tensor is missing or of another shape: the file is for another encoder.
    """
    stripped = {_strip(name): tensor for name, tensor in weights.items()}
    needed = [name for name in wanted if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in stripped]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(needed)} tensors of this encoder are not in the file, "
            f"{missing[0]} first; it holds {_some(stripped)}. Give the weights of this encoder, "
            "with torchvision's or timm's names"
        )
    for name in needed:
        if stripped[name].shape != wanted[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(stripped[name].shape)} and this encoder needs "
                f"{tuple(wanted[name].shape)}; the weights are of another encoder"
            )
    return {name: stripped[name].to(wanted[name].dtype) for name in needed}


def _strip(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:3]) + ", ..."
