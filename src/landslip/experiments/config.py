"""The configuration of an experiment, a YAML file; no torch here."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from landslip.core.choices import (
    Arch,
    EngineName,
    FirstLayer,
    Precision,
    StudyPreset,
    Tta,
    Units,
)
from landslip.core.errors import InputError
from landslip.core.records import StrictModel
from landslip.core.text import MAX_YAML_BYTES, first_problem, parse_yaml, read_text
from landslip.models.networks.published_weights import is_published
from landslip.models.training.recipe import DEFAULT_RECIPE, RECIPES, TrainConfig, merged_settings

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)*"
# names of data set, split, method and target make one folder's name, of at most 255 characters
Name = Annotated[str, Field(pattern=f"^{_NAME}$", max_length=40)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1)]
TileSide = Annotated[int, Field(ge=1, le=8192)]
_SET_ELSEWHERE = {
    "arch": "methods",
    "encoder_weights": "the experiment's encoder_weights and a method's transfer",
    "first_layer": "methods",
    "seed": "seeds",
}
_EARLIER_WORDS = {"mend": "regroup", "tell": "warn"}
_PLAIN_WORDS = BeforeValidator(lambda word: _EARLIER_WORDS.get(str(word), word))
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class PairsSource(StrictModel):
    """Folders of images and of masks of the same names.

    ``take`` names for each band of the data set the files' band that it is read from, e.g.
    ``{red: nir}`` to show infrared images to a model of red, green and blue.
    """

    images: tuple[Path, ...] = Field(min_length=1)
    masks: tuple[Path, ...] = Field(min_length=1)
    bands: tuple[str, ...]
    mask_suffix: str = Field("", description="suffix of the masks' names")
    take: dict[str, str] | None = None
    groups: str | None = Field(None, description="regular expression or CSV file; see `pairs`")
    units: Units | None = None
    nodata: float | None = None
    landslide_value: str | None = Field(None, description="numbers of landslides in label rasters")
    background_value: str | None = Field(None, description="numbers of background; see the API")


class SceneSource(StrictModel):
    """A scene with polygons or a mask."""

    scene: Path
    labels: Path
    layer: str | None = None
    area: Path | None = None
    tile: TileSide = 256
    min_valid: float = 0.5
    bands: tuple[str, ...] | None = None
    units: Units | None = None
    nodata: float | None = None
    landslide_value: str | None = Field(None, description="numbers of landslides in label rasters")
    background_value: str | None = Field(None, description="numbers of background; see the API")


class SyntheticSource(StrictModel):
    """One date of synthetic terrain, from raw product to tiles."""

    preset: StudyPreset = StudyPreset.WENCHUAN
    date: str = Field(description="YYYYMMDD")
    seed: Seed = 0
    tile: TileSide = 256


class DatasetConfig(StrictModel):
    """A data set: one source, or the tiles of other data sets joined."""

    title: str | None = None
    pairs: PairsSource | None = None
    scene: SceneSource | None = None
    tiles: Path | None = Field(None, description="a folder made by `landslip dataset`")
    synthetic: SyntheticSource | None = None
    join: Names | None = Field(None, description="names of other data sets here")
    event: str | None = Field(None, description="the event of all its tiles; default: its name")

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetConfig":
        kinds = ("pairs", "scene", "tiles", "synthetic", "join")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a data set has one of {', '.join(kinds)}; got {given or 'none'}")
        return self


class FoldSelection(StrictModel):
    """Number of folds of the training tiles whose pooled predictions choose epoch and threshold."""

    folds: int = Field(ge=2)


Selection = Annotated[
    Annotated[Literal["own", "pooled"], Tag("union-word")]
    | Annotated[FoldSelection, Tag("union-folds")],
    Discriminator(
        lambda given: f"union-{'folds' if isinstance(given, dict | FoldSelection) else 'word'}"
    ),
]


class SplitConfig(StrictModel):
    """How tiles are divided into training, validation and test tiles.

    ``random``: by tile, as in the paper; ``groups``: by the tiles' groups; ``blocks``: by square
    blocks with a buffer between them; ``scene`` and ``event``: one scene or event is the test.
    """

    method: Literal["random", "groups", "blocks", "scene", "event"]
    test_share: float = Field(0.2, gt=0, lt=1)
    val_share: float = Field(0.1, ge=0, lt=1)
    seed: Seed = 0
    folds: int = Field(1, ge=1, description="1: one division; more: k-fold, each tile tested once")
    block_tiles: int = Field(4, ge=1, description="side of a block, in tiles")
    buffer_m: float | None = Field(None, ge=0, allow_inf_nan=False, description="default: one tile")
    only: tuple[str, ...] | None = Field(
        None, min_length=1, description="scenes or events to hold out"
    )
    select: Selection = Field(
        "own",
        description="tiles that choose epoch and threshold: own: the validation tiles of the fold; "
        "pooled: the threshold is of those of all folds, each predicted by its fold's model, "
        "without the fold's test tiles; {folds: K}: training and validation tiles, divided into K "
        "folds of groups, each predicted by a model of the others",
    )
    leaks: Annotated[Literal["refuse", "regroup", "warn"], _PLAIN_WORDS] = Field(
        "refuse",
        description="tiles of the same content in different splits: refuse the division; regroup "
        "such tiles into one split (random and groups); or warn of them in the report",
    )

    @property
    def selection_folds(self) -> int:
        """Folds of the training tiles that choose epoch and threshold; 1: validation tiles do."""
        return self.select.folds if isinstance(self.select, FoldSelection) else 1


class SvmConfig(StrictModel):
    """The SVM's settings; Gaussian kernel."""

    c: float = Field(1.0, gt=0, allow_inf_nan=False)
    gamma: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["scale"] = "scale"
    pixels_per_class: int = Field(2000, ge=1)


