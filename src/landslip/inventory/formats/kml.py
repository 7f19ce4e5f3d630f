"""``inventory.kmz``: landslides with highest and lowest points, their attributes in words."""

import html
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from landslip.core.choices import Language
from landslip.core.crs import DEGREE_M
from landslip.core.messages import message
from landslip.inventory.attributes import is_filled, own_names
from landslip.inventory.fields import FIELDS, FLAGS, FieldKind, InventoryField
from landslip.inventory.formats import colours
from landslip.inventory.formats.wgs84 import in_wgs84, points_in_wgs84
from landslip.inventory.formats.xml_templates import render_xml
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.record import InventoryRecord

LARGEST = 10_000
MAX_POINTS = 500_000
_TOLERANCES_M = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_ICON_PX = 32
_TITLES = (
    "landslides",
    "highest_points",
    "lowest_points",
    "landslide",
    "highest_point",
    "lowest_point",
)
_DATE = (2000, 1, 1, 0, 0, 0)


def write_kmz(
    layers: InventoryLayers,
    record: InventoryRecord,
    path: Path,
    language: Language = Language.ENGLISH,
) -> None:
    """Write the landslides, the `LARGEST` of them at most, with their highest and lowest points.

    Outlines are simplified until they have `MAX_POINTS` points at most, which phones still open,
    by 100 m at most; the document states by how much. The layers have a coordinate system.
    """
    files = {
        "doc.kml": _document(layers, record, language).encode(),
        "files/highest_point.png": _icon(colours.HIGHEST, corners=3),
        "files/lowest_point.png": _icon(colours.LOWEST, corners=0),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            archive.writestr(member, content)


def _document(layers: InventoryLayers, record: InventoryRecord, language: Language) -> str:
    count = len(layers.landslides)
    shown = layers.landslides.iloc[:LARGEST]
    lonlat = in_wgs84(shown.geometry)
    metres, outlines = 0.0, lonlat
    for metres in _TOLERANCES_M:
        outlines = shapely.simplify(lonlat, metres / DEGREE_M) if metres else lonlat
        if shapely.get_num_coordinates(outlines).sum() <= MAX_POINTS:
            break
    about = [message("kml.count", count=count), message("kml.colours")]
    if count > len(shown):
        about.append(message("kml.largest", count=count, shown=len(shown)))
    if metres:
        about.append(message("kml.simple", metres=metres))
    fills = {f"grade{n}": grade.colour for n, grade in enumerate(colours.CONFIDENCE_CLASSES)}
    fills["plain"] = colours.UNGRADED
    ids = shown["id"].to_numpy()
    return render_xml(
        "doc.kml.j2",
        name=record.name,
        description="<br/>".join(html.escape(one.text(language)) for one in about),
        words={key: message(f"kml.{key}").text(language) for key in _TITLES},
        fills={name: _abgr(colour, 120) for name, colour in fills.items()},
        outline=_abgr(colours.OUTLINE, 255),
        flagged=_abgr(colours.FLAGGED, 255),
        landslides=_landslides(shown, outlines, language),
        points={
            kind: _points(points[points["id"].isin(ids)], language)
            for kind, points in (
                ("highest_point", layers.highest_points),
                ("lowest_point", layers.lowest_points),
            )
        },
    )


def _abgr(colour: tuple[int, int, int], alpha: int) -> str:
    red, green, blue = colour
    return f"{alpha:02x}{blue:02x}{green:02x}{red:02x}"


def _landslides(
    shown: geopandas.GeoDataFrame, outlines: NDArray[np.object_], language: Language
) -> Iterator[dict[str, Any]]:
    own = own_names(shown)
    rows = pandas.DataFrame(shown[[*(field.name for field in FIELDS), *own]]).to_dict("records")
    for row, outline in zip(rows, outlines, strict=True):
        if outline is None or outline.is_empty:
            continue
        confidence = row["confidence"]
        style = "plain"
        if not math.isnan(confidence):
            style = f"grade{colours.confidence_class(confidence)}"
        if any(row[name] is True for name in FLAGS):
            style += "-flagged"
        values = ((field, _value_text(field, row[field.name], language)) for field in FIELDS[1:])
        pairs = [(field.label(language), text) for field, text in values if text]
        pairs += [(name, str(row[name])) for name in own if is_filled(row[name])]
        lines = (html.escape(_attribute_text(label, text, language)) for label, text in pairs)
        parts = shapely.get_parts(shapely.orient_polygons(outline))
        yield {
            "id": row["id"],
            "description": "<br/>".join(lines),
            "style": style,
            "parts": [
                [
                    " ".join(f"{x:.6f},{y:.6f}" for x, y in shapely.get_coordinates(ring).tolist())
                    for ring in shapely.get_rings(part)
                ]
                for part in parts
            ],
        }


def _points(points: geopandas.GeoDataFrame, language: Language) -> Iterator[dict[str, Any]]:
    label = message("kml.elevation").text(language)
    lonlat = points_in_wgs84(points.geometry).tolist()
    heights_m = points["elevation_m"].to_numpy(dtype=np.float64)
    for number, (x, y), height_m in zip(points["id"], lonlat, heights_m, strict=True):
        text = _attribute_text(label, f"{height_m:,.0f} m", language)
        yield {
            "id": number,
            "description": text if math.isfinite(height_m) else "",
            "coordinates": f"{x:.6f},{y:.6f}",
        }


def _attribute_text(label: str, value: str, language: Language) -> str:
    return message("kml.attribute", label=label, value=value).text(language)


def _value_text(field: InventoryField, value: Any, language: Language) -> str:
    """Return a value in words, with its unit; empty where it is unknown."""
    if field.kind is FieldKind.FLAG:
        return message("kml.yes").text(language) if value is True else ""
    if field.kind is FieldKind.TEXT:
        if not isinstance(value, str):
            return ""
        return message(f"kml.{value}").text(language) if field.name == "axis" else value
    if not math.isfinite(value):
        return ""
    return (_FORMS.get(field.name) or _UNIT_FORMS[field.unit]).format(value)


_UNIT_FORMS = {"m²": "{:,.0f} m²", "m": "{:,.0f} m", "°": "{:.0f}°", "": "{:.2f}"}
_FORMS = {
    "centroid_lon": "{:.5f}°",
    "centroid_lat": "{:.5f}°",
    "dem_resolution_m": "{:.3g} m",
}


def _icon(colour: tuple[int, int, int], corners: int) -> bytes:
    """Return the picture of a point: a triangle, or, without corners, a disc."""
    picture = Image.new("RGBA", (_ICON_PX, _ICON_PX))
    draw = ImageDraw.Draw(picture)
    white, end = (255, 255, 255, 255), _ICON_PX - 1
    if corners:
        outline = [(end // 2, 2), (end - 1, end - 3), (1, end - 3)]
        draw.polygon(outline, fill=(*colour, 255), outline=white, width=2)
    else:
        draw.ellipse((5, 5, end - 5, end - 5), fill=(*colour, 255), outline=white, width=2)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
