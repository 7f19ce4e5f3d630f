"""The columns of an inventory: what they are called, what they mean, in which unit."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from landslip.core.choices import Language
from landslip.inventory.record import CROWNS, CSV, DENSITY, LANDSLIDES, TOES


class FieldKind(StrEnum):
    """What a column holds; every kind but ``ID`` can be empty."""

    ID = "int64"
    NUMBER = "float64"
    TEXT = "text"
    FLAG = "bool"


class FieldRequirement(StrEnum):
    """What a column is empty without."""

    NOTHING = "nothing"
    DEM = "an elevation model"
    PROBABILITY = "an extraction"
    SCENE = "a scene with the bands red and nir"
    SOURCE = "what is stated, or known of the scene"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryField:
    """A column.

    Attributes:
        name: in every file.
        kind: of its values.
        unit: of its values; empty where they have none.
        english: label for people.
        chinese: the same in Chinese.
        meaning: one sentence.
        needs: what it is empty without.
    """

    name: str
    kind: FieldKind
    unit: str = ""
    english: str
    chinese: str
    meaning: str
    needs: FieldRequirement = FieldRequirement.NOTHING


def number_field(
    name: str,
    unit: str,
    labels: tuple[str, str],
    meaning: str,
    needs: FieldRequirement = FieldRequirement.NOTHING,
) -> InventoryField:
    """Return a column of numbers; ``labels`` are English and Chinese."""
    english, chinese = labels
    return InventoryField(
        name=name,
        kind=FieldKind.NUMBER,
        unit=unit,
        english=english,
        chinese=chinese,
        meaning=meaning,
        needs=needs,
    )


def _text(
    name: str, labels: tuple[str, str], meaning: str, needs: FieldRequirement
) -> InventoryField:
    english, chinese = labels
    return InventoryField(
        name=name,
        kind=FieldKind.TEXT,
        english=english,
        chinese=chinese,
        meaning=meaning,
        needs=needs,
    )


def _flag(
    name: str, labels: tuple[str, str], meaning: str, needs: FieldRequirement
) -> InventoryField:
    english, chinese = labels
    return InventoryField(
        name=name,
        kind=FieldKind.FLAG,
        english=english,
        chinese=chinese,
        meaning=meaning,
        needs=needs,
    )


FIELDS: tuple[InventoryField, ...] = (
    InventoryField(
        name="id",
        kind=FieldKind.ID,
        english="Number",
        chinese="编号",
        meaning="From 1, the largest landslide first.",
    ),
    number_field(
        "area_m2",
        "m²",
        ("Area", "面积"),
        "Area on the map, holes taken off; geodesic where the coordinate system stretches areas.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "surface_m2",
        "m²",
        ("Surface area", "表面积"),
        "Area along the slope: the area on the map times the mean of 1 / cos(slope).",
        FieldRequirement.DEM,
    ),
    number_field(
        "perimeter_m",
        "m",
        ("Perimeter", "周长"),
        "Length of the outline on the map, holes included.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "length_m",
        "m",
        ("Length", "长度"),
        "Extent along the axis, on the map.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "width_m",
        "m",
        ("Width", "宽度"),
        "Extent across the axis, on the map.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "elongation",
        "",
        ("Elongation", "长宽比"),
        "Length over width; under 1 where a landslide is wider than it is long.",
        FieldRequirement.NOTHING,
    ),
    _text(
        "axis",
        ("Axis", "轴向依据"),
        "What the axis is: downslope, or, where no slope is known, box: the longer side of the "
        "smallest rectangle around the landslide.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "axis_deg",
        "°",
        ("Azimuth of the axis", "轴向方位角"),
        "Clockwise from grid north; downslope where that is known, else from 0 to under 180.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "elevation_min_m",
        "m",
        ("Lowest elevation", "最低高程"),
        "Lowest height of the elevation model inside, as it counts heights.",
        FieldRequirement.DEM,
    ),
    number_field(
        "elevation_max_m",
        "m",
        ("Highest elevation", "最高高程"),
        "Highest height of the elevation model inside.",
        FieldRequirement.DEM,
    ),
    number_field(
        "elevation_range_m",
        "m",
        ("Elevation range", "高差"),
        "Highest less lowest elevation.",
        FieldRequirement.DEM,
    ),
    number_field(
        "slope_deg",
        "°",
        ("Mean slope", "平均坡度"),
        "Mean of the slope's angle.",
        FieldRequirement.DEM,
    ),
    number_field(
        "aspect_deg",
        "°",
        ("Mean aspect", "平均坡向"),
        "Direction in which the ground falls, clockwise from grid north: circular mean, steeper "
        "ground counting more; empty on level ground.",
        FieldRequirement.DEM,
    ),
    number_field(
        "fall_height_m",
        "m",
        ("Fall height", "前后缘高差"),
        "Height of the crown over the toe (H).",
        FieldRequirement.DEM,
    ),
    number_field(
        "runout_m",
        "m",
        ("Runout", "水平运动距离"),
        "Distance from crown to toe on the map, in a straight line (L).",
        FieldRequirement.DEM,
    ),
    number_field(
        "h_over_l",
        "",
        ("H / L", "等效摩擦系数 H/L"),
        "Fall height over runout, the tangent of the angle of reach.",
        FieldRequirement.DEM,
    ),
    number_field(
        "centroid_lon",
        "°",
        ("Longitude", "经度"),
        "Of a point inside the landslide, near its centroid; WGS 84.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "centroid_lat",
        "°",
        ("Latitude", "纬度"),
        "Of the same point.",
        FieldRequirement.NOTHING,
    ),
    number_field(
        "ndvi_mean",
        "",
        ("Mean NDVI", "平均 NDVI"),
        "Mean of (nir - red) / (nir + red) of the scene inside.",
        FieldRequirement.SCENE,
    ),
    number_field(
        "confidence",
        "",
        ("Confidence", "置信度"),
        "Mean probability of the pixels inside: of a calibrated model, the share of them that is "
        "expected to be landslide.",
        FieldRequirement.PROBABILITY,
    ),
    _text("scene", ("Scene", "影像名称"), "Name of the scene.", FieldRequirement.SOURCE),
    _text(
        "date",
        ("Date", "成像日期"),
        "When the scene was taken, as YYYY-MM-DD.",
        FieldRequirement.SOURCE,
    ),
    _text(
        "model",
        ("Model", "模型"),
        "First 12 digits of the sha256 of the model's weights.",
        FieldRequirement.PROBABILITY,
    ),
    number_field(
        "dem_resolution_m",
        "m",
        ("Resolution of the elevation model", "高程模型分辨率"),
        "Side of a pixel of the elevation model there.",
        FieldRequirement.DEM,
    ),
    number_field(
        "dem_share",
        "",
        ("Share with heights", "高程覆盖率"),
        "Share of the landslide for which the elevation model has heights; what depends on it is "
        "empty under 0.5.",
        FieldRequirement.DEM,
    ),
    _flag(
        "flag_river_flat",
        ("River flat?", "疑似河滩"),
        "Gentle ground beside water: may be a river flat.",
        FieldRequirement.DEM,
    ),
    _flag(
        "flag_road",
        ("Road?", "疑似道路"),
        "Along a road, or as narrow and level as one: may be a road.",
        FieldRequirement.DEM,
    ),
    _flag(
        "flag_cloud",
        ("Cloud?", "疑似云"),
        "As bright as cloud in all bands: may be cloud.",
        FieldRequirement.SCENE,
    ),
)
FIELDS_BY_NAME = {field.name: field for field in FIELDS}
FLAGS = tuple(field.name for field in FIELDS if field.kind is FieldKind.FLAG)


def label(field: InventoryField, language: Language) -> str:
    """Return the label of a column, without its unit."""
    return field.chinese if language is Language.CHINESE else field.english


def label_with_unit(field: InventoryField, language: Language) -> str:
    """Return the label of a column and its unit, such as ``Area (m²)``."""
    said = label(field, language)
    if not field.unit:
        return said
    return f"{said}（{field.unit}）" if language is Language.CHINESE else f"{said} ({field.unit})"


def _number(name: str, labels: tuple[str, str], meaning: str) -> InventoryField:
    """Return a column of whole numbers, which are never empty."""
    english, chinese = labels
    return InventoryField(
        name=name, kind=FieldKind.ID, english=english, chinese=chinese, meaning=meaning
    )


def _point(which: str) -> tuple[InventoryField, ...]:
    """Return the columns of a layer of one point a landslide."""
    return (
        _number("id", ("Number of the landslide", "滑坡编号"), "The id of the landslide."),
        number_field(
            "elevation_m",
            "m",
            ("Elevation", "高程"),
            f"Height of the elevation model at the {which}.",
            FieldRequirement.DEM,
        ),
    )


def _place(name: str, labels: tuple[str, str]) -> InventoryField:
    return number_field(name, "°", labels, "In WGS 84.", FieldRequirement.DEM)


_DENSITY = (
    _number("cell", ("Cell", "网格编号"), "Number of the cell."),
    _number(
        "landslides",
        ("Landslides", "滑坡数量"),
        "Landslides whose point inside lies in the cell.",
    ),
    number_field(
        "per_km2",
        "1/km²",
        ("Density of landslides", "滑坡数量密度"),
        "Landslides over the mapped ground of the cell.",
    ),
    number_field(
        "area_share",
        "",
        ("Share of area", "滑坡面积密度"),
        "Share of the cell's mapped ground that is landslide.",
    ),
)
LAYER_FIELDS = {
    LANDSLIDES: FIELDS,
    CROWNS: _point("crown, the highest point"),
    TOES: _point("toe, the lowest point"),
    DENSITY: _DENSITY,
}
CSV_FIELDS = (
    _place("crown_lon", ("Longitude of the crown", "后缘经度")),
    _place("crown_lat", ("Latitude of the crown", "后缘纬度")),
    _place("toe_lon", ("Longitude of the toe", "前缘经度")),
    _place("toe_lat", ("Latitude of the toe", "前缘纬度")),
)


_PAGE_KINDS = {
    FieldKind.ID: "whole number",
    FieldKind.NUMBER: "number",
    FieldKind.TEXT: "text",
    FieldKind.FLAG: "true or false",
}
_PAGE_HEAD = """# The columns of an inventory

