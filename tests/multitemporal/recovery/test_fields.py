"""The page that lists all columns, and the tables that have them."""

from pathlib import Path

from landslip.multitemporal.recovery.fields import RECOVERY_FIELDS, fields_page

PAGE = Path(__file__).parents[3] / "docs" / "recovery_fields.md"


def test_the_page_says_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == fields_page(), (
        "write it again: python -m landslip.multitemporal.recovery.fields > docs/recovery_fields.md"
    )


def test_labels_are_distinct() -> None:
    for fields in RECOVERY_FIELDS.values():
        assert len({field.english for field in fields}) == len(fields)
        assert len({field.chinese for field in fields}) == len(fields)
