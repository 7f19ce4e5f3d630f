"""What a network is, in words that a model folder keeps; no torch here."""

from pydantic import Field, ValidationInfo, field_validator

from landslip.core.choices import Arch, FirstLayer
from landslip.core.records import StrictModel

NO_ENCODER = "none"
_LIBRARY = " of segmentation-models-pytorch"
_TITLES = {
    Arch.LINKNET: "LinkNet",
    Arch.ALBUNET: "AlbuNet",
    Arch.IMPROVED_UNET: "improved U-Net",
    Arch.UNET: "U-Net" + _LIBRARY,
    Arch.UNET_PLUS_PLUS: "UNet++" + _LIBRARY,
    Arch.DEEPLAB_V3_PLUS: "DeepLabV3+" + _LIBRARY,
    Arch.SEGFORMER: "SegFormer decoder" + _LIBRARY,
    Arch.UPERNET: "UPerNet" + _LIBRARY,
}
_MULTIPLES = {Arch.ALBUNET: 64, Arch.IMPROVED_UNET: 16}
_NORMALISES_ONE_VALUE = {Arch.DEEPLAB_V3_PLUS, Arch.UPERNET}


class Architecture(StrictModel):
    """All that is needed to build a network again.

    The improved U-Net has no pretrained part: its encoder is ``none``, whatever is given, and
    ``first_layer`` says nothing about it.
    """

    arch: Arch = Arch.LINKNET
    encoder: str = Field(
        default="resnet50",
        validate_default=True,
        description="a timm backbone with a feature pyramid",
    )
    bands: tuple[str, ...] = ("red", "green", "blue")
    first_layer: FirstLayer = FirstLayer.MEAN

    @field_validator("encoder")
    @classmethod
    def _none_where_unused(cls, encoder: str, info: ValidationInfo) -> str:
        return NO_ENCODER if info.data.get("arch") is Arch.IMPROVED_UNET else encoder

    @property
    def title(self) -> str:
        """The network's name as people write it."""
        return _TITLES[self.arch]

    @property
    def multiple(self) -> int:
        """Height and width of what the network is given are multiples of this."""
        return multiple_of(self.arch)


def multiple_of(arch: Arch) -> int:
    """Return what height and width must be multiples of."""
    return _MULTIPLES.get(arch, 32)


def fewest_tiles(arch: Arch) -> int:
    """Return the smallest batch that can be trained on.

    Two, where a decoder averages a whole tile to one pixel and normalises that over the batch.
    """
    return 2 if arch in _NORMALISES_ONE_VALUE else 1
