"""The catalogs of the page of histories have the same keys and places, and all that is asked."""

import re
import string
from pathlib import Path

from landslip.core.choices import Language
from landslip.reporting.histories.texts import read_texts, state_name

REPORTING = Path(__file__).parents[3] / "src" / "landslip" / "reporting"
ENGLISH, CHINESE = read_texts(Language.ENGLISH), read_texts(Language.CHINESE)
QUOTED = re.compile(r"[\"']([a-z][a-z0-9_]+)[\"']")
BUILT = (
    *("section_", "group_", "became_", "figure_", "file_", "ground_"),
    *("recovery_rates_caption", "half_lives_caption", "survival_caption"),
)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_and_places() -> None:
    assert list(ENGLISH.entries) == list(CHINESE.entries)
    for key, text in ENGLISH.entries.items():
        assert places(text) == places(CHINESE.entries[key]), key


def test_every_text_is_asked_for() -> None:
    files = [*REPORTING.glob("histories/*.py"), REPORTING / "inventory" / "maps.py"]
    files += [REPORTING / "templates" / f"{name}.html.j2" for name in ("histories", "report")]
    asked = {key for file in files for key in QUOTED.findall(file.read_text(encoding="utf-8"))}
    shared = {"value", "quantity", "interval_of", "section_limits", "original_words"}
    unasked = {key for key in ENGLISH.entries if key not in asked and not key.startswith(BUILT)}
    assert unasked <= shared


def test_states_have_one_name_on_all_pages() -> None:
    assert state_name("not observed", CHINESE) == "未观测"
    assert state_name("reactivated", ENGLISH) == "reactivated"
