"""In what an experiment's settings differ from those of the paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from landslip.core.choices import Arch
from landslip.experiments.config import ExperimentConfig, MethodConfig, SplitConfig
from landslip.experiments.results import DatasetFacts, Deviation
from landslip.models.training.recipe import PAPER_RECIPE, RECIPES, UNSTATED, TrainConfig

_PAPER_ENCODERS = {Arch.LINKNET: "resnet50", Arch.ALBUNET: "resnet34", Arch.IMPROVED_UNET: None}
_PAPER_BANDS = {"blue", "green", "red", "nir"}
_PAPER_TEST_SHARE, _PAPER_SVM_C, _PAPER_TILE = 0.2, 1.0, 256
# named by the method, or without influence on what is learnt on average
_NOT_COMPARED = {"arch", "encoder", "encoder_weights", "first_layer", "seed", "workers"}


def paper_deviations(
    config: ExperimentConfig, datasets: Mapping[str, DatasetFacts]
) -> tuple[Deviation, ...]:
    """Return each setting that differs from the paper's, with the methods, splits or data sets.

    Settings of training are compared with the recipe ``paper``; those that the paper does not
    state are marked so, with that recipe's value.
    """
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, method in config.methods.items():
        for difference in _of_method(method, config.train_config(name, config.seeds[0])):
            found.setdefault(difference, []).append(config.label_of(name))
    for name, split in config.splits.items():
        for difference in _of_split(split):
            found.setdefault(difference, []).append(f"split {name}")
    for facts in datasets.values():
        for difference in _of_dataset(facts):
            found.setdefault(difference, []).append(facts.title)
    return tuple(
        Deviation(setting=setting, paper=paper, here=here, where=tuple(where))
        for (setting, paper, here), where in found.items()
    )


def _of_method(
    method: MethodConfig, training: TrainConfig | None
) -> Iterator[tuple[str, str, str]]:
    if training is None:
        if method.svm.c != _PAPER_SVM_C:
            yield "C of the SVM", f"{_PAPER_SVM_C:g}", f"{method.svm.c:g}"
        return
    if training.arch not in _PAPER_ENCODERS:
        yield "network", "LinkNet, AlbuNet, improved U-Net, SVM", training.arch.value
    encoder = _PAPER_ENCODERS.get(training.arch)
    if encoder is not None and training.encoder != encoder:
        yield "encoder", encoder, training.encoder
    paper = _flat(TrainConfig.model_validate(RECIPES[PAPER_RECIPE]))
    for setting, here in _flat(training).items():
        if here != paper[setting]:
            stated = paper[setting]
            if setting in UNSTATED:
                stated = f"not stated ({stated} in the recipe {PAPER_RECIPE})"
            yield setting, stated, here


def _flat(training: TrainConfig) -> dict[str, str]:
    """Return the settings that are compared, as text; ranges of augmentation by dotted names."""
    settings: dict[str, Any] = training.model_dump(mode="json", exclude=_NOT_COMPARED)
    augmentation = settings.pop("augmentation")
    settings |= {f"augmentation.{name}": value for name, value in augmentation.items()}
    if training.augmentation_mode == "offline":  # see AugmentationSettings
        settings |= {"augmentation.flips": "by a rule", "augmentation.warp_share": "by a rule"}
    else:
        settings.pop("offline_versions")
        settings["steps_per_epoch"] = settings["steps_per_epoch"] or "tiles"
    if training.optimizer != "sgd":
        settings.pop("momentum")
    return {name: _text(value) for name, value in settings.items()}


def _text(value: Any) -> str:
    return (
        "none"
        if value is None
        else " to ".join(map(str, value))
        if isinstance(value, list)
        else f"{value}"
    )


def _of_split(split: SplitConfig) -> Iterator[tuple[str, str, str]]:
    if split.method != "random":
        yield "division", "random tiles", split.method
    if split.folds > 1:
        yield "folds", "1", str(split.folds)
    elif split.test_share != _PAPER_TEST_SHARE and split.method not in {"scene", "event"}:
        yield "test_share", f"{_PAPER_TEST_SHARE:g}", f"{split.test_share:g}"
    if split.selection_folds > 1:
        yield "selection", "not stated", f"{split.selection_folds} folds of the training tiles"
    elif split.val_share > 0:
        yield "val_share", "not stated", f"{split.val_share:g}"


def _of_dataset(facts: DatasetFacts) -> Iterator[tuple[str, str, str]]:
    yield "data", "three GF-1 scenes near Wenchuan, fused to 2 m", facts.source.split(";")[0]
    if facts.tile_size != _PAPER_TILE:
        yield "side of a tile, px", str(_PAPER_TILE), str(facts.tile_size)
    if set(facts.bands) != _PAPER_BANDS:
        yield "bands", "blue, green, red, nir", ", ".join(facts.bands)
    if facts.resolution_m is not None and facts.resolution_m != 2.0:
        yield "pixel, m", "2", f"{facts.resolution_m:g}"
