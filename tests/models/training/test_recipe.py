from pathlib import Path

import pytest

from landslip.core.errors import InputError, arguments_named_as_options
from landslip.models.training.recipe import read_config


def write(folder: Path, text: str) -> Path:
    path = folder / "train.yaml"
    path.write_text(text)
    return path


def test_paper_recipe_has_the_papers_figures() -> None:
    config = read_config("paper", None, {})
    assert (config.learning_rate, config.batch_size, config.encoder) == (0.01, 8, "resnet50")
    assert config.dice_over == "image"
    assert (config.optimizer, config.augmentation_mode) == ("sgd", "offline")
    assert read_config("default", None, {}).dice_over == "batch"


def test_command_line_wins_over_file_and_file_over_recipe(tmp_path: Path) -> None:
    path = write(tmp_path, "epochs: 3\nbatch_size: 2\naugmentation: {noise: 0.0}\n")
    config = read_config("paper", path, {"epochs": 5, "seed": None})
    assert (config.epochs, config.batch_size, config.seed) == (5, 2, 0)
    assert config.augmentation.noise == 0.0
    assert config.augmentation.stretch == 0.1


def test_ranges_of_augmentation_are_merged_with_the_recipes(tmp_path: Path) -> None:
    path = write(tmp_path, "augmentation: {noise: 0.01, translation: 0.1}\n")
    amounts = read_config("best", path, {}).augmentation
    assert (amounts.scale, amounts.translation, amounts.noise) == ((0.7, 1.4), 0.1, 0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", r"train\.yaml: epoch: no such key; did you mean epochs\?"),
        ("augmentation: {blur: 1}", r"augmentation\.blur: no such key$"),
        ("epochs: 0", r"epochs: .*greater than or equal to 1 \(got 0\)"),
        ("learning_rate: .inf", r"learning_rate: .*finite number \(got inf\)"),
        ("epochs: yes", r"epochs: a number is needed, no truth value \(got True\)"),
        ("epochs: [", "not YAML"),
        ("- 1\n- 2", "key: value"),
        ("augmentation: {scale: [1.4, 0.7]}", r"augmentation\.scale: .*smaller one first"),
        ("augmentation_mode: offline\ncopy_paste: 0.5", "copy_paste: .*leave out one of them"),
    ],
    ids=[
        "unknown key",
        "unknown nested key",
        "out of range",
        "infinite",
        "truth",
        "not YAML",
        "a list",
        "reversed range",
        "pasted offline",
    ],
)
def test_bad_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_config("paper", write(tmp_path, text), {})


def test_a_wrong_setting_is_named_as_it_was_stated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^config: momentum: .*less than 1 \(got 2\)$"):
        read_config("best", {"momentum": 2}, {"seed": 3})
    path = write(tmp_path, "momentum: 0.5")
    with arguments_named_as_options():
        with pytest.raises(InputError, match=r"^--learning-rate: .*greater than 0 \(got -1\.0\)$"):
            read_config("best", path, {"learning_rate": -1.0})
        with pytest.raises(InputError, match=r"^--config: momentum: "):
            read_config("best", {"momentum": 2}, {})


def test_unknown_recipe_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recipes are default, paper, best, fast"):
        read_config("secret", None, {})
    with pytest.raises(InputError, match="no such file"):
        read_config("paper", tmp_path / "absent.yaml", {})


def test_offline_versions_are_the_papers_number_and_always_flipped(tmp_path: Path) -> None:
    offline = read_config("paper", write(tmp_path, "augmentation_mode: offline"), {})
    assert 179 * offline.offline_versions == 25_776
    assert read_config("default", None, {}).augmentation_mode == "on_the_fly"
    text = "augmentation_mode: offline\naugmentation: {flips: false}\n"
    with pytest.raises(InputError, match=r"augmentation_mode: .*leave out flips: false"):
        read_config("paper", write(tmp_path, text), {})
