"""The page that lists all columns."""

import re
from pathlib import Path

from landslip.core.choices import Language
from landslip.inventory.fields import CSV_FIELDS, FIELDS, LAYER_FIELDS, fields_page

PAGE = Path(__file__).parents[2] / "docs" / "inventory_fields.md"


def test_the_page_says_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == fields_page(), (
        "write it again: python -m landslip.inventory.fields > docs/inventory_fields.md"
    )


def test_every_column_has_a_line_with_both_labels_and_unit() -> None:
    rows = [re.split(r"(?<!\\)\|", line) for line in fields_page().splitlines() if "`" in line[:4]]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    fields = [*FIELDS, *CSV_FIELDS]
    assert [row[:4] for row in cells[: len(fields)]] == [
        [f"`{field.name}`", field.english, field.chinese, field.unit] for field in fields
    ]
    assert {len(row) for row in cells} == {7}
    assert len(cells) == sum(map(len, LAYER_FIELDS.values())) + len(CSV_FIELDS)


def test_labels_are_distinct_and_written_in_chinese() -> None:
    for fields in LAYER_FIELDS.values():
        for language in Language:
            labels = [field.label_with_unit(language) for field in fields]
            assert len(set(labels)) == len(labels)
        assert all(
            re.search("[\u4e00-\u9fff]", field.chinese) or field.name == "h_over_l"
            for field in fields
        )
