"""Troubleshooting names every part of landslip that refuses something, and quotes what it says."""

import re

import pytest
from tests.docs.blocks import DOCS

from command_pages import commands
from error_messages import error_messages

TEXT = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
PARTS = re.findall(r"`([^`]+)`", " ".join(re.findall(r"^Parts: (.*)$", TEXT, re.MULTILINE)))


@pytest.fixture(scope="module")
def messages() -> dict[str, list[str]]:
    return error_messages()


def is_in(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def test_every_part_that_raises_errors_is_named(messages: dict[str, list[str]]) -> None:
    assert len(messages) > 150
    missing = [name for name in messages if not any(is_in(name, part) for part in PARTS)]
    assert not missing, f"docs/troubleshooting.md has no section for {missing}"
    gone = [part for part in PARTS if not any(is_in(name, part) for name in messages)]
    assert not gone, f"docs/troubleshooting.md names {gone}, which raise no errors"


def test_quoted_sentences_are_those_of_the_sources(messages: dict[str, list[str]]) -> None:
    said = [re.sub("…+", "…", one).replace("`", "") for kept in messages.values() for one in kept]
    quoted = re.findall(r"^\| `([^|]+)` \|", TEXT, re.MULTILINE)
    assert len(quoted) > 120
    wrong = []
    for sentence in quoted:
        pattern = re.escape(re.sub("…+", "…", sentence)).replace("…", ".*")
        if not any(re.match(pattern, one) for one in said):
            wrong.append(sentence)
    assert not wrong, "landslip does not say: " + "; ".join(wrong)


def test_sentences_are_read_from_the_sources(messages: dict[str, list[str]]) -> None:
    assert "…: already exists; choose another --out or pass --overwrite" in messages["core.files"]
    assert "…: no such review; start one first" in messages["review.log"]
    (folds,) = messages["review.improvement"]
    assert folds == "--folds is 2 or more; got …"
    assert any("is one band" not in one for one in messages["server.catalogue.vector_safety"])


def test_options_that_sentences_name_are_those_of_commands(messages: dict[str, list[str]]) -> None:
    known = {"--help", "--debug", "--version"}
    for _, command in commands():
        for parameter in command.params:
            known |= {*parameter.opts, *parameter.secondary_opts}
    wrong = {
        (module, option)
        for module, sentences in messages.items()
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", " ".join(sentences))
        if option not in known
    }
    # arguments that only Python has
    assert wrong == {("datasets.pairs", "--take"), ("inference.prediction", "--window")}
