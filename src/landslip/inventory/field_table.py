"""The columns of all layers as a table for people."""

import sys
from collections.abc import Sequence

from landslip.inventory.fields import Field, Kind
from landslip.inventory.formats.layer_fields import CSV_FIELDS, LAYER_FIELDS
from landslip.inventory.record import CSV, LANDSLIDES

_KINDS = {
    Kind.ID: "whole number",
    Kind.NUMBER: "number",
    Kind.TEXT: "text",
    Kind.FLAG: "true or false",
}
_HEAD = """# The columns of an inventory

Of every file and layer that `landslip inventory` writes. What is not known is empty, never 0.
Lengths and areas are in metres and square metres whatever the coordinate system, angles in
degrees. Everything but `id` can be empty; "empty without" says what a column needs.

数据字段说明：所有文件与图层的字段名称、单位及中英文标签。未知值为空，不以 0 代替。
长度以米计，面积以平方米计，角度以度计，与坐标系无关。
"""
_COLUMNS = "| column | label | 中文 | unit | type | meaning | empty without |\n|" + "---|" * 7


def markdown() -> str:
    """Return the page of documentation that lists all columns."""
    parts = [_HEAD]
    for layer, fields in LAYER_FIELDS.items():
        parts.append(_section(f"Layer `{layer}`", fields))
        if layer == LANDSLIDES:
            parts.append(_section(f"Besides in `{CSV}`, which has no outlines", CSV_FIELDS))
    return "\n".join(parts)


def _section(title: str, fields: Sequence[Field]) -> str:
    rows = "\n".join(map(_row, fields))
    return f"## {title}\n\n{_COLUMNS}\n{rows}\n"


def _row(field: Field) -> str:
    cells = (
        f"`{field.name}`",
        field.english,
        field.chinese,
        field.unit,
        _KINDS[field.kind],
        field.meaning,
        "" if field.needs.name == "NOTHING" else field.needs.value,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
