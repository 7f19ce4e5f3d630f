"""The catalogs of texts: the same keys and places in both, and all that the report asks for."""

import re
import string
from pathlib import Path

from landslip.core.choices import Language
from landslip.reporting.inventory.texts import read_texts

REPORTING = Path(__file__).parents[3] / "src" / "landslip" / "reporting"
ENGLISH, CHINESE = read_texts(Language.ENGLISH), read_texts(Language.CHINESE)
ASKED = re.compile(r"""\b(?:t|texts|texts\.titles)\(\s*"([a-z0-9_]+)["]""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(ENGLISH.entries) == list(CHINESE.entries)


def test_both_languages_fill_the_same_places() -> None:
    for key, text in ENGLISH.entries.items():
        assert places(text) == places(CHINESE.entries[key]), key


def test_every_text_that_is_asked_for_by_name_is_there() -> None:
    files = [*REPORTING.glob("inventory/*.py"), REPORTING / "templates" / "inventory.html.j2"]
    asked = {key for file in files for key in ASKED.findall(file.read_text(encoding="utf-8"))}
    whole = {key for key in asked if not key.endswith("_")}
    assert len(whole) > 60
    assert whole <= set(ENGLISH.entries)


def test_no_english_sentence_was_left_in_the_chinese_catalog() -> None:
    for key, text in CHINESE.entries.items():
        bare = re.sub(r"\{\w+\}", "", text)
        words = re.findall(r"[A-Za-z]{3,}", bare)
        assert len(words) <= 4, key


def test_columns_have_the_labels_of_the_inventory() -> None:
    assert ENGLISH.column("slope_deg") == "Mean slope"
    assert CHINESE.column("slope_deg") == "平均坡度"


def test_technical_terms_are_those_of_the_field() -> None:
    assert "反伽马分布" in CHINESE("legend_gamma")
    assert CHINESE("users_accuracy") == "用户精度"
    assert CHINESE("producers_accuracy") == "生产者精度"
    assert "面积–频率分布" in CHINESE("frequency_title")
    assert CHINESE("interval_of", level="95 %") == "95 % 置信区间"
