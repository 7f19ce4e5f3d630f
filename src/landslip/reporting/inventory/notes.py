"""What the record of an inventory says in English sentences, in the language of a page."""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from landslip.core.choices import Language

_PHRASE = "phrase"
_FITS = {"": ".+?", _PHRASE: ".+?", "number": r"[-+.\de]+"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sentence of the record as the page says it.

    Attributes:
        text: the sentence.
        is_original: it is in the English of the record, though the page is in another language.
    """

    text: str
    is_original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of the record with its places, and the same in Chinese.

    Attributes:
        english: it, with ``{place}`` for what varies, ``{place:number}`` for a number, and
            ``{place:phrase}`` for what is translated.
        chinese: with the same places.
    """

    english: str
    chinese: str

    @property
    def places(self) -> dict[str, str]:
        """The places by name, and what each is: ``number``, ``phrase`` or nothing."""
        return {name: kind for _, name, kind in _parts(self.english) if name}

    @property
    def pattern(self) -> re.Pattern[str]:
        """What fits the whole of the sentence, each place a group of its name."""
        found = (
            re.escape(before) + (f"(?P<{name}>{_FITS[kind]})" if name else "")
            for before, name, kind in _parts(self.english)
        )
        return re.compile("".join(found), re.DOTALL)


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    """Return the words before each place, its name, and what it is; no name after the last."""
    for before, name, kind, _ in string.Formatter().parse(text):
        yield before, name or "", kind or ""


def in_language(sentence: str, language: Language) -> Told:
    """Return a sentence of the record in a language; as it is where none is known for it."""
    if language is Language.ENGLISH:
        return Told(text=sentence)
    found = _chinese(sentence)
    return Told(text=sentence, is_original=True) if found is None else Told(text=found)


def read_sentences() -> list[Sentence]:
    """Read the sentences that are known in Chinese."""
    file = files("landslip.reporting.inventory") / "notes_zh.yaml"
    return [Sentence(**one) for one in yaml.safe_load(file.read_text(encoding="utf-8"))]


@cache
def _patterns() -> list[tuple[re.Pattern[str], Sentence]]:
    return [(sentence.pattern, sentence) for sentence in read_sentences()]


def _chinese(text: str) -> str | None:
    for pattern, sentence in _patterns():
        match = pattern.fullmatch(text)
        if match is not None:
            places = sentence.places
            values = {
                name: (_chinese(value) or value) if places[name] == _PHRASE else value
                for name, value in match.groupdict().items()
            }
            return sentence.chinese.format(**values)
    return None
