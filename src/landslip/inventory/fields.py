"""The columns of an inventory: names, meanings and units; ``fields.yaml`` lists them."""

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.resources import files

import yaml
from pydantic import Field

from landslip.core.choices import Language
from landslip.core.records import StrictModel
from landslip.inventory.record import CSV, LANDSLIDES, LAYERS


class FieldKind(StrEnum):
    """The type of a column; every kind but ``ID`` can be empty."""

    ID = "id"
    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    DATE = "date"


class InventoryField(StrictModel):
    """A column; ``needs`` is what it is empty without, ``meaning`` is one sentence."""

    name: str
    kind: FieldKind
    unit: str = ""
    english: str = Field(alias="en")
    chinese: str = Field(alias="zh")
    meaning: str
    needs: str | None = None

    def label(self, language: Language) -> str:
        """Return the label, without its unit."""
        return self.chinese if language is Language.CHINESE else self.english

    def label_with_unit(self, language: Language) -> str:
        """Return the label and its unit, such as ``Area (m²)``."""
        text = self.label(language)
        if not self.unit:
            return text
        return f"{text}（{self.unit}）" if language is Language.CHINESE else f"{text} ({self.unit})"


def read_fields(package: str) -> dict[str, tuple[InventoryField, ...]]:
    """Return the columns of each layer that ``fields.yaml`` of a package lists."""
    tables = yaml.safe_load((files(package) / "fields.yaml").read_text("utf-8"))
    return {
        layer: tuple(InventoryField(name=name, **field) for name, field in table.items())
        for layer, table in tables.items()
    }


_TABLES = read_fields("landslip.inventory")
LAYER_FIELDS = {layer: _TABLES[layer] for layer in LAYERS}
FIELDS = LAYER_FIELDS[LANDSLIDES]
CSV_FIELDS = _TABLES["csv"]
CORRECTION = "correction"
FIELDS_BY_NAME = {field.name: field for field in FIELDS}
FLAGS = tuple(field.name for field in FIELDS if field.name.startswith("flag_"))
"""What marks a landslide that may be something else."""

_PAGE_KINDS = {
    FieldKind.ID: "whole number",
    FieldKind.NUMBER: "number",
    FieldKind.TEXT: "text",
    FieldKind.FLAG: "true or false",
    FieldKind.DATE: "date",
}
_PAGE_NEEDS = {
    None: "",
    "dem": "an elevation model",
    "probability": "an extraction",
    "scene": "a scene with the bands red and nir",
    "source": "a stated or known scene",
}
_PAGE_HEAD = """# The columns of an inventory

Of every file and layer that `landslip inventory` writes. What is unknown is empty, never 0.
Lengths and areas are in metres and square metres whatever the coordinate system, angles in
degrees. Everything but `id` can be empty; "empty without" says what a column needs.
Columns of the user's own polygons follow in `landslides`, as they were named; a name of this list
has `input_` before it there. A corrected inventory has `correction` (修订) too: unchanged, edited
or new; edited landslides keep their id, and their confidence is empty.

数据字段说明：所有文件与图层的字段名称、单位及中英文标签。未知值为空，不以 0 代替。
用户多边形自带的字段保留原名，列于其后；与本表同名者加前缀 `input_`。
长度以米计，面积以平方米计，角度以度计，与坐标系无关。
"""
_PAGE_COLUMNS = "| column | label | 中文 | unit | type | meaning | empty without |\n|" + "---|" * 7


def fields_page() -> str:
    """Return the page of documentation that lists all columns."""
    (first, columns), *others = LAYER_FIELDS.items()
    tables = {first: columns, CSV: CSV_FIELDS, **dict(others)}
    titles = {CSV: f"Only in `{CSV}`, which has no outlines"}
    return layers_page(_PAGE_HEAD, tables, titles)


def layers_page(
    head: str,
    tables: Mapping[str, Sequence[InventoryField]],
    titles: Mapping[str, str] | None = None,
) -> str:
    """Return a page with the columns of each layer, under ``titles`` or the layer's name."""
    parts = [head]
    for layer, fields in tables.items():
        title = (titles or {}).get(layer, f"Layer `{layer}`")
        parts += [f"## {title}\n", *_field_rows(fields), ""]
    return "\n".join(parts)


def _field_rows(fields: Sequence[InventoryField]) -> list[str]:
    """Return the lines of a table of columns."""
    lines = [_PAGE_COLUMNS]
    for field in fields:
        row = (
            f"`{field.name}`",
            field.english,
            field.chinese,
            field.unit,
            _PAGE_KINDS[field.kind],
            field.meaning,
            _PAGE_NEEDS[field.needs],
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return lines


if __name__ == "__main__":
    sys.stdout.write(fields_page())
