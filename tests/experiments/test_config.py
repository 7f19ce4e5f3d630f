import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from landslip.core.errors import InputError
from landslip.experiments.config import ExperimentConfig, read_experiment
from landslip.models.training.recipe import RECIPES, TrainConfig

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def described() -> dict[str, Any]:
    return {
        "name": "test",
        "datasets": {
            "hills": {"pairs": {"images": ["i"], "masks": ["/m"], "bands": ["red"]}},
            "rain": {"tiles": "tiles"},
        },
        "splits": {"random": {"method": "random"}},
        "methods": {
            "net": {"arch": "linknet", "encoder": "resnet18"},
            "plain": {"arch": "linknet", "transfer": False, "training": {"epochs": 2}},
            "svm": {"arch": "svm"},
        },
        "encoder_weights": {"resnet18": "weights/r18.safetensors"},
        "training": {"epochs": 7, "batch_size": 3},
    }


def write(folder: Path, content: Any) -> Path:
    path = folder / "e.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def changed(where: str, value: Any) -> dict[str, Any]:
    """Return the description with one value put in; dots lead into it."""
    found = described()
    *steps, last = where.split(".")
    inner = found
    for step in steps:
        inner = inner.setdefault(step, {})
    inner[last] = value
    return found


def transfer(**changes: Any) -> dict[str, Any]:
    """Return a transfer of one cell."""
    known = {"source": "hills", "split": "random", "methods": ["net"], "target": "rain"}
    return known | {"tune_tiles": [2]} | changes


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_ready_configuration_can_be_read(path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LANDSLIP_DATA", "/data")
    config = read_experiment(path)
    for dataset in config.datasets.values():
        if dataset.pairs is not None:
            assert all(str(folder).startswith("/data/") for folder in dataset.pairs.images)
    for method in config.methods:
        config.train_config(method, seed=5)


def test_there_are_ready_configurations() -> None:
    table = CONFIGS[0].parents[1] / "docs" / "experiments.md"
    described = set(re.findall(r"^\| `configs/(\w+)\.yaml` \|", table.read_text(), re.MULTILINE))
    names = {path.stem for path in CONFIGS}
    assert described == {name for name in names if not name.endswith("_cpu")}
    assert "smoke" in names


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    config = read_experiment(write(tmp_path, described()))
    pairs = config.datasets["hills"].pairs
    assert pairs is not None
    assert (pairs.images, pairs.masks) == ((tmp_path / "i",), (Path("/m"),))
    assert config.datasets["rain"].tiles == tmp_path / "tiles"
    assert config.encoder_weights == {"resnet18": str(tmp_path / "weights/r18.safetensors")}


def test_a_methods_recipe_is_under_the_experiments_settings_and_the_methods_own(
    tmp_path: Path,
) -> None:
    content = changed("methods.net.recipe", "best")
    content["methods"]["net"]["training"] = {"augmentation": {"noise": 0.0}}
    found = read_experiment(write(tmp_path, content)).train_config("net", 0)
    assert found is not None
    best = TrainConfig.model_validate(RECIPES["best"])
    assert (found.optimizer, found.learning_rate) == (best.optimizer, best.learning_rate)
    assert (found.epochs, found.batch_size) == (7, 3)
    assert found.augmentation == best.augmentation.model_copy(update={"noise": 0.0})
    with pytest.raises(InputError, match=r"methods\.net\.recipe: .*recipes are default, paper"):
        read_experiment(write(tmp_path, changed("methods.net.recipe", "worst")))


def test_training_is_the_experiments_with_the_methods_own_over_it(tmp_path: Path) -> None:
    config = read_experiment(write(tmp_path, described()))
    net, plain = config.train_config("net", 4), config.train_config("plain", 0)
    assert net is not None
    assert plain is not None
    assert (net.epochs, net.batch_size, net.seed, net.encoder) == (7, 3, 4, "resnet18")
    assert net.encoder_weights == str(tmp_path / "weights/r18.safetensors")
    assert (plain.epochs, plain.batch_size, plain.encoder) == (2, 3, "resnet50")
    assert plain.encoder_weights == "none"
    assert config.train_config("svm", 0) is None


def test_variables_stand_for_what_they_are_set_to(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LANDSLIP_TEST_FOLDER", "/there")
    monkeypatch.delenv("LANDSLIP_TEST_NONE", raising=False)
    text = yaml.safe_dump(changed("datasets.rain.tiles", "${LANDSLIP_TEST_FOLDER}/a"))
    text += "description: ${LANDSLIP_TEST_NONE:-nothing}\n"
    config = read_experiment(write(tmp_path, text))
    assert config.datasets["rain"].tiles == Path("/there/a")
    assert config.description == "nothing"


def test_the_reference_is_the_first_method_unless_named() -> None:
    assert ExperimentConfig.model_validate(described()).reference_method == "net"
    named = changed("reference", "svm")
    assert ExperimentConfig.model_validate(named).reference_method == "svm"


def test_methods_are_told_apart_in_the_report() -> None:
    methods = {"svm": {"arch": "svm"}, "svm10": {"arch": "svm", "svm": {"c": 10}}}
    config = ExperimentConfig.model_validate(described() | {"methods": methods})
    assert [config.label_of(name) for name in methods] == ["SVM", "svm10"]


def test_methods_that_differ_in_test_time_augmentation_have_other_names() -> None:
    methods = {
        name: {"arch": "linknet", "label": "LinkNet", "tta": tta}
        for name, tta in (("net", False), ("flips", True), ("dihedral", "dihedral"))
    }
    config = ExperimentConfig.model_validate(changed("methods", methods))
    assert [config.label_of(name) for name in methods] == [
        "LinkNet",
        "LinkNet (flips)",
        "LinkNet (dihedral)",
    ]


def test_an_experiment_may_be_transfers_alone() -> None:
    changes = {"runs": [], "transfers": [transfer()]}
    assert ExperimentConfig.model_validate(described() | changes).runs == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            changed("seed", 1), r"e.yaml: seed: no such key; did you mean seeds\?", id="key"
        ),
        pytest.param(
            changed("datasets.hills.pairs.mask", "m"),
            r"datasets.hills.pairs.mask: no such key",
            id="key within",
        ),
        pytest.param(
            changed("splits.random.folds", 0), r"splits.random.folds: .*\(got 0\)", id="range"
        ),
        pytest.param(changed("training.epoch", 3), r"epoch: no such key", id="training"),
        pytest.param(changed("datasets.a--b", {"tiles": "t"}), r"datasets.a--b", id="name"),
        pytest.param(
            changed("runs", [{"methods": ["unet"]}]),
            r"unet is no method of this file \(net, plain, svm\)",
            id="method",
        ),
        pytest.param(
            changed("runs", [{"datasets": ["sea"]}]), "sea is no data set of this", id="data set"
        ),
        pytest.param(
            changed("runs", [{"splits": ["blocks"]}]), "blocks is no split of this", id="split"
        ),
        pytest.param(
            changed("datasets.all", {"join": ["sea"]}), "sea is no data set of this", id="join"
        ),
        pytest.param(changed("reference", "unet"), "unet is no method of", id="reference"),
        pytest.param(
            changed("datasets.rain.join", ["hills"]),
            r"datasets.rain: .*a data set has one of pairs.*\['tiles', 'join'\]",
            id="two sources",
        ),
        pytest.param(changed("datasets.rain", {}), "has one of .*got none", id="no source"),
        pytest.param("a:\n\tb: 1", "e.yaml: not YAML .*'.t' that cannot start", id="tab"),
        pytest.param(changed("seeds", []), "seeds: .*at least 1 item", id="no seed"),
        pytest.param(changed("seeds", [-1]), r"seeds.0: .*equal to 0 \(got -1\)", id="seed"),
        pytest.param(changed("seeds", [2**32]), r"seeds.0: .*less than 4294967296", id="long seed"),
        pytest.param(changed("runs", []), "e.yaml: runs is empty and there are no tr", id="no run"),
        pytest.param(
            changed("runs", [{"methods": []}]), "runs.0.methods: .*at least 1", id="no method"
        ),
        pytest.param(
            changed("runs", [{"train_tiles": []}]), "runs.0.train_tiles: .*at least 1", id="no tile"
        ),
        pytest.param(
            changed("methods.plain.label", "net"),
            "e.yaml: labels of methods are unique; two are net",
            id="label",
        ),
        pytest.param(changed("methods.net.label", "SVM"), "two are SVM", id="label of the SVM"),
        pytest.param(
            changed("methods." + 41 * "m", {"arch": "svm"}), "at most 40 characters", id="long name"
        ),
        pytest.param(
            changed("methods.svm.svm", {"gamma": 0}),
            r"methods.svm.svm.gamma: .*greater than 0 \(got 0\)",
            id="gamma",
        ),
        pytest.param(
            changed("methods.svm.svm", {"c": float("inf")}), "svm.c: .*finite", id="infinite c"
        ),
        pytest.param(
            changed("training.learning_rate", float("inf")),
            "training.learning_rate: is a finite number; got inf",
            id="infinite rate",
        ),
        pytest.param(
            changed("methods.plain.training", {"crop": 33}),
            r"methods.plain.training.crop: .*multiple of 32 \(got 33\)",
            id="a method's training",
        ),
        pytest.param(
            changed("training.seed", 3), "training.seed: is not set here, but by seeds", id="s"
        ),
        pytest.param(
            changed("transfers", [transfer(training={"epochs": 0})]),
            r"transfers.0.training.epochs: .*\(got 0\)",
            id="training of a transfer",
        ),
        pytest.param(
            changed("transfers", [transfer(folds=2), transfer(folds=3)]),
            r"two transfers name net from hills \(random\) to rain on 2 tiles",
            id="one cell in two ways",
        ),
        pytest.param(
            changed("datasets.rain", {"scene": {"scene": "s", "labels": "l", "tile": 10**5}}),
            "datasets.rain.scene.tile: .*8192",
            id="huge tiles",
        ),
        pytest.param(
            changed("methods.svm.tta", "flips"), "methods.svm: tta: is of networks", id="SVM flips"
        ),
        pytest.param(
            changed("splits.random.select", {"folds": 1}),
            r"splits.random.select.folds: .*greater than or equal to 2 \(got 1\)",
            id="one fold",
        ),
        pytest.param(
            changed("splits.random.select", "folds"),
            r"splits.random.select: .*'own' or 'pooled' \(got 'folds'\)",
            id="folds without a number",
        ),
        pytest.param("a: [", "e.yaml: not YAML", id="not YAML"),
        pytest.param("- a", "lines 'key: value' are needed; got list", id="a list"),
        pytest.param(
            changed("datasets.rain.tiles", "${LANDSLIP_TEST_NONE}"),
            r"\$\{LANDSLIP_TEST_NONE\} is not set; export LANDSLIP_TEST_NONE=",
            id="variable",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: Any, content: Any, message: str
) -> None:
    monkeypatch.delenv("LANDSLIP_TEST_NONE", raising=False)
    with pytest.raises(InputError, match=message) as told:
        read_experiment(write(tmp_path, content))
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.yaml: no such file"):
        read_experiment(tmp_path / "none.yaml")


@pytest.mark.parametrize(("word", "plain"), [("mend", "regroup"), ("tell", "warn")])
def test_earlier_words_for_leaks_are_read(word: str, plain: str) -> None:
    found = described() | {"splits": {"random": {"method": "random", "leaks": word}}}
    assert ExperimentConfig.model_validate(found).splits["random"].leaks == plain
