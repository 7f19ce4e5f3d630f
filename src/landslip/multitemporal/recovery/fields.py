"""The columns of recovery: names, meanings and units; ``fields.yaml`` lists them."""

import sys

from landslip.inventory.fields import layers_page, read_fields

LANDSLIDES, TRAJECTORIES = "landslides", "trajectories"
RECOVERY_FIELDS = read_fields("landslip.multitemporal.recovery")
_PAGE_HEAD = """# The columns of recovery

Of the layers and tables that `landslip recovery` writes: `landslides` has one row for each
landslide, `trajectories` one for each landslide and date. What is unknown is empty. How each is
measured: [recovery](recovery.md).

数据字段说明：`landslides` 图层每个滑坡一行，`trajectories` 图层每个滑坡每个日期一行。未知值为空。
"""


def fields_page() -> str:
    """Return the page of documentation that lists all columns."""
    return layers_page(_PAGE_HEAD, RECOVERY_FIELDS)


if __name__ == "__main__":
    sys.stdout.write(fields_page())
