"""The columns of recovery: names, meanings and units; ``fields.yaml`` lists them."""

import sys
from importlib.resources import files

import yaml

from landslip.inventory.fields import InventoryField, field_rows

LANDSLIDES, TRAJECTORIES = "landslides", "trajectories"
RECOVERY_FIELDS: dict[str, tuple[InventoryField, ...]] = {
    layer: tuple(InventoryField(name=name, **field) for name, field in table.items())
    for layer, table in yaml.safe_load(
        (files("landslip.multitemporal.recovery") / "fields.yaml").read_text("utf-8")
    ).items()
}
_PAGE_HEAD = """# The columns of recovery

Of the layers and tables that `landslip recovery` writes: `landslides` has one row for each
landslide, `trajectories` one for each landslide and date. What is unknown is empty. How each is
measured: [recovery](recovery.md).

数据字段说明：`landslides` 图层每个滑坡一行，`trajectories` 图层每个滑坡每个日期一行。未知值为空。
"""


def fields_page() -> str:
    """Return the page of documentation that lists all columns."""
    parts = [_PAGE_HEAD]
    for layer, fields in RECOVERY_FIELDS.items():
        parts += [f"## Layer `{layer}`\n", *field_rows(fields), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(fields_page())
