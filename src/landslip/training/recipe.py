"""What a training run is made of: pydantic models, written in YAML by users; no torch here."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from landslip.choices import Arch, FirstLayer, Precision
from landslip.errors import InputError


class Augmentation(BaseModel):
    """How training tiles are varied, each time they are seen.

    Shares and ranges of a uniform draw; colour is in standard deviations of a band.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flips: bool = Field(True, description="the eight flips and quarter turns, equally often")
    warp_share: float = Field(0.5, ge=0, le=1, description="tiles that are turned and stretched")
    rotation_deg: float = Field(180.0, ge=0, le=180, description="largest turn either way")
    stretch: float = Field(0.1, ge=0, lt=1, description="largest change of each axis")
    gain: float = Field(0.2, ge=0, lt=1, description="largest change of contrast")
    shift: float = Field(0.2, ge=0, description="largest change of brightness")
    band_gain: float = Field(0.05, ge=0, lt=1, description="the same, for each band apart")
    band_shift: float = Field(0.05, ge=0, description="the same, for each band apart")
    noise: float = Field(0.05, ge=0, description="largest standard deviation of Gaussian noise")


class TrainConfig(BaseModel):
    """A training run; the defaults are the recipe ``default``.

    The paper states SGD, learning rate 0.01, batch 8 and the loss, summed over images. Momentum,
    weight decay, cosine schedule and number of epochs are ours, in both recipes; so is, in
    ``default`` alone, one Dice over the whole batch instead of one for each image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    arch: Arch = Arch.LINKNET
    encoder: str = "resnet50"
    encoder_weights: str = Field("imagenet", description="imagenet, none, or a file")
    first_layer: FirstLayer = FirstLayer.MEAN
    epochs: int = Field(40, ge=1)
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(0.01, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    dice_over: Literal["image", "batch"] = "batch"
    crop: int | None = Field(
        None, ge=32, multiple_of=32, description="None: tile size, at most 256"
    )
    augmentation: Augmentation = Augmentation()
    precision: Precision = Precision.AUTO
    workers: int = Field(0, ge=0, description="processes that read tiles")
    seed: int = 0


RECIPES: dict[str, dict[str, Any]] = {"default": {}, "paper": {"dice_over": "image"}}


def read_config(recipe: str, path: Path | None, stated: dict[str, Any]) -> TrainConfig:
    """Join a named recipe, a YAML file over it, and what the command line states over both.

    Raises:
        InputError: the recipe is unknown, or the file has an unknown key or a value out of range.
    """
    if recipe not in RECIPES:
        raise InputError(f"--recipe {recipe}: known recipes are {', '.join(RECIPES)}")
    settings = dict(RECIPES[recipe])
    if path is not None:
        settings |= _read_yaml(path)
    settings |= {key: value for key, value in stated.items() if value is not None}
    try:
        return TrainConfig.model_validate(settings)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        source = f"{path}: " if path is not None else ""
        raise InputError(
            f"{source}{where}: {problem['msg'].lower()} (got {problem['input']!r})"
        ) from error


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file (--config)")
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if found is not None and not isinstance(found, dict):
        raise InputError(f"{path}: a list of 'key: value' lines is needed; got {type(found)}")
    return found or {}
