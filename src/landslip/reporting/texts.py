"""The words of pages, in each language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import yaml

from landslip.core.choices import Language
from landslip.core.messages import PLAIN, Message, term
from landslip.inventory.fields import InventoryField

_BETWEEN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of the records; ``is_original`` where it is in English on another page."""

    text: str
    is_original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A catalog of texts; calling it gives one with its places filled.

    ``fields`` are the columns whose labels `column` gives.
    """

    language: Language
    entries: dict[str, str]
    fields: Mapping[str, InventoryField]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text under a key."""
        return self.entries[key].format(**values)

    def titles(self, *keys: str) -> list[str]:
        """Return the texts under some keys."""
        return [self(key) for key in keys]

    def has(self, key: str) -> bool:
        """Whether there is a text under a key."""
        return key in self.entries

    def sentence(self, message: Message) -> Sentence:
        """Return a note or phrase of the records, as for readers who did not run the command."""
        is_original = message.key == PLAIN and not self.is_english
        text = message.text(self.language, for_readers=True)
        if not is_original:  # spaces are around options, and Chinese words have none
            text = _BETWEEN_CHINESE.sub("", text)
        return Sentence(text=text, is_original=is_original)

    def term(self, name: str) -> str:
        """Return a fixed word of the records, such as ``isotonic``."""
        return term(name).text(self.language)

    def column(self, name: str) -> str:
        """Return the label of a column."""
        return self.fields[name].label(self.language)

    @property
    def html_language(self) -> str:
        """What the ``lang`` attribute says."""
        return "zh-Hans" if self.language is Language.CHINESE else "en"

    @property
    def is_english(self) -> bool:
        """Whether text of the record, which is English, is in the language of the page."""
        return self.language is Language.ENGLISH


def read_catalog(package: str, language: Language, fields: Mapping[str, InventoryField]) -> Texts:
    """Read the texts of a package's pages, and those that all pages share."""
    entries: dict[str, str] = {}
    for source in ("landslip.reporting", package):
        file = files(source) / f"texts_{language.value}.yaml"
        entries |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return Texts(language=language, entries=entries, fields=fields)
