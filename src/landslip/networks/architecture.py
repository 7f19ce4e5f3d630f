"""What a network is, in words that a model folder keeps; no torch here."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Arch(StrEnum):
    """The networks that can be trained."""

    LINKNET = "linknet"


class FirstLayer(StrEnum):
    """Where the first layer's filters come from for a band that ImageNet does not know.

    ``mean``: the mean of the red, green and blue filters; ``red``: the red ones; ``zero``: zeros;
    ``random``: Kaiming-normal draws, as for an untrained layer. Red, green and blue always take
    their own filters.
    """

    MEAN = "mean"
    RED = "red"
    ZERO = "zero"
    RANDOM = "random"


class Architecture(BaseModel):
    """All that is needed to build a network again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arch: Arch = Arch.LINKNET
    encoder: str = Field(default="resnet50", description="a timm backbone with a feature pyramid")
    bands: tuple[str, ...] = ("red", "green", "blue")
    first_layer: FirstLayer = FirstLayer.MEAN
