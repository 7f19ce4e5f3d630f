"""Files of encoder weights: tensors by name, and the bands of the first layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from landslip.core.bands import Bands
from landslip.core.errors import InputError, argument

RGB = ("red", "green", "blue")
BANDS, ENCODER = "bands", "encoder"  # keys of the header of a safetensors file
_PREFIXES = ("module.", "encoder.", "backbone.", "model.")
_WRAPPERS = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderWeights:
    """Weights of an encoder.

    Attributes:
        name: of the file, for messages.
        tensors: by name, prefixes of wrapping modules removed.
        bands: of the first layer's filters; None where the file does not say.
        encoder: timm's name of the network; None where the file does not say.
    """

    name: str
    tensors: Mapping[str, Tensor]
    bands: tuple[str, ...] | None = None
    encoder: str | None = None

    def for_network(self, expected: Mapping[str, Tensor], first_layer: str) -> dict[str, Tensor]:
        """Return the tensors of a network's ``state_dict``, or refuse the file.

        A feature pyramid's names may have ``_`` where the backbone's have ``.``. Counters of batch
        norms may be missing.

        Args:
            expected: the network's own tensors by name.
            first_layer: name of the filters that the image reaches first.

        Raises:
            InputError: tensors are missing or of another shape.
        """
        available = {comparable(name): tensor for name, tensor in self.tensors.items()}
        needed = [name for name in expected if not name.endswith("num_batches_tracked")]
        missing = [name for name in needed if comparable(name) not in available]
        if missing:
            raise InputError(
                f"{self.name}: {len(missing)} of {len(needed)} tensors of this encoder are not in "
                f"the file, {missing[0]} first; it holds {', '.join(sorted(self.tensors)[:3])}, "
                ".... Pass the weights of this encoder, with torchvision's or timm's names"
            )
        chosen = {}
        for name in needed:
            tensor, own = available[comparable(name)], expected[name]
            if tensor.shape != own.shape:
                if name == first_layer and tensor.shape[1] != own.shape[1]:
                    raise InputError(
                        f"{self.name}: its first layer takes {tensor.shape[1]} bands, and the file "
                        "does not name them; name them with `landslip weights convert --bands`"
                    )
                raise InputError(
                    f"{self.name}: {name} has shape {tuple(tensor.shape)} and this encoder needs "
                    f"{tuple(own.shape)}; the weights are of another encoder"
                )
            chosen[name] = tensor.to(own.dtype)
        return chosen


def read_encoder_weights(path: Path) -> EncoderWeights:
    """Read a safetensors or pth file of tensors by name; nothing in it is executed.

    Raises:
        InputError: the file is missing, has anything but tensors, or names other bands than its
            first layer can have.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; {argument('encoder_weights')} is imagenet, none, the name of "
            "published weights, or a file of weights"
        )
    if path.suffix != ".safetensors":
        with path.open("rb") as file:
            return EncoderWeights(name=str(path), tensors=read_pickled_tensors(file, str(path)))
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            header = stored.metadata() or {}
        tensors = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise _not_tensors(str(path), error) from error
    bands = header.get(BANDS)
    return EncoderWeights(
        name=str(path),
        tensors=without_prefixes(tensors),
        bands=None if bands is None else Bands.parse(bands).names,
        encoder=header.get(ENCODER),
    )


def read_pickled_tensors(file: IO[bytes], name: str) -> dict[str, Tensor]:
    """Read what `torch.save` wrote, tensors alone, without executing anything.

    Raises:
        InputError: it holds anything else.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes raises anything
        raise _not_tensors(name, error) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{name}: a dictionary of tensors (a state_dict) is needed")
    return without_prefixes(content)


def without_prefixes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the prefixes of wrapping modules, such as ``module.``."""
    return {_without_prefixes(name): tensor for name, tensor in tensors.items()}


def _without_prefixes(name: str) -> str:
    while shorter := next(
        (name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), ""
    ):
        name = shorter
    return name


def comparable(name: str) -> str:
    """Return a name that is the same in a feature pyramid and in its backbone."""
    return _without_prefixes(name).replace(".", "_")


def _not_tensors(name: str, error: Exception) -> InputError:
    cause = " ".join(str(error).split())[:160] or type(error).__name__
    return InputError(
        f"{name}: not a safetensors or pth file of tensors alone ({cause}); save the network's "
        "state_dict as safetensors"
    )
