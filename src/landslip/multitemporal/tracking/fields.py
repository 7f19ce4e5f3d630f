"""The columns of histories: names, meanings and units; ``fields.yaml`` lists them."""

import sys

from landslip.inventory.fields import layers_page, read_fields

LANDSLIDES, TRACKS = "landslides", "tracks"
TRACK_FIELDS = read_fields("landslip.multitemporal.tracking")
LANDSLIDE_FIELDS = TRACK_FIELDS[LANDSLIDES]
_PAGE_HEAD = """# The columns of histories

Of the layers and tables that `landslip track` writes: `landslides` has one row for each
landslide and date from its first sighting on, `tracks` one for each history. What is unknown is
empty. The columns of the user's polygons follow in `landslides`, as they were named; a name of
this list has `input_` before it there.

数据字段说明：`landslides` 图层自首次出现起每个滑坡每个日期一行，`tracks` 图层每个历史一行。
未知值为空。
用户多边形自带的字段保留原名，列于其后；与本表同名者加前缀 `input_`。
"""


def fields_page() -> str:
    """Return the page of documentation that lists all columns."""
    return layers_page(_PAGE_HEAD, TRACK_FIELDS)


if __name__ == "__main__":
    sys.stdout.write(fields_page())
