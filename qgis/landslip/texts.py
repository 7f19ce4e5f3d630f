"""The plugin's texts in the language of QGIS: English, and Chinese from a catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

CATALOGUE = Path(__file__).parent / "texts_zh.json"


class Texts:
    """Translates English texts; one that the catalogue lacks stays English."""

    def __init__(self, locale: str = "en") -> None:
        """Read the catalogue of a locale such as ``zh_CN``."""
        self.is_chinese = locale.lower().startswith("zh")
        self._chinese: Mapping[str, str] = read_catalogue() if self.is_chinese else {}

    def __call__(self, text: str) -> str:
        """Return a text in the language."""
        return self._chinese.get(text, text)


def read_catalogue() -> dict[str, str]:
    """Return the Chinese of the English texts."""
    found: dict[str, str] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return found
