"""Settings of a training run, as users write them in YAML; importable without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from landslip.core.choices import Arch, FirstLayer, Head, Precision
from landslip.core.errors import InputError, argument
from landslip.core.records import StrictModel
from landslip.core.text import first_problem, read_yaml
from landslip.datasets.augmentation import PAPER_VARIANTS, AugmentationSettings
from landslip.models.networks.architecture import LEVELS, WIDTH
from landslip.models.networks.weights_download import IMAGENET


class TrainConfig(StrictModel):
    """Settings of a training run; the defaults are the recipe ``default``.

    The recipe ``paper`` has what the paper states: SGD, learning rate 0.01, batch 8, the loss
    summed over images with Dice for each image, 144 offline versions of each tile, LinkNet with
    ResNet-50. Not stated there, and ours in all recipes: momentum, weight decay, schedule and
    number of epochs (`UNSTATED`). An epoch of ``paper`` is as many versions as there are tiles, so
    that all recipes see equally many tiles in as many epochs; 144 epochs show each version once.

    The learning rate rises linearly for ``warmup_epochs``, at most half of all steps, and then
    follows the schedule. With ``ema_decay`` an exponential moving average of weights and buffers
    is validated, saved and becomes the model; it forgets faster at first: after n steps its decay
    is at most (1 + n) / (10 + n).

    ``hard_background`` is the share of an epoch's tiles that are background tiles, drawn with
    replacement by their cross-entropy when last seen, instead of all tiles equally often; it does
    nothing for a dataset without background tiles or without landslides. ``presence_weight`` adds
    the cross-entropy of whether a crop has a landslide, read from the mean of the encoder's last
    level by a linear layer that is not part of the model. ``copy_paste`` is the share of crops
    into which the landslides of another training tile are pasted.

    Augmentation is random each time a tile is seen (``on_the_fly``), or, as in the paper, an epoch
    is all versions of all tiles, the same in every epoch (``offline``, see
    `landslip.datasets.augmentation`), or ``none``, e.g. for a dataset augmented on disk.
    """

    arch: Arch = Arch.LINKNET
    encoder: str = "resnet50"
    encoder_weights: str = Field(IMAGENET, description="imagenet, none, a name, or a file")
    first_layer: FirstLayer = FirstLayer.MEAN
    head: Head = Field(Head.RELU, description="of LinkNet; relu: as in the paper")
    encoder_levels: int = Field(
        LEVELS, ge=3, le=4, description="of LinkNet; 3: without what is at stride 32"
    )
    decoder_width: int = Field(
        WIDTH, ge=4, multiple_of=4, description="of LinkNet: channels before its head"
    )
    epochs: int = Field(40, ge=1)
    batch_size: int = Field(8, ge=1)
    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="adamw: norms do not decay")
    learning_rate: float = Field(0.01, gt=0, allow_inf_nan=False)
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(1e-4, ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: float = Field(0.0, ge=0, allow_inf_nan=False)
    ema_decay: float | None = Field(None, gt=0, lt=1, description="per step; None: no average")
    dice_over: Literal["image", "batch"] = "batch"
    crop: int | None = Field(
        None, ge=32, multiple_of=32, description="None: tile size, at most 256"
    )
    augmentation: AugmentationSettings = AugmentationSettings()
    augmentation_mode: Literal["on_the_fly", "offline", "none"] = "on_the_fly"
    offline_versions: int = Field(
        PAPER_VARIANTS, ge=1, description="versions of a tile, if offline"
    )
    hard_background: float = Field(0.0, ge=0, lt=1, description="share of tiles; 0: off")
    presence_weight: float = Field(0.0, ge=0, allow_inf_nan=False)
    copy_paste: float = Field(0.0, ge=0, le=1, description="share of crops")
    drop_sources: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="share of crops without the bands of terrain, and without those of another "
        "date, so that a network bears their gaps; nothing without such bands",
    )
    steps_per_epoch: Annotated[int, Field(ge=1)] | Literal["tiles"] | None = Field(
        None,
        description="batches of an epoch; the next one continues in the same random order, and no "
        "tile or version is seen twice before all are seen once. None: all, once; tiles: as many "
        "as there are tiles, also where there are several versions of each",
    )
    precision: Precision = Precision.AUTO
    workers: int = Field(0, ge=0, description="processes that read tiles")
    seed: int = 0

    @property
    def downloads_weights(self) -> bool:
        """Whether the encoder's weights are the ones that timm downloads."""
        return self.encoder_weights == IMAGENET and self.arch is not Arch.IMPROVED_UNET

    @property
    def moves_tiles(self) -> bool:
        """Whether what is in a tile is shown in several places of a crop."""
        amounts = self.augmentation
        return (
            self.augmentation_mode == "on_the_fly" and amounts.translation * amounts.warp_share > 0
        )

    @field_validator("augmentation_mode")
    @classmethod
    def _flipped_where_offline(cls, mode: str, known: ValidationInfo) -> str:
        varied = known.data.get("augmentation")
        if mode == "offline" and varied is not None and not varied.flips:
            raise ValueError("offline versions are flipped; leave out flips: false")
        return mode

    @field_validator("hard_background", "copy_paste")
    @classmethod
    def _not_offline(cls, share: float, known: ValidationInfo) -> float:
        if share > 0 and known.data.get("augmentation_mode") == "offline":
            raise ValueError("not with augmentation_mode: offline; leave out one of them")
        return share


