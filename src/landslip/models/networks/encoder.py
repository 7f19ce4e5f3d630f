"""Encoders: timm backbones with a feature pyramid, for any bands, from pretrained weights."""

from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from landslip.core.choices import FirstLayer
from landslip.core.errors import InputError, argument
from landslip.models.networks.linknet import LEVEL_STRIDES
from landslip.models.networks.weights_download import (
    IMAGENET,
    NO_WEIGHTS,
    make_with_downloaded_weights,
)

_IMAGENET_BANDS = ("red", "green", "blue")
_PREFIXES = ("module.", "encoder.", "backbone.", "model.")
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PROBE_SIZE = (64, 96)
BUILD_ERRORS = (RuntimeError, AttributeError, TypeError, ValueError, AssertionError, IndexError)


def make_encoder(name: str, weights: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Make a timm backbone for RGB; return it with its channels at strides 4, 8, 16 and 32.

    ``weights`` is ``imagenet`` (downloaded by timm), ``none``, or a local file.
    """
    probe = probe_backbone(name)
    if "NHWC" in str(getattr(probe, "output_fmt", "NCHW")):
        raise InputError(
            f"{argument('encoder', name)}: this backbone returns its features with channels last, "
            "which the decoder does not take; use another, such as resnet50"
        )
    strides = list(probe.feature_info.reduction())
    if not set(LEVEL_STRIDES) <= set(strides):
        raise InputError(
            f"{argument('encoder', name)}: features at strides {LEVEL_STRIDES} are needed and this "
            f"backbone has them at {tuple(strides)}; use another, such as resnet50"
        )
    check_any_size(probe, name)
    last_of_stride = {stride: index for index, stride in enumerate(strides)}
    out_indices = probe.feature_info.out_indices
    levels = tuple(int(out_indices[last_of_stride[stride]]) for stride in LEVEL_STRIDES)
    encoder = load_backbone(name, weights, levels)
    return encoder, tuple(encoder.feature_info.channels())


def load_backbone(name: str, weights: str, levels: tuple[int, ...]) -> Any:
    """Make a timm backbone for RGB that returns the features of these indices."""
    overlay = None
    if weights not in (IMAGENET, NO_WEIGHTS):
        with torch.device("meta"):
            backbone = timm.create_model(name, pretrained=False, num_classes=0)
        tensors = read_encoder_weights(Path(weights))
        overlay = {"state_dict": _select_tensors(tensors, backbone.state_dict(), weights)}
    make = partial(
        timm.create_model,
        name,
        features_only=True,
        out_indices=levels,
        pretrained=weights != NO_WEIGHTS,
        pretrained_cfg_overlay=overlay,
    )
    return make_with_downloaded_weights(name, make) if weights == IMAGENET else make()


def probe_backbone(name: str) -> Any:
    """Return a backbone on the meta device, to inspect its features without allocating weights."""
    if not timm.is_model(name.split(".", maxsplit=1)[0]):
        similar = ", ".join(timm.list_models(f"{name[:6]}*")[:5]) or "resnet18, resnet50"
        raise InputError(
            f"{argument('encoder', name)}: not a timm backbone; did you mean one of {similar}?"
        )
    try:
        with torch.device("meta"):
            return timm.create_model(name, features_only=True, pretrained=False)
    except BUILD_ERRORS as error:
        raise InputError(
            f"{argument('encoder', name)}: a backbone with a feature pyramid is needed and this "
            "one has none; the ResNet, ResNeXt, RegNet, ConvNeXt and EfficientNet families do"
        ) from error


def check_any_size(probe: Any, name: str) -> None:
    """Refuse a backbone, made by `probe_backbone`, that takes images of one size only."""
    image = torch.zeros(1, 3, *_PROBE_SIZE, device="meta")
    try:
        with torch.no_grad():
            probe.eval()(image)
    except BUILD_ERRORS as error:
        raise InputError(
            f"{argument('encoder', name)}: a backbone that takes images of any size is needed and "
            f"this one does not ({one_line(error)}); use another, such as resnet50"
        ) from error


def one_line(error: Exception) -> str:
    """Return a library's error message on one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def widen_first_layer(
    network: nn.Module, bands: tuple[str, ...], rule: FirstLayer, generator: torch.Generator
) -> None:
    """Replace the first convolution over three channels by one over ``bands``, in place.

    timm's own ``in_chans`` repeats and rescales the RGB filters whatever the bands are.
    """
    convolutions = (
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.in_channels == len(_IMAGENET_BANDS)
    )
    name, layer = next(convolutions, ("", None))
    if layer is None:
        raise ValueError("the network does not begin with a convolution over three channels")
    geometry: Any = {key: getattr(layer, key) for key in ("kernel_size", "stride", "padding")}
    # some backbones subclass Conv2d
    wider = type(layer)(len(bands), layer.out_channels, **geometry, bias=layer.bias is not None)
    with torch.no_grad():
        wider.weight.copy_(band_filters(layer.weight, bands, rule, generator))
        if wider.bias is not None and layer.bias is not None:
            wider.bias.copy_(layer.bias)
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, wider)


def band_filters(
    weight: Tensor, bands: tuple[str, ...], rule: FirstLayer, generator: torch.Generator
) -> Tensor:
    """Return filters (out, len(bands), height, width) from RGB filters (out, 3, height, width).

    Red, green and blue take their own filters in any order; other bands follow ``rule``.
    """

    def of_band(name: str) -> Tensor:
        if name in _IMAGENET_BANDS:
            return weight[:, _IMAGENET_BANDS.index(name)]
        if rule is FirstLayer.MEAN:
            return weight.mean(dim=1)
        if rule is FirstLayer.RED:
            return weight[:, _IMAGENET_BANDS.index("red")]
        if rule is FirstLayer.ZERO:
            return torch.zeros_like(weight[:, 0])
        fan_out = weight.shape[0] * weight.shape[2] * weight.shape[3]
        deviation = (2.0 / fan_out) ** 0.5
        kaiming: Tensor = torch.randn(weight[:, 0].shape, generator=generator) * deviation
        return kaiming

    return torch.stack([of_band(name) for name in bands], dim=1)


def read_encoder_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors or pth file of tensors by name; nothing in it is executed."""
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; {argument('encoder_weights')} is imagenet, none or a file of "
            "weights"
        )
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes raises anything
        raise InputError(
            f"{path}: not a safetensors or pth file of tensors alone ({one_line(error)}); "
            "save the network's state_dict as safetensors"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{path}: a dictionary of tensors (a state_dict) is needed")
    return content


def _select_tensors(
    weights: dict[str, Tensor], expected: dict[str, Tensor], path: str
) -> dict[str, Tensor]:
    """Return the expected tensors, prefixes of wrapping modules removed, or refuse the file.

    Counters of batch norms may be missing.
    """
    available = {}
    for name, tensor in weights.items():
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)  # noqa: PLW2901
        available[name] = tensor
    needed = [name for name in expected if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in available]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(needed)} tensors of this encoder are not in the file, "
            f"{missing[0]} first; it holds {', '.join(sorted(available)[:3])}, .... Pass the "
            "weights of this encoder, with torchvision's or timm's names"
        )
    for name in needed:
        if available[name].shape != expected[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(available[name].shape)} and this encoder needs "
                f"{tuple(expected[name].shape)}; the weights are of another encoder"
            )
    return {name: available[name].to(expected[name].dtype) for name in needed}
