"""Encoders: timm backbones that return a feature pyramid."""

from pathlib import Path

import timm
import torch
from torch import nn

from landslip.errors import InputError
from landslip.networks.linknet import LEVEL_STRIDES
from landslip.networks.weights import fitted, read_weights

IMAGENET, NO_WEIGHTS = "imagenet", "none"


def make_encoder(name: str, weights: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Make an encoder for RGB; return it with its channels at strides 4, 8, 16 and 32.

    Args:
        name: a timm backbone.
        weights: ``imagenet`` (downloaded by timm), ``none``, or a local file.

    Raises:
        InputError: the backbone is unknown or has no such pyramid, or the weights do not fit.
    """
    levels = _levels(name)
    tensors = None
    if weights not in (IMAGENET, NO_WEIGHTS):
        tensors = _encoder_weights(name, Path(weights))
    try:
        encoder = timm.create_model(
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
    return encoder, tuple(encoder.feature_info.channels())


def _levels(name: str) -> tuple[int, ...]:
    """Return which of a backbone's features have the strides that the decoder needs."""
    if not timm.is_model(name.split(".", maxsplit=1)[0]):
        near = ", ".join(timm.list_models(f"{name[:6]}*")[:5]) or "resnet18, resnet50"
        raise InputError(f"--encoder {name}: not a timm backbone; did you mean one of {near}?")
    try:
        with torch.device("meta"):
            probe = timm.create_model(name, features_only=True, pretrained=False)
    except (RuntimeError, AttributeError, TypeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"--encoder {name}: a backbone with a feature pyramid is needed and this one "
            "gives none; the ResNet, ResNeXt, RegNet, ConvNeXt and EfficientNet families do"
        ) from error
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
    last = {stride: at for at, stride in enumerate(strides)}
    out_indices = probe.feature_info.out_indices
    return tuple(int(out_indices[last[stride]]) for stride in LEVEL_STRIDES)


def _encoder_weights(name: str, path: Path) -> dict[str, torch.Tensor]:
    """Read a file and check it against the whole backbone, its classifier set aside."""
    with torch.device("meta"):
        whole = timm.create_model(name, pretrained=False, num_classes=0)
    return fitted(read_weights(path), whole.state_dict(), path)