class MethodConfig(StrictModel):
    """A method: a network with its encoder, or the SVM."""

    label: str | None = None
    arch: Arch | Literal["svm"]
    encoder: str | None = None
    transfer: bool = True
    first_layer: FirstLayer = FirstLayer.MEAN
    tta: Tta = Field(Tta.NONE, description="test-time augmentation of validation and test tiles")
    svm: SvmConfig = SvmConfig()
    recipe: str | None = Field(None, description="see `landslip train`; under all other settings")
    training: dict[str, Any] = Field(default_factory=dict, description="overrides the experiment's")

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, recipe: str | None) -> str | None:
        if recipe is not None and recipe not in RECIPES:
            raise ValueError(f"recipes are {', '.join(RECIPES)}; got {recipe}")
        return recipe

    @model_validator(mode="after")
    def _networks_are_augmented(self) -> "MethodConfig":
        if self.arch == "svm" and self.tta is not Tta.NONE:
            raise ValueError("tta: is of networks; an SVM scores each pixel by itself")
        return self


class RunsConfig(StrictModel):
    """A cross of data sets, splits, methods and seeds; None: all of them."""

    datasets: Names | None = None
    splits: Names | None = None
    methods: Names | None = None
    seeds: Seeds | None = None
    train_tiles: tuple[Annotated[int, Field(ge=1)] | Literal["all"], ...] = Field(
        ("all",), min_length=1
    )


class TransferConfig(StrictModel):
    """Models of one data set on the tiles of another: as they are, and fine-tuned on some."""

    source: Name
    split: Name
    methods: Names
    seeds: Seeds | None = None
    target: Name
    tune_tiles: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), min_length=1)
    folds: int = Field(3, ge=2, description="of the target; each tile is tested in one of them")
    training: dict[str, Any] = Field(default_factory=dict, description="of the fine-tuning")
    leaks: Annotated[Literal["refuse", "warn"], _PLAIN_WORDS] = Field(
        "refuse", description="tiles of the target with the content of a source tile"
    )


