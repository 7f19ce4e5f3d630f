"""The description of a network as stored in ``model.json``; importable without torch."""

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from landslip.core.choices import Arch, FirstLayer, Head
from landslip.core.records import StrictModel

NO_ENCODER = "none"
VERSION = 3
LEVELS, WIDTH = 4, 64  # of table 1 of Li, Li & Ge (2023)
_LIBRARY = " of segmentation-models-pytorch"
_LINKNETS: dict[str, Any] = {
    "head": Head.RELU,
    "encoder_levels": LEVELS,
    "decoder_width": WIDTH,
}
_TITLES = {
    Arch.LINKNET: "LinkNet",
    Arch.TWO_DATE_LINKNET: "two-date LinkNet",
    Arch.ALBUNET: "AlbuNet",
    Arch.IMPROVED_UNET: "improved U-Net",
    Arch.UNET: "U-Net" + _LIBRARY,
    Arch.UNET_PLUS_PLUS: "UNet++" + _LIBRARY,
    Arch.DEEPLAB_V3_PLUS: "DeepLabV3+" + _LIBRARY,
    Arch.SEGFORMER: "SegFormer decoder" + _LIBRARY,
    Arch.UPERNET: "UPerNet" + _LIBRARY,
}
_MULTIPLES = {Arch.ALBUNET: 64, Arch.IMPROVED_UNET: 16}
LINKNETS = {Arch.LINKNET, Arch.TWO_DATE_LINKNET}
_POOLS_TO_ONE_PIXEL = {Arch.DEEPLAB_V3_PLUS, Arch.UPERNET}


def _oldest_version(known: dict[str, Any]) -> int:
    """Return the oldest version that can express validated fields."""
    if known.get("arch") is Arch.TWO_DATE_LINKNET:
        return 3
    return 1 if all(known.get(name) == value for name, value in _LINKNETS.items()) else 2


class Architecture(StrictModel):
    """Everything needed to rebuild a network.

    The improved U-Net has no pretrained encoder: ``encoder`` is ``none`` whatever is passed, and
    ``first_layer`` is ignored. ``head``, ``encoder_levels`` and ``decoder_width`` are of LinkNets;
    others have ``relu``, 4 and 64 whatever is passed.

    ``version`` is the oldest version of this description that can express the network: 1, without
    the settings that have come since, is what a ``model.json`` without a version means; 2 adds
    those of LinkNet; 3 the LinkNet of two dates.
    """

    arch: Arch = Arch.LINKNET
    encoder: str = Field(
        default="resnet50",
        validate_default=True,
        description="a timm backbone with a feature pyramid",
    )
    bands: tuple[str, ...] = ("red", "green", "blue")
    first_layer: FirstLayer = FirstLayer.MEAN
    head: Head = Head.RELU
    encoder_levels: int = Field(LEVELS, ge=3, le=4, description="3: up to stride 16, 4: 32")
    decoder_width: int = Field(WIDTH, ge=4, multiple_of=4, description="channels before the head")
    version: int = Field(default_factory=_oldest_version)

    @field_validator("encoder")
    @classmethod
    def _none_if_unused(cls, encoder: str, info: ValidationInfo) -> str:
        return NO_ENCODER if info.data.get("arch") is Arch.IMPROVED_UNET else encoder

    @field_validator(*_LINKNETS)
    @classmethod
    def _default_if_unused(cls, value: Any, info: ValidationInfo) -> Any:
        is_linknet = info.data.get("arch") in LINKNETS
        return value if is_linknet else _LINKNETS[str(info.field_name)]

    @field_validator("version")
    @classmethod
    def _can_express_the_network(cls, version: int, info: ValidationInfo) -> int:
        needed = _oldest_version(info.data)
        if not needed <= version <= VERSION:
            raise ValueError(
                f"this network needs version {needed}, and this landslip reads up to version "
                f"{VERSION}; got {version}; use the landslip that wrote it"
            )
        return version

    @property
    def title(self) -> str:
        """The network's name for people."""
        return _TITLES[self.arch]

    @property
    def multiple(self) -> int:
        """The network takes heights and widths that are multiples of this."""
        return multiple_of(self.arch)


def multiple_of(arch: Arch) -> int:
    """Return the number that height and width must be multiples of."""
    return _MULTIPLES.get(arch, 32)


def min_batch_size(arch: Arch) -> int:
    """Return the smallest batch size for training.

    Two, where a decoder pools a whole tile to one pixel and batch-normalises it.
    """
    return 2 if arch in _POOLS_TO_ONE_PIXEL else 1
