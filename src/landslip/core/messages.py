"""Notes and warnings as values; languages render them."""

from functools import cache
from importlib.resources import files

import yaml

from landslip.core.choices import Language
from landslip.core.records import StrictModel

PLAIN = "plain"


class Message(StrictModel):
    """What is to be said: a key of the catalogues and the numbers and names in it.

    The catalogues ``messages_en.yaml`` and ``messages_zh.yaml`` hold a template for each key, in
    Python's format language: ``"{count:,} of {total:,} regions ..."``. A key ``plain`` with the
    value ``text`` is a sentence from elsewhere, shown as it is.
    """

    key: str
    values: dict[str, int | float | str] = {}  # noqa: RUF012 - pydantic copies it

    def text(self, language: Language = Language.ENGLISH) -> str:
        """Return the sentence in a language.

        Raises:
            KeyError: the catalogue of the language lacks the key, or the message a value.
        """
        if self.key == PLAIN:
            return str(self.values["text"])
        return catalogue(language)[self.key].format(**self.values)


def message(key: str, **values: float | str) -> Message:
    """Return a message; ``message("inventory.empty", regions=12)``."""
    return Message(key=key, values=values)


def plain(text: str) -> Message:
    """Return a sentence that has no key, as records of earlier versions hold it."""
    return Message(key=PLAIN, values={"text": text})


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Return the templates of a language, by key."""
    file = files("landslip.core") / f"messages_{language.value}.yaml"
    table: dict[str, str] = yaml.safe_load(file.read_text("utf-8"))
    return table
