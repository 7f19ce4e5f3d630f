"""What users write: the YAML file of an experiment; no torch here."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from landslip.core.choices import Arch, EngineName, FirstLayer, Precision, StudyPreset, Units
from landslip.core.errors import InputError
from landslip.core.records import StrictModel
from landslip.models.training.recipe import TrainConfig

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)*"
# names of data set, split, method and target stand in one folder's name, of at most 255 letters
Name = Annotated[str, Field(pattern=f"^{_NAME}$", max_length=40)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1)]
TileSide = Annotated[int, Field(ge=1, le=8192)]
_SAID_ELSEWHERE = {
    "arch": "methods",
    "encoder_weights": "the experiment's encoder_weights and a method's transfer",
    "first_layer": "methods",
    "seed": "seeds",
}
_ALTERNATIVES = ("str-enum[", "constrained-", "literal[")  # steps that nobody wrote
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class PairsSource(StrictModel):
    """Folders of images and of masks of the same names.

    ``take`` gives the data set's bands from those of the files, e.g. ``{red: nir}`` where a model
    of red, green and blue is to see infrared pictures.
    """

    images: tuple[Path, ...] = Field(min_length=1)
    masks: tuple[Path, ...] = Field(min_length=1)
    bands: tuple[str, ...]
    mask_suffix: str = Field("", description="what the names of masks have after those of images")
    take: dict[str, str] | None = None
    groups: str | None = Field(None, description="regular expression or CSV file; see `pairs`")
    units: Units | None = None
    nodata: float | None = None


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


class SyntheticSource(StrictModel):
    """Made-up ground, from raw product to tiles; one date of it."""

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


class SplitConfig(StrictModel):
    """How tiles are divided into training, validation and test tiles.

    ``random``: by tile, as in the paper; ``groups``: by the tiles' groups; ``blocks``: by blocks of
    ground with a buffer between them; ``scene`` and ``event``: one scene or event is the test.
    """

    method: Literal["random", "groups", "blocks", "scene", "event"]
    test_share: float = Field(0.2, gt=0, lt=1)
    val_share: float = Field(0.1, ge=0, lt=1)
    seed: Seed = 0
    folds: int = Field(1, ge=1, description="1: one division; more: k-fold, each tile tested once")
    block_tiles: int = Field(4, ge=1, description="side of a block, in tiles")
    buffer_m: float | None = Field(None, ge=0, allow_inf_nan=False, description="default: one tile")
    only: tuple[str, ...] | None = Field(
        None, min_length=1, description="scenes or events that are held out"
    )
    leaks: Literal["refuse", "mend", "tell"] = Field(
        "refuse",
        description="where tiles on two sides show the same: refuse the division; mend it, by "
        "dealing such tiles together (random and groups); or tell of it in the report",
    )


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
    svm: SvmConfig = SvmConfig()
    training: dict[str, Any] = Field(default_factory=dict, description="over the experiment's own")


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
    """Models of one data set on the tiles of another: as they are, and tuned on some of them."""

    source: Name
    split: Name
    methods: Names
    seeds: Seeds | None = None
    target: Name
    tune_tiles: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), min_length=1)
    folds: int = Field(3, ge=2, description="of the target; each tile is tested in one of them")
    training: dict[str, Any] = Field(default_factory=dict, description="of the tuning")
    leaks: Literal["refuse", "tell"] = Field(
        "refuse", description="where tiles of the target show what a source tile shows"
    )


class ExperimentConfig(StrictModel):
    """An experiment; see ``docs/experiments.md``."""

    name: str
    description: str = ""
    datasets: dict[Name, DatasetConfig] = Field(min_length=1)
    splits: dict[Name, SplitConfig] = Field(min_length=1)
    methods: dict[Name, MethodConfig] = Field(min_length=1)
    encoder_weights: dict[str, str] = Field(
        default_factory=dict, description="by encoder: imagenet, or a file"
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
    def _names_known(self) -> "ExperimentConfig":
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
    def _cells_told_apart(self) -> "ExperimentConfig":
        if not self.runs and not self.transfers:
            raise ValueError("runs is empty and there are no transfers, so there is nothing to run")
        labels = [self.label_of(name) for name in self.methods]
        _refuse_twice("two methods have the label {}; tables could not tell them apart", labels)
        ways = [
            f"{method} from {one.source} ({one.split}) to {one.target} on {tiles} tiles"
            for one in self.transfers
            for method, tiles in product(sorted(set(one.methods)), sorted(set(one.tune_tiles)))
        ]
        _refuse_twice("two transfers ask for {}; leave it out of one", ways)
        return self

    @model_validator(mode="after")
    def _training_known(self) -> "ExperimentConfig":
        _check_training("training", self.training)
        for name, method in self.methods.items():
            _check_training(f"methods.{name}.training", method.training, self.training)
        for at, transfer in enumerate(self.transfers):
            for name in transfer.methods:
                under = self.training | self.methods[name].training
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
        """Return what a method is called in the report."""
        return self.methods[method].label or ("SVM" if method == "svm" else method)

    def train_config(self, method: str, seed: int) -> TrainConfig | None:
        """Return how a method is trained; None for the SVM."""
        known = self.methods[method]
        if known.arch == "svm":
            return None
        stated: dict[str, Any] = {**self.training, **known.training}
        stated |= {"arch": known.arch, "first_layer": known.first_layer, "seed": seed}
        if known.encoder is not None:
            stated["encoder"] = known.encoder
        encoder = stated.get("encoder", TrainConfig.model_fields["encoder"].default)
        weights = self.encoder_weights.get(encoder, "imagenet") if known.transfer else "none"
        return TrainConfig.model_validate(stated | {"encoder_weights": weights})


def read_experiment(path: Path) -> ExperimentConfig:
    """Read the file of an experiment.

    ``${NAME}`` and ``${NAME:-else}`` stand for variables of the environment; paths that are not
    absolute count from the folder of the file.

    Raises:
        InputError: a key is unknown, a value out of range, or a name stands for nothing.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; an experiment is described in YAML")
    try:
        found = yaml.safe_load(_with_variables(path))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: lines 'key: value' are needed; got {type(found).__name__}")
    try:
        config = ExperimentConfig.model_validate(found)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error)}") from error
    return _with_paths(config, path.resolve().parent)