Of every file and layer that `landslip inventory` writes. What is not known is empty, never 0.
Lengths and areas are in metres and square metres whatever the coordinate system, angles in
degrees. Everything but `id` can be empty; "empty without" says what a column needs.

数据字段说明：所有文件与图层的字段名称、单位及中英文标签。未知值为空，不以 0 代替。
长度以米计，面积以平方米计，角度以度计，与坐标系无关。
"""
_PAGE_COLUMNS = "| column | label | 中文 | unit | type | meaning | empty without |\n|" + "---|" * 7


def fields_page() -> str:
    """Return the page of documentation that lists all columns."""
    parts = [_PAGE_HEAD]
    for layer, fields in LAYER_FIELDS.items():
        parts.append(_page_section(f"Layer `{layer}`", fields))
        if layer == LANDSLIDES:
            parts.append(_page_section(f"Besides in `{CSV}`, which has no outlines", CSV_FIELDS))
    return "\n".join(parts)


def _page_section(title: str, fields: Sequence[InventoryField]) -> str:
    rows = "\n".join(map(_page_row, fields))
    return f"## {title}\n\n{_PAGE_COLUMNS}\n{rows}\n"


def _page_row(field: InventoryField) -> str:
    cells = (
        f"`{field.name}`",
        field.english,
        field.chinese,
        field.unit,
        _PAGE_KINDS[field.kind],
        field.meaning,
        "" if field.needs.name == "NOTHING" else field.needs.value,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(fields_page())
