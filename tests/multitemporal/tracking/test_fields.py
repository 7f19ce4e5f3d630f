from pathlib import Path

from landslip.multitemporal.tracking.fields import fields_page

PAGE = Path(__file__).parents[3] / "docs" / "tracking_fields.md"


def test_the_page_says_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == fields_page(), (
        "write it again: python -m landslip.multitemporal.tracking.fields > docs/tracking_fields.md"
    )
