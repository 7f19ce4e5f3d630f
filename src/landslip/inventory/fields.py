"""The columns of an inventory: what they are called, what they mean, in which unit."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds; every kind but ``ID`` can be empty."""

    ID = "int64"
    NUMBER = "float64"
    TEXT = "text"
    FLAG = "bool"


class Needs(StrEnum):
    """What a column is empty without."""

    NOTHING = "nothing"
    DEM = "an elevation model"
    PROBABILITY = "an extraction"
    SCENE = "a scene with the bands red and nir"
    SOURCE = "what is stated, or known of the scene"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
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
    kind: Kind
    unit: str = ""
    english: str
    chinese: str
    meaning: str
    needs: Needs = Needs.NOTHING


def number_field(
    name: str, unit: str, labels: tuple[str, str], meaning: str, needs: Needs = Needs.NOTHING
) -> Field:
    """Return a column of numbers; ``labels`` are English and Chinese."""
    english, chinese = labels
    return Field(
        name=name,
        kind=Kind.NUMBER,
        unit=unit,
        english=english,
        chinese=chinese,
        meaning=meaning,
        needs=needs,
    )


def _text(name: str, labels: tuple[str, str], meaning: str, needs: Needs) -> Field:
    english, chinese = labels
    return Field(
        name=name, kind=Kind.TEXT, english=english, chinese=chinese, meaning=meaning, needs=needs
    )


def _flag(name: str, labels: tuple[str, str], meaning: str, needs: Needs) -> Field:
    english, chinese = labels
    return Field(
        name=name, kind=Kind.FLAG, english=english, chinese=chinese, meaning=meaning, needs=needs
    )


FIELDS: tuple[Field, ...] = (
    Field(
        name="id",
        kind=Kind.ID,
        english="Number",
        chinese="编号",
        meaning="From 1, the largest landslide first.",
    ),
    number_field(
        "area_m2",
        "m²",
        ("Area", "面积"),
        "Area on the map, holes taken off; geodesic where the coordinate system stretches areas.",
        Needs.NOTHING,
    ),
    number_field(
        "surface_m2",
        "m²",
        ("Surface area", "表面积"),
        "Area along the slope: the area on the map times the mean of 1 / cos(slope).",
        Needs.DEM,
    ),
    number_field(
        "perimeter_m",
        "m",
        ("Perimeter", "周长"),
        "Length of the outline on the map, holes included.",
        Needs.NOTHING,
    ),
    number_field(
        "length_m",
        "m",
        ("Length", "长度"),
        "Extent along the axis, on the map.",
        Needs.NOTHING,
    ),
    number_field(
        "width_m",
        "m",
        ("Width", "宽度"),
        "Extent across the axis, on the map.",
        Needs.NOTHING,
    ),
    number_field(
        "elongation",
        "",
        ("Elongation", "长宽比"),
        "Length over width; under 1 where a landslide is wider than it is long.",
        Needs.NOTHING,
    ),
    _text(
        "axis",
        ("Axis", "轴向依据"),
        "What the axis is: downslope, or, where no slope is known, box: the longer side of the "
        "smallest rectangle around the landslide.",
        Needs.NOTHING,
    ),
    number_field(
        "axis_deg",
        "°",
        ("Azimuth of the axis", "轴向方位角"),
        "Clockwise from grid north; downslope where that is known, else from 0 to under 180.",
        Needs.NOTHING,
    ),
    number_field(
        "elevation_min_m",
        "m",
        ("Lowest elevation", "最低高程"),
        "Lowest height of the elevation model inside, as it counts heights.",
        Needs.DEM,
    ),
    number_field(
        "elevation_max_m",
        "m",
        ("Highest elevation", "最高高程"),
        "Highest height of the elevation model inside.",
        Needs.DEM,
    ),
    number_field(
        "elevation_range_m",
        "m",
        ("Elevation range", "高差"),
        "Highest less lowest elevation.",
        Needs.DEM,
    ),
    number_field(
        "slope_deg",
        "°",
        ("Mean slope", "平均坡度"),
        "Mean of the slope's angle.",
        Needs.DEM,
    ),
    number_field(
        "aspect_deg",
        "°",
        ("Mean aspect", "平均坡向"),
        "Direction in which the ground falls, clockwise from grid north: circular mean, steeper "
        "ground counting more; empty on level ground.",
        Needs.DEM,
    ),
    number_field(
        "fall_height_m",
        "m",
        ("Fall height", "前后缘高差"),
        "Height of the crown over the toe (H).",
        Needs.DEM,
    ),
    number_field(
        "runout_m",
        "m",
        ("Runout", "水平运动距离"),
        "Distance from crown to toe on the map, in a straight line (L).",
        Needs.DEM,
    ),
    number_field(
        "h_over_l",
        "",
        ("H / L", "等效摩擦系数 H/L"),
        "Fall height over runout, the tangent of the angle of reach.",
        Needs.DEM,
    ),
    number_field(
        "centroid_lon",
        "°",
        ("Longitude", "经度"),
        "Of a point inside the landslide, near its centroid; WGS 84.",
        Needs.NOTHING,
    ),
    number_field(
        "centroid_lat",
        "°",
        ("Latitude", "纬度"),
        "Of the same point.",
        Needs.NOTHING,
    ),
    number_field(
        "ndvi_mean",
        "",
        ("Mean NDVI", "平均 NDVI"),
        "Mean of (nir - red) / (nir + red) of the scene inside.",
        Needs.SCENE,
    ),
    number_field(
        "confidence",
        "",
        ("Confidence", "置信度"),
        "Mean probability of the pixels inside: of a calibrated model, the share of them that is "
        "expected to be landslide.",
        Needs.PROBABILITY,
    ),
    _text("scene", ("Scene", "影像名称"), "Name of the scene.", Needs.SOURCE),
    _text("date", ("Date", "成像日期"), "When the scene was taken, as YYYY-MM-DD.", Needs.SOURCE),
    _text(
        "model",
        ("Model", "模型"),
        "First 12 digits of the sha256 of the model's weights.",
        Needs.PROBABILITY,
    ),
    number_field(
        "dem_resolution_m",
        "m",
        ("Resolution of the elevation model", "高程模型分辨率"),
        "Side of a pixel of the elevation model there.",
        Needs.DEM,
    ),
    number_field(
        "dem_share",
        "",
        ("Share with heights", "高程覆盖率"),
        "Share of the landslide for which the elevation model has heights; what depends on it is "
        "empty under 0.5.",
        Needs.DEM,
    ),
    _flag(
        "flag_river_flat",
        ("River flat?", "疑似河滩"),
        "Gentle ground beside water: may be a river flat.",
        Needs.DEM,
    ),
    _flag(
        "flag_road",
        ("Road?", "疑似道路"),
        "Along a road, or as narrow and level as one: may be a road.",
        Needs.DEM,
    ),
    _flag(
        "flag_cloud",
        ("Cloud?", "疑似云"),
        "As bright as cloud in all bands: may be cloud.",
        Needs.SCENE,
    ),
)
BY_NAME = {field.name: field for field in FIELDS}
FLAGS = tuple(field.name for field in FIELDS if field.kind is Kind.FLAG)
