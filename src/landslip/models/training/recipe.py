"""Settings of a training run, as users write them in YAML; importable without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from landslip.core.choices import Arch, FirstLayer, Head, Precision
from landslip.core.errors import InputError, argument
from landslip.core.records import StrictModel
from landslip.core.text import first_problem, read_yaml
from landslip.datasets.augmentation import PAPER_VARIANTS, AugmentationSettings
from landslip.models.networks.weights_download import IMAGENET


class TrainConfig(StrictModel):
    """Settings of a training run; the defaults are the recipe ``default``.

    The paper states SGD, learning rate 0.01, batch 8 and the loss, summed over images. Momentum,
    weight decay, cosine schedule and number of epochs are ours, in both recipes; so is, in
    ``default`` alone, one Dice over the whole batch instead of one for each image.

    Augmentation is random each time a tile is seen (``on_the_fly``), or, as in the paper, an epoch
    is all versions of all tiles, the same in every epoch (``offline``, see
    `landslip.datasets.augmentation`), or ``none``, e.g. for a dataset augmented on disk.
    """

    arch: Arch = Arch.LINKNET
    encoder: str = "resnet50"
    encoder_weights: str = Field(IMAGENET, description="imagenet, none, or a file")
    first_layer: FirstLayer = FirstLayer.MEAN
    head: Head = Field(Head.RELU, description="of LinkNet; relu: as in the paper")
    epochs: int = Field(40, ge=1)
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(0.01, gt=0, allow_inf_nan=False)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "constant"] = "cosine"
    dice_over: Literal["image", "batch"] = "batch"
    crop: int | None = Field(
        None, ge=32, multiple_of=32, description="None: tile size, at most 256"
    )
    augmentation: AugmentationSettings = AugmentationSettings()
    augmentation_mode: Literal["on_the_fly", "offline", "none"] = "on_the_fly"
    offline_versions: int = Field(
        PAPER_VARIANTS, ge=1, description="versions of a tile, if offline"
    )
    steps_per_epoch: int | None = Field(
        None,
        ge=1,
        description="batches of an epoch; the next one continues in the same random order, and no "
        "tile or version is seen twice before all are seen once. None: all, once",
    )
    precision: Precision = Precision.AUTO
    workers: int = Field(0, ge=0, description="processes that read tiles")
    seed: int = 0

    @property
    def downloads_weights(self) -> bool:
        """Whether the encoder's weights are the ones that timm downloads."""
        return self.encoder_weights == IMAGENET and self.arch is not Arch.IMPROVED_UNET

    @field_validator("augmentation_mode")
    @classmethod
    def _flipped_where_offline(cls, mode: str, known: ValidationInfo) -> str:
        varied = known.data.get("augmentation")
        if mode == "offline" and varied is not None and not varied.flips:
            raise ValueError("offline versions are flipped; leave out flips: false")
        return mode


DEFAULT_RECIPE = "default"
RECIPES: dict[str, dict[str, Any]] = {
    DEFAULT_RECIPE: {"dice_over": "batch"},
    "paper": {"dice_over": "image"},
}


def read_config(
    recipe: str, config: Path | Mapping[str, Any] | None, stated: Mapping[str, Any]
) -> TrainConfig:
    """Merge a named recipe, a YAML file or settings over it, and arguments that override both.

    Raises:
        InputError: see `stated_settings`.
    """
    return TrainConfig.model_validate(stated_settings(recipe, config, stated))


def stated_settings(
    recipe: str | None, config: Path | Mapping[str, Any] | None, stated: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings that a recipe, a YAML file and arguments state, checked, by their names.

    Raises:
        InputError: the recipe is unknown, or the settings have an unknown key or a wrong value.
    """
    if recipe is not None and recipe not in RECIPES:
        raise InputError(f"{argument('recipe', recipe)}: recipes are {', '.join(RECIPES)}")
    settings = {} if recipe is None else dict(RECIPES[recipe])
    if isinstance(config, Mapping):
        settings |= config
    elif config is not None:
        content = read_yaml(config)
        if not isinstance(content, dict | None):
            got = type(content).__name__
            raise InputError(f"{config}: 'key: value' lines are needed; got {got}")
        settings |= content or {}
    settings |= {key: value for key, value in stated.items() if value is not None}
    try:
        TrainConfig.model_validate(settings)
    except ValidationError as error:
        source = f"{config}: " if isinstance(config, Path) else ""
        raise InputError(f"{source}{first_problem(error)}") from error
    return settings
