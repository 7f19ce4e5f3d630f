"""What every command's help says, and what the list of commands costs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.cli.commands import SECTIONS
from landslip.cli.completion import prepare_completion


@pytest.mark.parametrize("name", [name for section in SECTIONS.values() for name in section])
def test_help_fits_80_columns_and_has_an_example_and_exit_codes(name: str) -> None:
    root = typer.main.get_command(app)
    command = root.commands[name]  # type: ignore[attr-defined]
    for words in [[name, inner] for inner in getattr(command, "commands", ())] or [[name]]:
        text = CliRunner().invoke(app, [*words, "--help"], terminal_width=80).stdout
        assert text.startswith(f"Usage: landslip {' '.join(words)} "), words
        assert max(map(len, text.splitlines())) <= 80, words
        assert re.search(rf"Examples?: `landslip\s+{words[0]}\s", text), words
        assert re.search(r"Exit codes:\n  0 .*\n  1 .*\n  2 ", text), words
        for parameter in command.params:
            assert getattr(parameter, "help", None), (words, parameter.name)


def test_a_group_without_a_word_shows_its_whole_help() -> None:
    result = CliRunner().invoke(app, ["dataset"])
    assert [line.split()[0] for line in result.output.split("Commands:\n")[1].splitlines()] == [
        "scene",
        "pairs",
        "augment",
        "merge",
    ]


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        pytest.param(["--help"], set(), id="list"),
        pytest.param(["--version"], set(), id="version"),
        pytest.param(["track", "--help"], {"track"}, id="one command"),
    ],
)
def test_only_the_command_that_is_asked_for_is_imported(
    words: list[str], commands: set[str]
) -> None:
    program = (
        "import json, sys\n"
        "from landslip.cli.app import app\n"
        f"app({words}, standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    modules = set(json.loads(output.splitlines()[-1]))
    known = {word.replace("-", "_") for section in SECTIONS.values() for word in section}
    assert {name for name in known if f"landslip.cli.{name}" in modules} == commands
    packages = {name.split(".")[0] for name in modules}
    heavy = {
        "numpy",
        "pandas",
        "rasterio",
        "scipy",
        "cv2",
        "matplotlib",
        "openvino",
        "yaml",
        "rich",
    }
    assert not packages & {*heavy, "torch"}
    if not commands:  # Typer checks the words of a command with it
        assert "pydantic" not in packages


def test_a_model_is_sent_and_fetched_without_an_engine() -> None:
    program = (
        "import json, sys\n"
        "import landslip.models.publishing.hub\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert not {"openvino", "cv2", "pyarrow", "torch"} & set(json.loads(output))


def _complete(shell: str, words: str) -> list[str]:
    variables = {
        "_LANDSLIP_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        prepare_completion()
        output = CliRunner().invoke(app, [], prog_name="landslip").stdout
    return re.findall(r"\S+", output)


def test_words_are_completed() -> None:
    assert _complete("bash", "landslip ex") == ["experiment", "export", "extract"]
    assert _complete("bash", "landslip extract --me") == ["--memory"]
    assert _complete("bash", "landslip dataset a") == ["augment"]
    assert "reflectance" in " ".join(_complete("zsh", "landslip pre"))  # with what it does
    assert _complete("fish", "landslip extract --engine on") == ["onnx"]


@pytest.mark.parametrize(("shell", "start"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_completion_is_installed_for_the_shell_that_is_named(
    shell: str, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / start).write_text("alias ll='ls -l'\n")
    for _ in range(2):
        result = CliRunner().invoke(app, ["--install-completion", shell])
        assert result.exit_code == 0, result.output
    file = Path(result.stdout.split(": written")[0])
    assert file.is_relative_to(tmp_path)
    assert "_landslip_completion" in file.read_text()
    text = (tmp_path / start).read_text()
    assert text.startswith("alias ll='ls -l'\n")
    assert text.count(str(file) if shell == "bash" else "fpath") == 1


def test_no_shell_is_guessed() -> None:
    assert CliRunner().invoke(app, ["--install-completion"]).exit_code == 2
    result = CliRunner().invoke(app, ["--show-completion", "tcsh"])
    assert result.exit_code == 2
    assert "bash" in result.stderr
