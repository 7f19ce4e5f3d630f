"""The description of a network as stored in ``model.json``; importable without torch."""

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
_POOLS_TO_ONE_PIXEL = {Arch.DEEPLAB_V3_PLUS, Arch.UPERNET}


class Architecture(StrictModel):
    """Everything needed to rebuild a network.

    The improved U-Net has no pretrained encoder: ``encoder`` is ``none`` whatever is passed, and
    ``first_layer`` is ignored.
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
    def _none_if_unused(cls, encoder: str, info: ValidationInfo) -> str:
        return NO_ENCODER if info.data.get("arch") is Arch.IMPROVED_UNET else encoder

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
