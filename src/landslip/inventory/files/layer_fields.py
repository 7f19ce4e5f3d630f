"""The columns of an inventory's other layers, and those that its CSV file has besides."""

from landslip.inventory.fields import FIELDS, Field, Kind, Needs
from landslip.inventory.record import CROWNS, DENSITY, LANDSLIDES, TOES

_NUMBER = Field(
    name="id",
    kind=Kind.ID,
    english="Number of the landslide",
    chinese="滑坡编号",
    meaning="The id of the landslide.",
)
_CROWN = (
    _NUMBER,
    Field(
        name="elevation_m",
        kind=Kind.NUMBER,
        unit="m",
        english="Elevation",
        chinese="高程",
        meaning="Height of the elevation model at the crown, the highest point.",
        needs=Needs.DEM,
    ),
)
_TOE = (
    _NUMBER,
    Field(
        name="elevation_m",
        kind=Kind.NUMBER,
        unit="m",
        english="Elevation",
        chinese="高程",
        meaning="Height of the elevation model at the toe, the lowest point.",
        needs=Needs.DEM,
    ),
)
_DENSITY = (
    Field(
        name="cell",
        kind=Kind.ID,
        english="Cell",
        chinese="网格编号",
        meaning="Number of the cell.",
    ),
    Field(
        name="landslides",
        kind=Kind.ID,
        english="Landslides",
        chinese="滑坡数量",
        meaning="Landslides whose point inside lies in the cell.",
    ),
    Field(
        name="per_km2",
        kind=Kind.NUMBER,
        unit="1/km²",
        english="Density of landslides",
        chinese="滑坡数量密度",
        meaning="Landslides over the mapped ground of the cell.",
    ),
    Field(
        name="area_share",
        kind=Kind.NUMBER,
        english="Share of area",
        chinese="滑坡面积密度",
        meaning="Share of the cell's mapped ground that is landslide.",
    ),
)
LAYER_FIELDS = {LANDSLIDES: FIELDS, CROWNS: _CROWN, TOES: _TOE, DENSITY: _DENSITY}


def _place(name: str, labels: tuple[str, str], meaning: str, needs: Needs) -> Field:
    english, chinese = labels
    return Field(
        name=name,
        kind=Kind.NUMBER,
        unit="°",
        english=english,
        chinese=chinese,
        meaning=meaning,
        needs=needs,
    )


CSV_FIELDS = (
    _place("crown_lon", ("Longitude of the crown", "后缘经度"), "In WGS 84.", Needs.DEM),
    _place("crown_lat", ("Latitude of the crown", "后缘纬度"), "In WGS 84.", Needs.DEM),
    _place("toe_lon", ("Longitude of the toe", "前缘经度"), "In WGS 84.", Needs.DEM),
    _place("toe_lat", ("Latitude of the toe", "前缘纬度"), "In WGS 84.", Needs.DEM),
)
