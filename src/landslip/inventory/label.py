"""What columns are called, for people."""

from landslip.core.choices import Language
from landslip.inventory.fields import Field


def label(field: Field, language: Language) -> str:
    """Return the label of a column, without its unit."""
    return field.chinese if language is Language.CHINESE else field.english


def label_with_unit(field: Field, language: Language) -> str:
    """Return the label of a column and its unit, such as ``Area (m²)``."""
    said = label(field, language)
    if not field.unit:
        return said
    return f"{said}（{field.unit}）" if language is Language.CHINESE else f"{said} ({field.unit})"
