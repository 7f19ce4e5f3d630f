"""Words of a command line that no command takes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from landslip.cli.app import app


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["inventory", "a.gpkg", "--out", ""], "--out is empty", id="out"),
        pytest.param(["inventory", "a.gpkg", "--out="], "--out is empty", id="out with ="),
        pytest.param(["inventory", "a", "--out", "o", "--dem", " "], "--dem is empty", id="dem"),
        pytest.param(["report", "inventory", "--scene", ""], "--scene is empty", id="scene"),
        pytest.param(["inventory", " ", "--out", "o"], "SOURCE is empty", id="argument"),
        pytest.param(["extract", "a", "", "--model", "m", "--out", "o"], "SCENES is", id="of many"),
        pytest.param(["dataset", "augment", "", "--out", "o"], "DATASET is empty", id="subcommand"),
        pytest.param(["inventory", "a\x1b[31m", "--out", "o"], r"a\x1b[31m", id="control"),
        pytest.param(["train", "", "--out", "o"], "DATASET is empty", id="train"),
    ],
)
def test_blank_words_are_refused_and_nothing_is_written(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["x" * 5000], id="command"),
        pytest.param(["inventory", "a", "--lang", "x" * 5000, "--out", "o"], id="choice"),
        pytest.param(["inventory", "a", "--draws", "x" * 5000, "--out", "o"], id="number"),
        pytest.param(["report", "a", "x" * 5000], id="one more"),
        pytest.param(["report", "a", "--" + "x" * 5000], id="option"),
        pytest.param(["dataset", "x" * 5000], id="subcommand"),
    ],
)
def test_messages_quote_excerpts(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert 100 < len(result.stderr) < 800
