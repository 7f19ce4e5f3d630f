"""A first convolution for any set of bands, from one made for red, green and blue."""

import torch
from torch import Tensor, nn

from landslip.core.choices import FirstLayer

IMAGENET_BANDS = ("red", "green", "blue")


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
