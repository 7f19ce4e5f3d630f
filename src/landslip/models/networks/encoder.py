"""Encoders: timm backbones that return a feature pyramid."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from landslip.core.choices import FirstLayer
from landslip.core.errors import InputError
from landslip.models.networks.linknet import LEVEL_STRIDES

IMAGENET, NO_WEIGHTS = "imagenet", "none"
_PROBE_SIZE = (64, 96)
BUILD_ERRORS = (
    RuntimeError,
    AttributeError,
    TypeError,
    ValueError,
    AssertionError,
    NotImplementedError,
    IndexError,
)


IMAGENET_BANDS = ("red", "green", "blue")
_PREFIXES = ("module.", "encoder.", "backbone.", "model.")
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def make_encoder(name: str, weights: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Make an encoder for RGB; return it with its channels at strides 4, 8, 16 and 32.

    Args:
        name: a timm backbone.
        weights: ``imagenet`` (downloaded by timm), ``none``, or a local file.

    Raises:
        InputError: the backbone is unknown or has no such pyramid, or the weights do not fit.
    """
    encoder = load_backbone(name, weights, _levels(name))
    return encoder, tuple(encoder.feature_info.channels())


def load_backbone(name: str, weights: str, levels: tuple[int, ...]) -> Any:
    """Make a timm backbone for RGB that returns its features number ``levels``.

    Raises:
        InputError: the weights cannot be had or do not fit.
    """
    tensors = None
    if weights not in (IMAGENET, NO_WEIGHTS):
        tensors = _encoder_weights(name, Path(weights))
    try:
        return timm.create_model(
            name,
            features_only=True,
            out_indices=levels,
            pretrained=weights != NO_WEIGHTS,
            pretrained_cfg_overlay=None if tensors is None else {"state_dict": tensors},
        )
    except (OSError, RuntimeError) as error:
        if weights != IMAGENET:
            raise
        first = str(error).splitlines()[0]
        raise InputError(
            f"the ImageNet weights of {name} cannot be had ({first}); without a network, give "
            "a local file with --encoder-weights FILE, or train without: --encoder-weights none"
        ) from error


def probe_backbone(name: str) -> Any:
    """Return a backbone without memory for its weights, to learn what features it has.

    Raises:
        InputError: the backbone is unknown or gives no features.
    """
    if not timm.is_model(name.split(".", maxsplit=1)[0]):
        near = ", ".join(timm.list_models(f"{name[:6]}*")[:5]) or "resnet18, resnet50"
        raise InputError(f"--encoder {name}: not a timm backbone; did you mean one of {near}?")
    try:
        with torch.device("meta"):
            return timm.create_model(name, features_only=True, pretrained=False)
    except BUILD_ERRORS as error:
        raise InputError(
            f"--encoder {name}: a backbone with a feature pyramid is needed and this one "
            "gives none; the ResNet, ResNeXt, RegNet, ConvNeXt and EfficientNet families do"
        ) from error


def check_any_size(probe: Any, name: str) -> None:
    """Refuse a backbone, made by `probe_backbone`, that takes images of one size only.

    Raises:
        InputError: it does.
    """
    image = torch.zeros(1, 3, *_PROBE_SIZE, device="meta")
    try:
        with torch.no_grad():
            probe.eval()(image)
    except BUILD_ERRORS as error:
        raise InputError(
            f"--encoder {name}: a backbone that takes images of any size is needed and this one "
            f"does not ({one_line(error)}); take one such as resnet50"
        ) from error


def one_line(error: Exception) -> str:
    """Return what a library says of a failure, in one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def _levels(name: str) -> tuple[int, ...]:
    """Return which of a backbone's features have the strides that the decoder needs."""
    probe = probe_backbone(name)
    if "NHWC" in str(getattr(probe, "output_fmt", "NCHW")):
        raise InputError(
            f"--encoder {name}: this backbone gives its features with channels last, which the "
            "decoder does not take; take one such as resnet50"
        )
    strides = list(probe.feature_info.reduction())
    if not set(LEVEL_STRIDES) <= set(strides):
        raise InputError(
            f"--encoder {name}: features at strides {LEVEL_STRIDES} are needed and this backbone "
            f"has them at {tuple(strides)}; take one such as resnet50"
        )
    check_any_size(probe, name)
    last = {stride: at for at, stride in enumerate(strides)}
    out_indices = probe.feature_info.out_indices
    return tuple(int(out_indices[last[stride]]) for stride in LEVEL_STRIDES)


def _encoder_weights(name: str, path: Path) -> dict[str, torch.Tensor]:
    """Read a file and check it against the whole backbone, its classifier set aside."""
    with torch.device("meta"):
        whole = timm.create_model(name, pretrained=False, num_classes=0)
    return select_tensors(read_encoder_weights(path), whole.state_dict(), path)


def band_filters(
    weight: Tensor, bands: tuple[str, ...], rule: FirstLayer, generator: torch.Generator
) -> Tensor:
    """Return filters (out, len(bands), height, width) from RGB filters (out, 3, height, width).

    Red, green and blue take their own filters wherever they stand; other bands follow ``rule``.
    """
    columns = []
    for name in bands:
        if name in IMAGENET_BANDS:
            columns.append(weight[:, IMAGENET_BANDS.index(name)])
        else:
            columns.append(_unknown_band(weight, rule, generator))
    return torch.stack(columns, dim=1)


def widen_first_layer(
    network: nn.Module, bands: tuple[str, ...], rule: FirstLayer, generator: torch.Generator
) -> None:
    """Replace the first convolution of three channels by one for ``bands``, in place.

    Raises:
        ValueError: the network has no convolution of three input channels.
    """
    name, layer = _first_convolution(network)
    wider = type(layer)(  # some backbones have convolutions of their own kind
        len(bands),
        layer.out_channels,
        kernel_size=_pair(layer.kernel_size),
        stride=_pair(layer.stride),
        padding=layer.padding if isinstance(layer.padding, str) else _pair(layer.padding),
        bias=layer.bias is not None,
    )
    with torch.no_grad():
        wider.weight.copy_(band_filters(layer.weight, bands, rule, generator))
        if wider.bias is not None and layer.bias is not None:
            wider.bias.copy_(layer.bias)
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, wider)


def _first_convolution(network: nn.Module) -> tuple[str, nn.Conv2d]:
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels == len(IMAGENET_BANDS):
            return name, layer
    raise ValueError("the network has no convolution over three channels to begin with")


def _unknown_band(weight: Tensor, rule: FirstLayer, generator: torch.Generator) -> Tensor:
    if rule is FirstLayer.MEAN:
        return weight.mean(dim=1)
    if rule is FirstLayer.RED:
        return weight[:, IMAGENET_BANDS.index("red")]
    if rule is FirstLayer.ZERO:
        return torch.zeros_like(weight[:, 0])
    fan_out = weight.shape[0] * weight.shape[2] * weight.shape[3]
    deviation = (2.0 / fan_out) ** 0.5
    drawn: Tensor = torch.randn(weight[:, 0].shape, generator=generator) * deviation
    return drawn


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    return size[0], size[-1]


def read_encoder_weights(path: Path) -> dict[str, Tensor]:
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


def select_tensors(
    weights: dict[str, Tensor], wanted: dict[str, Tensor], path: Path
) -> dict[str, Tensor]:
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
