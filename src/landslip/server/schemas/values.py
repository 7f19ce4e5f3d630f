"""Values that several requests and responses share, and what they may be."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from landslip.core.errors import InputError
from landslip.core.paths import check_text
from landslip.core.records import StrictModel

MAX_POSITIONS = 50_000  # of one geometry
_LARGEST_ID = 2**53 - 1  # the largest whole number that JavaScript holds exactly

PresentVerdict = Literal["unreviewed", "accepted", "rejected"]
"""Verdicts of polygons that are there."""

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=True)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=True)]
LonLat = tuple[Longitude, Latitude]
Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
PolygonId = Annotated[int, Field(ge=0, le=_LARGEST_ID)]


def _printable(text: str) -> str:
    try:
        check_text(text, "text")
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


def _storable(text: str) -> str:
    """Refuse what no file holds: NUL, and halves of a character."""
    if "\x00" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise ValueError("text may not have NUL characters or halves of a character")
    return text


Author = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
    AfterValidator(_printable),
]
TypeName = Annotated[str, StringConstraints(max_length=100), AfterValidator(_storable)]
Note = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_storable)]
Reason = Annotated[str, StringConstraints(max_length=500), AfterValidator(_storable)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]

Ring = Annotated[list[LonLat], Field(min_length=4, max_length=MAX_POSITIONS)]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=1000)]


class Polygon(StrictModel):
    """A GeoJSON polygon in longitude and latitude."""

    type: Literal["Polygon"]
    coordinates: Rings


class MultiPolygon(StrictModel):
    """A GeoJSON multipolygon in longitude and latitude."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=1000)]


def _of_bounded_size(geometry: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    polygons = [geometry.coordinates] if geometry.type == "Polygon" else geometry.coordinates
    positions = sum(len(ring) for rings in polygons for ring in rings)
    if positions > MAX_POSITIONS:
        raise ValueError(f"an outline has at most {MAX_POSITIONS} points; got {positions}")
    return geometry


PolygonGeometry = Annotated[Polygon | MultiPolygon, AfterValidator(_of_bounded_size)]


class FeatureCollection(StrictModel):
    """A GeoJSON feature collection, as it is sent."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[dict[str, Any]]
