"""Both catalogues hold every message, with the same values in it."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import model_validator

import landslip
from landslip.core.choices import Language
from landslip.core.errors import arguments_named_as_options
from landslip.core.messages import (
    PLAIN,
    Message,
    catalogue,
    complete_notes,
    message,
    plain,
    sentences,
    term,
)
from landslip.core.records import StrictModel

ENGLISH, CHINESE = catalogue(Language.ENGLISH), catalogue(Language.CHINESE)


def fields(template: str) -> set[str]:
    """Return the values of a template with their formats, and the arguments that it names."""
    parsed = string.Formatter().parse(template)
    return {f"{name}:{form}" for _, name, form, _ in parsed if name is not None}


def test_both_languages_have_the_same_keys_and_values() -> None:
    assert list(ENGLISH) == list(CHINESE)
    for key, template in ENGLISH.items():
        assert fields(CHINESE[key]) == fields(template), key


def emitted() -> Iterator[tuple[str, set[str] | None]]:
    """Return what the package's calls of `message` emit: key, or its beginning, and values."""
    for path in sorted(Path(landslip.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "message"):
                continue
            key, names = node.args[0], {item.arg for item in node.keywords}
            is_fixed = isinstance(key, ast.Constant) and None not in names
            values = {str(name) for name in names} if is_fixed else None
            spelled = key.values[:1] if isinstance(key, ast.JoinedStr) else list(ast.walk(key))
            for part in spelled:
                if isinstance(part, ast.Constant):
                    yield str(part.value), values


def test_the_package_emits_what_is_in_the_catalogues_and_nothing_else() -> None:
    found = list(emitted())
    assert len(found) >= 30
    for beginning, values in found:
        keys = [key for key in ENGLISH if key.startswith(beginning)]
        assert keys, beginning
        for key in keys if values is not None else ():
            named = {field.split(":")[0] for field in fields(ENGLISH[key])}
            assert {name for name in named if not name.startswith("argument[")} == values, key
    beginnings = (*(beginning for beginning, _ in found), "geometry.")  # faults are named by GEOS
    spelled = " ".join(
        path.read_text(encoding="utf-8") for path in Path(landslip.__file__).parent.rglob("*.py")
    )
    for key in ENGLISH:
        is_emitted = key.startswith((*beginnings, "term.", "argument.")) or f'"{key}"' in spelled
        assert is_emitted, key


def test_a_message_is_rendered_in_a_language_and_names_arguments_as_the_caller_does() -> None:
    note = message("polygons.below_min_area", count=3, total=10)
    assert note.text() == ("3 of 10 connected regions are smaller than min_area and are left out")
    with arguments_named_as_options():
        assert "--min-area" in note.text()
        assert note.text(Language.CHINESE) == "10 个像元区域中有 3 个小于 --min-area，已略去。"


@pytest.mark.parametrize("language", Language)
def test_readers_of_a_page_see_no_argument_and_no_remedy(language: Language) -> None:
    """Every argument outside a remedy has words."""
    for key, template in catalogue(language).items():
        statement = template.partition("||")[0]
        arguments = {name for name in fields(statement) if name.startswith("argument[")}
        for name in arguments:
            assert f"argument.{name.split('[')[1].split(']')[0]}" in catalogue(language), key
        assert "--" not in statement, key
    note = message("dem.none")
    with arguments_named_as_options():
        assert "--dem" in note.text(language)
        assert not {"--", "dem_", "||"} & {note.text(language, for_readers=True)}
        assert "--" not in note.text(language, for_readers=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ann/a b/scene.tif: no band", "scene.tif: no band"),
        ("/home/ann/a b/scene.tif", "scene.tif"),
        ("the scene (/data/2013/scene.tif) is", "the scene (scene.tif) is"),
        ("C:\\maps\\dem.tif has gaps", "dem.tif has gaps"),
        ("~/dem.tif has gaps", "dem.tif has gaps"),
        ("1/km² and 3 / 4 and nir/red", "1/km² and 3 / 4 and nir/red"),
        ("https://example.org/a/b.tif is far", "https://example.org/a/b.tif is far"),
        ("s3://bucket/a/b.tif is far", "s3://bucket/a/b.tif is far"),
        ("<b>a</b> of a</b", "<b>a</b> of a</b"),
        ("maps/scene.tif: no band", "maps/scene.tif: no band"),
    ],
)
def test_readers_of_a_page_do_not_see_the_folders_of_a_machine(text: str, expected: str) -> None:
    assert plain(text).text(for_readers=True) == expected
    assert plain(text).text() == text


def test_a_value_may_be_a_message() -> None:
    empty = message("scene.empty_cloud")
    note = message("scene.bands_missing", bands="blue", empty=empty)
    assert note.text() == "the scene has no band blue: clouds are left empty"
    assert note.text(Language.CHINESE) == "影像缺少波段 blue：云标记为空。"
    assert Message.model_validate_json(note.model_dump_json()) == note


def test_values_are_taken_over_as_they_are() -> None:
    file = "{a}\n(b) 100%: c.csv"
    note = message("adjusted.outside", file=file, count=3, total=9)
    assert note.text(Language.CHINESE) == f"{file}：9 个样本点中有 3 个位于制图范围之外，已略去。"
    assert plain("100% {count}").text(Language.CHINESE) == "100% {count}"


def test_terms_are_translated_and_others_stay() -> None:
    assert term("isotonic").text(Language.CHINESE) == "保序回归"
    assert term("isotonic").text() == "isotonic"
    assert term("of somebody else") == plain("of somebody else")


@pytest.mark.parametrize("key", [key for key in ENGLISH if key.startswith("term.")])
def test_every_term_has_another_word_in_chinese(key: str) -> None:
    assert CHINESE[key] != ENGLISH[key]


class Record(StrictModel):
    notes: tuple[str, ...]
    messages: tuple[Message, ...] = ()
    _complete = model_validator(mode="before")(complete_notes)


def test_records_with_notes_only_are_read_as_plain_messages() -> None:
    old = Record.model_validate_json(json.dumps({"notes": ["one", "two"]}))
    assert [(one.key, one.text()) for one in old.messages] == [(PLAIN, "one"), (PLAIN, "two")]
    messages = (message("scene.no_crs"),)
    new = Record(notes=sentences(messages), messages=messages)
    assert Record.model_validate_json(new.model_dump_json()) == new


@pytest.mark.parametrize(
    "foreign",
    [
        {"key": "of.another_version", "values": {}},
        {"key": "warning.none_found", "values": {"threshold": 0.5}},
        {"key": "warning.none_found", "values": {"threshold": "high", "highest": 0.1}},
    ],
)
def test_messages_of_another_version_are_their_sentences(foreign: dict[str, object]) -> None:
    known = message("scene.no_crs")
    written = {"notes": [known.text(), "as it was"], "messages": [known.model_dump(), foreign]}
    assert Record.model_validate(written).messages == (known, plain("as it was"))
