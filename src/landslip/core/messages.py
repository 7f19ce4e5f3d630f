"""Notes and warnings as values; languages render them."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Any

import yaml
from pydantic import ValidationError

from landslip.core.choices import Language
from landslip.core.errors import argument
from landslip.core.records import StrictModel

PLAIN = "plain"
_REMEDY = "||"
_OF_WARNINGS = "warning.", "ood.", "data."
_FOLDERS = re.compile(
    r"(?<![^\s(\['\"=])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\s:;,()'\"]+[/\\])*(?=[^/\\\s])"
)


class Message(StrictModel):
    """A note or warning: a key of the catalogues, and the numbers and names in it.

    The catalogues ``messages_en.yaml`` and ``messages_zh.yaml`` hold a template for each key, in
    Python's format language: ``"{count:,} of {total:,} regions ..."``. ``{argument[min_area]}``
    names an argument as the caller knows it, and a value that is a message is rendered in the
    same language. What follows ``||`` is the remedy, for whoever ran the command. The key ``plain``
    has no template: its value ``text`` is shown as it is.
    """

    key: str
    values: "dict[str, int | float | str | Message]" = {}  # noqa: RUF012 - pydantic copies it

    @property
    def is_warning(self) -> bool:
        """Whether the result should not be used before somebody has looked at it."""
        return self.key.startswith(_OF_WARNINGS)

    def text(self, language: Language = Language.ENGLISH, *, for_readers: bool = False) -> str:
        """Return the sentence in a language.

        Args:
            language: of the catalogue.
            for_readers: as a page says it to people who did not run the command: without the
                remedy, arguments in words, files without the folders of the machine.

        Raises:
            KeyError: the catalogue of the language lacks the key, or the message a value.
        """

        def rendered(value: float | str | Message) -> float | str:
            if isinstance(value, Message):
                return value.text(language, for_readers=for_readers)
            return without_folders(value) if for_readers and isinstance(value, str) else value

        values = {name: rendered(value) for name, value in self.values.items()}
        if self.key == PLAIN:
            return str(values["text"])
        statement, _, remedy = catalogue(language)[self.key].partition(_REMEDY)
        if for_readers:
            return statement.format(argument=_ArgumentWords(language), **values)
        return (statement + remedy).format(argument=_ArgumentNames(), **values)


class _ArgumentNames:
    def __getitem__(self, name: str) -> str:
        return argument(name)


class _ArgumentWords:
    def __init__(self, language: Language) -> None:
        self._language = language

    def __getitem__(self, name: str) -> str:
        return catalogue(self._language)[f"argument.{name}"]


def without_folders(text: str) -> str:
    """Return a text in which files and folders of a machine are named without what is above them.

    ``/home/ann/scene.tif: no band`` becomes ``scene.tif: no band``; addresses stay.
    """
    file, colon, rest = text.partition(": ")
    if PurePath(file).is_absolute():  # with spaces in it, too
        text = f"{PurePath(file).name}{colon}{rest}"
    return _FOLDERS.sub("", text)


def message(key: str, **values: float | str | Message) -> Message:
    """Return a message; ``message("inventory.empty", regions=12)``."""
    return Message(key=key, values=values)


def sentences(messages: Iterable[Message]) -> tuple[str, ...]:
    """Return messages in English."""
    return tuple(one.text() for one in messages)


def plain(text: str) -> Message:
    """Return a sentence that has no key, as records of earlier versions hold it."""
    return Message(key=PLAIN, values={"text": text})


def term(name: str) -> Message:
    """Return a fixed word or phrase of the records, such as ``isotonic``; plain if unknown."""
    key = f"term.{name}"
    return message(key) if key in catalogue(Language.ENGLISH) else plain(name)


def complete_notes(cls: type, data: Any) -> Any:  # noqa: ARG001 - pydantic passes the class
    """Give a record of another version ``messages`` that this one can render, from its ``notes``.

    Use it as ``model_validator(mode="before")``.
    """
    if isinstance(data, dict) and "notes" in data:
        return data | {"messages": renderable(data.get("messages"), data["notes"])}
    return data


def renderable(messages: Any, texts: Any) -> Any:
    """Return the messages of a record, plain where another version wrote what is unknown here.

    Args:
        messages: as the record has them; None: it has none.
        texts: the same in English.
    """
    if not isinstance(texts, list | tuple):
        texts = ()
    if messages is None:
        return tuple(plain(str(text)) for text in texts)
    if not isinstance(messages, list | tuple) or len(messages) != len(texts):
        return messages
    return tuple(map(_or_plain, messages, texts))


def _or_plain(raw: Any, text: Any) -> Any:
    try:
        Message.model_validate(raw).text()
    except ValidationError:
        return raw  # the record is refused
    except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError):
        return plain(str(text))
    return raw


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Return the templates of a language, by key."""
    file = files("landslip.core") / f"messages_{language.value}.yaml"
    table: dict[str, str] = yaml.safe_load(file.read_text("utf-8"))
    return table
