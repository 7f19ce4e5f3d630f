"""What a network is, in words that a model folder keeps; no torch here."""

from pydantic import BaseModel, ConfigDict, Field

from landslip.choices import Arch, FirstLayer


class Architecture(BaseModel):
    """All that is needed to build a network again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arch: Arch = Arch.LINKNET
    encoder: str = Field(default="resnet50", description="a timm backbone with a feature pyramid")
    bands: tuple[str, ...] = ("red", "green", "blue")
    first_layer: FirstLayer = FirstLayer.MEAN
