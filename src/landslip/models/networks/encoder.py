"""Encoders: timm backbones with a feature pyramid, for any bands, from pretrained weights."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from landslip.core.bands import BEFORE
from landslip.core.choices import FirstLayer
from landslip.core.errors import InputError, argument
from landslip.models.networks.encoder_weights import RGB, EncoderWeights, read_encoder_weights
from landslip.models.networks.linknet import LEVEL_STRIDES
from landslip.models.networks.published_weights import is_published, published_weights
from landslip.models.networks.weights_download import (
    IMAGENET,
    NO_WEIGHTS,
    make_with_downloaded_weights,
)

_PROBE_SIZE = (64, 96)
BUILD_ERRORS = (RuntimeError, AttributeError, TypeError, ValueError, AssertionError, IndexError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A timm backbone with a feature pyramid; its first layer takes ``bands``, in this order."""

    network: Any
    bands: tuple[str, ...] = RGB

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(self.network.feature_info.channels())


def make_encoder(name: str, weights: str, levels: int = len(LEVEL_STRIDES)) -> Encoder:
    """Make a timm backbone with so many levels, the first ones of strides 4, 8, 16 and 32.

    ``weights`` is ``imagenet`` (downloaded by timm), ``none``, the name of published weights, or a
    local file. What comes after the last level is not built where timm can leave it out.
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
    indices = (int(out_indices[last_of_stride[stride]]) for stride in LEVEL_STRIDES[:levels])
    return load_backbone(name, weights, tuple(indices))


def load_backbone(name: str, weights: str, levels: tuple[int, ...]) -> Encoder:
    """Make a timm backbone that returns the features of these indices."""
    make = partial(timm.create_model, name, features_only=True, out_indices=levels)
    if weights == NO_WEIGHTS:
        return Encoder(network=make())
    if weights == IMAGENET:
        return Encoder(network=make_with_downloaded_weights(name, partial(make, pretrained=True)))
    stored = find_encoder_weights(weights, name)
    if stored.encoder not in (None, name):
        raise InputError(
            f"{weights}: these are weights of {stored.encoder}, and the encoder is {name}; pass "
            f"{argument('encoder', stored.encoder)}"
        )
    bands = stored.bands or RGB
    network = make(in_chans=len(bands))
    first, _ = first_convolution(network, len(bands))
    network.load_state_dict(stored.for_network(network.state_dict(), f"{first}.weight"))
    return Encoder(network=network, bands=bands)


def find_encoder_weights(weights: str, encoder: str) -> EncoderWeights:
    """Read the weights of a file, or published ones, which are downloaded if needed."""
    if not is_published(weights):
        return read_encoder_weights(Path(weights))
    published = published_weights(weights, encoder)
    stored = read_encoder_weights(published.download())
    return stored if published.bands is None else replace(stored, bands=published.bands)


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


def first_convolution(network: nn.Module, channels: int) -> tuple[str, nn.Conv2d]:
    """Return name and layer of the first convolution over so many channels."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels == channels:
            return name, layer
    raise ValueError(f"the network does not begin with a convolution over {channels} channels")


def widen_first_layer(
    encoder: Encoder, bands: tuple[str, ...], rule: FirstLayer, generator: torch.Generator
) -> None:
    """Replace the first convolution, over the encoder's bands, by one over ``bands``, in place.

    timm's own ``in_chans`` repeats and rescales the RGB filters whatever the bands are.
    """
    network = encoder.network
    name, layer = first_convolution(network, len(encoder.bands))
    geometry: Any = {key: getattr(layer, key) for key in ("kernel_size", "stride", "padding")}
    # some backbones subclass Conv2d
    wider = type(layer)(len(bands), layer.out_channels, **geometry, bias=layer.bias is not None)
    with torch.no_grad():
        wider.weight.copy_(band_filters(layer.weight, encoder.bands, bands, rule, generator))
        if wider.bias is not None and layer.bias is not None:
            wider.bias.copy_(layer.bias)
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, wider)


def band_filters(
    weight: Tensor,
    known: tuple[str, ...],
    bands: tuple[str, ...],
    rule: FirstLayer,
    generator: torch.Generator,
) -> Tensor:
    """Return filters (out, len(bands), height, width) from those (out, len(known), height, width).

    Bands that are known by name take their own filters, in any order, and those of another date the
    filters of their band: ``before_red`` those of red. Others, as of terrain, follow ``rule``.

    Raises:
        InputError: the rule is ``red`` and red is not known.
    """

    def of_band(band: str) -> Tensor:
        name = band.removeprefix(BEFORE)
        if name in known:
            return weight[:, known.index(name)]
        if rule is FirstLayer.MEAN:
            return weight.mean(dim=1)
        if rule is FirstLayer.RED:
            if "red" not in known:
                raise InputError(
                    f"{argument('first_layer', 'red')}: the encoder's weights know "
                    f"{', '.join(known)}; use {argument('first_layer', 'mean')}"
                )
            return weight[:, known.index("red")]
        if rule is FirstLayer.ZERO:
            return torch.zeros_like(weight[:, 0])
        fan_out = weight.shape[0] * weight.shape[2] * weight.shape[3]
        deviation = (2.0 / fan_out) ** 0.5
        kaiming: Tensor = torch.randn(weight[:, 0].shape, generator=generator) * deviation
        return kaiming

    return torch.stack([of_band(name) for name in bands], dim=1)
