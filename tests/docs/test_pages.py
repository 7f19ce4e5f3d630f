"""Commands and Python on the pages fit the program, and every block says whether it is run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.blocks import (
    REPOSITORY,
    Block,
    NotRun,
    Run,
    all_pages,
    blocks_of,
    page_blocks,
    prose_of,
)
from tests.docs.command_lines import console_commands, landslip_lines, mentions, problem
from tests.docs.folders import FOLDERS
from tests.docs.python_names import problems

from command_pages import commands

OPTION = re.compile(r"(?<!`)`(--[a-z][a-z0-9-]*)[^`]*`(?!`)")
PAGES = {path: page_blocks(path) for path in all_pages()}


def blocks(*languages: str) -> Iterator[Block]:
    for of_page in PAGES.values():
        yield from (block for block in of_page if block.language in languages)


def test_every_command_line_parses() -> None:
    wrong, lines = [], 0
    for block in blocks("bash", "console"):
        text = console_commands(block.text) if block.language == "console" else block.text
        for words in landslip_lines(text):
            lines += 1
            if found := problem(words, whole=True):
                wrong.append(f"{block.place}: landslip {' '.join(words)}: {found}")
    assert lines > 100
    assert not wrong, "\n".join(wrong)


def test_every_command_in_prose_exists_with_its_options() -> None:
    wrong, lines = [], 0
    for path in PAGES:
        for words in mentions(prose_of(path.read_text(encoding="utf-8"))):
            lines += 1
            if found := problem(words, whole=False):
                wrong.append(f"{path.relative_to(REPOSITORY)}: {' '.join(words)}: {found}")
    assert lines > 100
    assert not wrong, "\n".join(wrong)


def test_every_option_in_prose_is_of_some_command() -> None:
    known = {"--debug", "--help", "--version", "--install-completion", "--show-completion"}
    for _, command in commands():
        for parameter in command.params:
            known |= {*parameter.opts, *parameter.secondary_opts}
    wrong, count = [], 0
    for path in PAGES:
        if "results" in path.parts or path.name == "scaling.md":  # options of benchmarks, too
            continue
        for option in OPTION.findall(prose_of(path.read_text(encoding="utf-8"))):
            count += 1
            if option not in known:
                wrong.append(f"{path.relative_to(REPOSITORY)}: {option}")
    assert count > 200
    assert not wrong, "\n".join(wrong)


def test_python_compiles_and_calls_what_exists() -> None:
    wrong, count = [], 0
    for of_page in PAGES.values():
        variables: dict[str, Any] = {}
        for block in of_page:
            if block.language == "python":
                count += 1
                wrong += [f"{block.place}: {one}" for one in problems(block.text, variables)]
    assert count > 20
    assert not wrong, "\n".join(wrong)


def test_yaml_can_be_read() -> None:
    for block in blocks("yaml"):
        assert yaml.safe_load(block.text) is not None, block.place


def test_blocks_of_pages_that_teach_say_whether_they_are_run() -> None:
    every = list(blocks("bash", "console", "python"))
    unmarked = [one.place for one in every if one.needs_marker and one.marker is None]
    assert not unmarked, "a comment is needed before: " + ", ".join(unmarked)
    unknown = [
        f"{one.place}: {one.marker.folder}"
        for one in every
        if isinstance(one.marker, Run) and one.marker.folder not in FOLDERS
    ]
    assert not unknown, f"folders are {', '.join(FOLDERS)}; got {unknown}"
    for block in every:
        assert block.run_text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("landslip extract S.tif --model M --out MAP", None),
        ("landslip extrct S.tif --model M --out MAP", "no command extrct"),
        ("landslip extract S.tif --model M --output MAP", "--output"),
        ("landslip extract S.tif --out MAP", "--model"),
        ("landslip extract S.tif --model M --out MAP --tta mirror", "mirror"),
        ("landslip extract S.tif --model M --out MAP --overlap few", "valid integer"),
        ("landslip register A.tif B.tif C.tif --out D.tif", "C.tif"),
        ("OMP_NUM_THREADS=2 landslip train A B --out M 2> log.txt && landslip x", "no command x"),
        ("python -m landslip dataset cut S.tif", "no command cut"),
        ("for d in A B; do landslip inventory $d; done", "--out"),
    ],
)
def test_wrong_command_lines_are_found(line: str, expected: str | None) -> None:
    found = [problem(words, whole=True) for words in landslip_lines(line)]
    assert found
    last = found[-1]
    assert last is None if expected is None else expected in str(last)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("landslip.extract('a', 'b', min_area=3)", None),
        ("landslip.extrct('a')", "extrct does not exist"),
        ("landslip.extract('a', 'b', minimum_area=3)", "minimum_area"),
        ("landslip.extract('a')", "model"),
        ("landslip.extract(*both, out='MAP')", None),
        ("m = landslip.load_model('M')\nm.predict(scene, windows=1)", "windows"),
        ("m = landslip.load_model('M')\nm.guess(scene)", "m.guess does not exist"),
        ("m = landslip.load_model('M')\nm = other()\nm.guess(scene)", None),
        ("landslip.datasets.open('TILES', 3)", "too many"),
        ("print(", "never closed"),
    ],
)
def test_wrong_python_is_found(code: str, expected: str | None) -> None:
    found = problems(code, {})
    assert not found if expected is None else expected in found[0]


def test_prose_may_leave_out_what_a_command_needs() -> None:
    assert problem(["train", "--start-from"], whole=False) is None
    assert problem(["calibrate", "--tta", "KIND"], whole=False) is None
    assert problem(["dataset"], whole=False) is None
    assert "mirror" in str(problem(["calibrate", "--tta", "mirror"], whole=False))
    assert "--start" in str(problem(["train", "--start"], whole=False))


def test_markers_are_read() -> None:
    text = (
        "<!-- run: small; --epochs 60 => --epochs 2; A => B -->\n```bash\nA --epochs 60\n```\n"
        "<!-- not run: needs\na GPU -->\n\n```python\nx = 1\n```\n"
        "- in a list\n\n  ```console\n  $ landslip a\n  made\n  ```\n"
    )
    first, second, third = blocks_of(text, "docs/howto/x.md")
    assert first.marker == Run(folder="small", changes=(("--epochs 60", "--epochs 2"), ("A", "B")))
    assert first.run_text == "B --epochs 2\n"
    assert second.marker == NotRun(reason="needs a GPU")
    assert third.marker is None
    assert third.needs_marker
    assert console_commands(third.text) == "landslip a\n"
    with pytest.raises(ValueError, match="'C' is not in the block"):
        blocks_of("<!-- run: small; C => D -->\n```bash\nA\n```\n", "docs/x.md")[0].run_text  # noqa: B018
    with pytest.raises(ValueError, match=r"docs/x\.md:1: the block is not closed"):
        blocks_of("```bash\nA\n", "docs/x.md")
    with pytest.raises(ValueError, match="blocks that run are"):
        blocks_of("<!-- run: small -->\n```yaml\na: b\n```\n", "docs/x.md")


def test_pages_are_those_of_the_repository() -> None:
    assert REPOSITORY / "README.md" in PAGES
    assert all(isinstance(path, Path) for path in PAGES)