DEFAULT_RECIPE, PAPER_RECIPE = "default", "paper"
UNSTATED = ("epochs", "steps_per_epoch", "momentum", "weight_decay", "schedule")
"""Settings that the paper does not state."""
_BEST: dict[str, Any] = {
    "epochs": 40,
    "head": "leaky",
    "optimizer": "adamw",
    "learning_rate": 5e-4,
    "weight_decay": 0.01,
    "warmup_epochs": 2,
    "ema_decay": 0.998,
    "dice_over": "batch",
    "augmentation": {"scale": (0.7, 1.4), "translation": 0.4},
}
RECIPES: dict[str, dict[str, Any]] = {
    DEFAULT_RECIPE: {"dice_over": "batch"},
    PAPER_RECIPE: {
        "dice_over": "image",
        "augmentation_mode": "offline",
        "offline_versions": PAPER_VARIANTS,
        "steps_per_epoch": "tiles",
    },
    "best": _BEST,
    "fast": {**_BEST, "encoder": "resnet18", "encoder_levels": 3, "decoder_width": 32},
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
        settings = merged_settings(settings, config)
    elif config is not None:
        content = read_yaml(config)
        if not isinstance(content, dict | None):
            got = type(content).__name__
            raise InputError(f"{config}: 'key: value' lines are needed; got {got}")
        settings = merged_settings(settings, content or {})
    settings |= {key: value for key, value in stated.items() if value is not None}
    try:
        TrainConfig.model_validate(settings)
    except ValidationError as error:
        raise InputError(_named_problem(error, config, stated)) from error
    return settings


def _named_problem(
    error: ValidationError, config: Path | Mapping[str, Any] | None, stated: Mapping[str, Any]
) -> str:
    """Return the first error of settings, with the argument or file that it is from."""
    problem = first_problem(error, TrainConfig.model_fields)
    setting = str(error.errors()[0]["loc"][0])
    if stated.get(setting) is not None:
        return argument(setting) + problem.removeprefix(setting)
    return f"{config if isinstance(config, Path) else argument('config')}: {problem}"


def merged_settings(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with others over them; the ranges of augmentation are merged by name."""
    merged = {**under, **over}
    both = under.get("augmentation"), over.get("augmentation")
    if isinstance(both[0], Mapping) and isinstance(both[1], Mapping):
        merged["augmentation"] = {**both[0], **both[1]}
    return merged