def _with_variables(path: Path) -> str:
    def value(match: re.Match[str]) -> str:
        name, otherwise = match[1], match[2]
        found = os.environ.get(name, otherwise)
        if found is None:
            raise InputError(
                f"{path}: ${{{name}}} stands for a variable of the environment that is not set; "
                f"set it: export {name}=..."
            )
        return found

    return _VARIABLE.sub(value, path.read_text(encoding="utf-8"))


def _with_paths(config: ExperimentConfig, folder: Path) -> ExperimentConfig:
    """Return the same with paths that count from ``folder`` made whole."""

    def whole(part: Any) -> Any:
        if isinstance(part, Path):
            return folder / part.expanduser()
        if isinstance(part, BaseModel):
            fields = {name: whole(getattr(part, name)) for name in type(part).model_fields}
            return part.model_copy(update=fields)
        if isinstance(part, tuple):
            return tuple(whole(one) for one in part)
        return part

    datasets = {
        name: _with_group_table(whole(one), folder) for name, one in config.datasets.items()
    }
    weights = {
        encoder: file if file == "imagenet" else str(folder / Path(file).expanduser())
        for encoder, file in config.encoder_weights.items()
    }
    return config.model_copy(update={"datasets": datasets, "encoder_weights": weights})


def _with_group_table(dataset: DatasetConfig, folder: Path) -> DatasetConfig:
    """Return the same with a table of groups, which is text as an expression is, made whole."""
    pairs = dataset.pairs
    if pairs is None or pairs.groups is None or not pairs.groups.endswith(".csv"):
        return dataset
    table = str(folder / Path(pairs.groups).expanduser())
    return dataset.model_copy(update={"pairs": pairs.model_copy(update={"groups": table})})


def _first_problem(error: ValidationError) -> str:
    """Return where the first thing is wrong, what the rule is, and what was got."""
    problem = error.errors()[0]
    said = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return said
    steps = [str(step) for step in problem["loc"]]
    where = ".".join(step for step in steps if not step.startswith(_ALTERNATIVES))
    got = repr(problem["input"])
    return f"{where}: {said} (got {got})" if len(got) < 80 else f"{where}: {said}"


def _check_training(
    where: str, stated: dict[str, Any], under: dict[str, Any] | None = None
) -> None:
    """Refuse settings of training that are unknown, out of range, or said elsewhere."""
    for key in sorted(stated.keys() & _SAID_ELSEWHERE.keys()):
        raise ValueError(f"{where}.{key}: is not set here; it is what {_SAID_ELSEWHERE[key]} say")
    for key, value in stated.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where}.{key}: is a finite number; got {value}")
    try:
        TrainConfig.model_validate((under or {}) | stated)
    except ValidationError as error:
        raise ValueError(f"{where}.{_first_problem(error)}") from error


def _refuse_twice(rule: str, names: Iterable[str]) -> None:
    for name, number in Counter(names).items():
        if number > 1:
            raise ValueError(rule.format(name))


def _known(kind: str, names: tuple[str, ...] | None, known: set[str]) -> None:
    for name in names or ():
        if name not in known:
            raise ValueError(f"{name} is no {kind} of this file ({', '.join(sorted(known))})")
