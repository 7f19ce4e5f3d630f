"""Encoders: timm backbones that return a feature pyramid."""

from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from landslip.core.errors import InputError
from landslip.models.networks.linknet import LEVEL_STRIDES
from landslip.models.networks.weights import fitted, read_weights

IMAGENET, NO_WEIGHTS = "imagenet", "none"
_PROBE_SIZE = (64, 96)
CANNOT_MAKE = (
    RuntimeError,
    AttributeError,
    TypeError,
    ValueError,
    AssertionError,
    NotImplementedError,
    IndexError,
)


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
    except CANNOT_MAKE as error:
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
    except CANNOT_MAKE as error:
        raise InputError(
            f"--encoder {name}: a backbone that takes images of any size is needed and this one "
            f"does not ({shortened(error)}); take one such as resnet50"
        ) from error


def shortened(error: Exception) -> str:
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
    return fitted(read_weights(path), whole.state_dict(), path)
