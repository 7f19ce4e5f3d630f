"""The columns of an inventory's other layers, and those that its CSV file has besides."""

from landslip.inventory.fields import FIELDS, Field, Kind, Needs, number_field
from landslip.inventory.record import CROWNS, DENSITY, LANDSLIDES, TOES


def _number(name: str, labels: tuple[str, str], meaning: str) -> Field:
    """Return a column of whole numbers, which are never empty."""
    english, chinese = labels
    return Field(name=name, kind=Kind.ID, english=english, chinese=chinese, meaning=meaning)


def _point(which: str) -> tuple[Field, ...]:
    """Return the columns of a layer of one point a landslide."""
    return (
        _number("id", ("Number of the landslide", "滑坡编号"), "The id of the landslide."),
        number_field(
            "elevation_m",
            "m",
            ("Elevation", "高程"),
            f"Height of the elevation model at the {which}.",
            Needs.DEM,
        ),
    )


def _place(name: str, labels: tuple[str, str]) -> Field:
    return number_field(name, "°", labels, "In WGS 84.", Needs.DEM)


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