class ExperimentConfig(StrictModel):
    """An experiment; see ``docs/experiments.md``."""

    name: str
    description: str = ""
    datasets: dict[Name, DatasetConfig] = Field(min_length=1)
    splits: dict[Name, SplitConfig] = Field(min_length=1)
    methods: dict[Name, MethodConfig] = Field(min_length=1)
    encoder_weights: dict[str, str] = Field(
        default_factory=dict, description="by encoder: imagenet, a name, or a file"
    )
    training: dict[str, Any] = Field(default_factory=dict, description="see `landslip train`")
    seeds: Seeds = (0,)
    runs: tuple[RunsConfig, ...] = (RunsConfig(),)
    transfers: tuple[TransferConfig, ...] = ()
    reference: Name | None = Field(None, description="others are compared with it; default: first")
    boundary_px: int = Field(2, ge=0, description="tolerance of the boundary F1")
    engine: EngineName = EngineName.AUTO
    precision: Precision = Field(Precision.FP32, description="of the test; training has its own")

    @model_validator(mode="after")
    def _names_exist(self) -> "ExperimentConfig":
        datasets, splits, methods = set(self.datasets), set(self.splits), set(self.methods)
        for runs in self.runs:
            _known("data set", runs.datasets, datasets)
            _known("split", runs.splits, splits)
            _known("method", runs.methods, methods)
        for transfer in self.transfers:
            _known("data set", (transfer.source, transfer.target), datasets)
            _known("split", (transfer.split,), splits)
            _known("method", transfer.methods, methods)
        for dataset in self.datasets.values():
            _known("data set", dataset.join, datasets)
        _known("method", None if self.reference is None else (self.reference,), methods)
        return self

    @model_validator(mode="after")
    def _runs_are_distinct(self) -> "ExperimentConfig":
        if not self.runs and not self.transfers:
            raise ValueError("runs is empty and there are no transfers: nothing to run")
        labels = [self.label_of(name) for name in self.methods]
        _refuse_duplicates("labels of methods are unique; two are {}", labels)
        transfers = [
            f"{method} from {one.source} ({one.split}) to {one.target} on {tiles} tiles"
            for one in self.transfers
            for method, tiles in product(sorted(set(one.methods)), sorted(set(one.tune_tiles)))
        ]
        _refuse_duplicates("two transfers name {}; remove it from one", transfers)
        return self

    @model_validator(mode="after")
    def _training_is_valid(self) -> "ExperimentConfig":
        _check_training("training", self.training)
        for name, method in self.methods.items():
            under = merged_settings(RECIPES[method.recipe or DEFAULT_RECIPE], self.training)
            _check_training(f"methods.{name}.training", method.training, under)
        for at, transfer in enumerate(self.transfers):
            for name in transfer.methods:
                under = self.training_of(name)
                _check_training(f"transfers.{at}.training", transfer.training, under)
        return self

    @property
    def reference_method(self) -> str:
        """The method that others are compared with."""
        return self.reference or next(iter(self.methods))

    def datasets_and_splits(self, runs: RunsConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the data sets and the splits that an entry of ``runs`` crosses."""
        return runs.datasets or tuple(self.datasets), runs.splits or tuple(self.splits)

    def label_of(self, method: str) -> str:
        """Return a method's name in the report."""
        own = self.methods[method]
        label = own.label or ("SVM" if method == "svm" else method)
        return label if own.tta is Tta.NONE else f"{label} ({own.tta.value})"

    def training_of(self, method: str) -> dict[str, Any]:
        """Return the settings that a method's recipe, the experiment and the method state."""
        own = self.methods[method]
        under = merged_settings(RECIPES[own.recipe or DEFAULT_RECIPE], self.training)
        return merged_settings(under, own.training)

    def train_config(self, method: str, seed: int) -> TrainConfig | None:
        """Return the training settings of a method; None for the SVM."""
        settings = self.methods[method]
        if settings.arch == "svm":
            return None
        stated = self.training_of(method) | {
            "arch": settings.arch,
            "first_layer": settings.first_layer,
            "seed": seed,
        }
        if settings.encoder is not None:
            stated["encoder"] = settings.encoder
        encoder = stated.get("encoder", TrainConfig.model_fields["encoder"].default)
        weights = self.encoder_weights.get(encoder, "imagenet") if settings.transfer else "none"
        return TrainConfig.model_validate(stated | {"encoder_weights": weights})


def read_experiment(path: Path) -> ExperimentConfig:
    """Read the file of an experiment.

    ``${NAME}`` and ``${NAME:-default}`` are environment variables; relative paths are relative to
    the folder of the file.

    Raises:
        InputError: a key is unknown, a value out of range, or a name undefined.
    """

    def value(match: re.Match[str]) -> str:
        text = os.environ.get(match[1], match[2])
        if text is None:
            raise InputError(
                f"{path}: the environment variable ${{{match[1]}}} is not set; "
                f"export {match[1]}=..."
            )
        return text

    found = parse_yaml(_VARIABLE.sub(value, read_text(path, MAX_YAML_BYTES)), path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: lines 'key: value' are needed; got {type(found).__name__}")
    try:
        config = ExperimentConfig.model_validate(found)
    except ValidationError as error:
        problem = first_problem(error, ExperimentConfig.model_fields)
        raise InputError(f"{path}: {problem}") from error
    return _resolve_paths(config, path.resolve().parent)


def _resolve_paths(config: ExperimentConfig, folder: Path) -> ExperimentConfig:
    """Return the same with paths relative to ``folder`` made absolute."""

    def resolved(part: Any) -> Any:
        if isinstance(part, Path):
            return folder / part.expanduser()
        if isinstance(part, BaseModel):
            fields = {name: resolved(getattr(part, name)) for name in type(part).model_fields}
            return part.model_copy(update=fields)
        if isinstance(part, tuple):
            return tuple(resolved(one) for one in part)
        return part

    datasets = {}
    for name, dataset in config.datasets.items():
        datasets[name], pairs = resolved(dataset), dataset.pairs
        if pairs is not None and pairs.groups is not None and pairs.groups.endswith(".csv"):
            table = str(folder / Path(pairs.groups).expanduser())  # text, as an expression is
            absolute = resolved(pairs).model_copy(update={"groups": table})
            datasets[name] = datasets[name].model_copy(update={"pairs": absolute})
    weights = {
        encoder: file
        if file == "imagenet" or is_published(file)
        else str(folder / Path(file).expanduser())
        for encoder, file in config.encoder_weights.items()
    }
    return config.model_copy(update={"datasets": datasets, "encoder_weights": weights})


def _check_training(
    where: str, stated: dict[str, Any], under: dict[str, Any] | None = None
) -> None:
    """Refuse settings of training that are unknown, out of range, or set elsewhere."""
    for key in sorted(stated.keys() & _SET_ELSEWHERE.keys()):
        raise ValueError(f"{where}.{key}: is not set here, but by {_SET_ELSEWHERE[key]}")
    for key, value in stated.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where}.{key}: is a finite number; got {value}")
    try:
        TrainConfig.model_validate(merged_settings(under or {}, stated))
    except ValidationError as error:
        raise ValueError(f"{where}.{first_problem(error)}") from error


def _refuse_duplicates(rule: str, names: Iterable[str]) -> None:
    for name, number in Counter(names).items():
        if number > 1:
            raise ValueError(rule.format(name))


def _known(kind: str, names: tuple[str, ...] | None, known: set[str]) -> None:
    for name in names or ():
        if name not in known:
            raise ValueError(f"{name} is no {kind} of this file ({', '.join(sorted(known))})")
