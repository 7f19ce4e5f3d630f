"""``inventory.kmz``: landslides, crowns and toes for the field, with what is known in words."""

import html
import io
import math
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from landslip.core.choices import Language
from landslip.inventory.fields import FIELDS, FLAGS, FieldKind, InventoryField
from landslip.inventory.formats import colours
from landslip.inventory.formats.wgs84 import in_wgs84, points_in_wgs84
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.record import InventoryRecord

LARGEST = 10_000
MAX_POINTS = 500_000
_TOLERANCES_M = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_DEGREE_M = 111_195.0
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ICON_PX = 32
_DATE = (2000, 1, 1, 0, 0, 0)
_WORDS: dict[Language, dict[str, str]] = {
    Language.ENGLISH: {
        "landslides": "Landslides",
        "crowns": "Crowns",
        "toes": "Toes",
        "landslide": "Landslide",
        "crown": "Crown of landslide",
        "toe": "Toe of landslide",
        "elevation": "Elevation",
        "colon": ": ",
        "count": "{count} landslides",
        "largest": "Only the {shown} largest of {count} landslides are here; all are in "
        "inventory.gpkg.",
        "simple": "Outlines are simplified by up to {metres:g} m.",
        "colours": "Yellow to red: confidence from low to high. Blue outline: to be checked.",
        "yes": "yes",
        "downslope": "downslope",
        "box": "longer side of the smallest rectangle",
    },
    Language.CHINESE: {
        "landslides": "滑坡",
        "crowns": "后缘",
        "toes": "前缘",
        "landslide": "滑坡",
        "crown": "滑坡后缘",
        "toe": "滑坡前缘",
        "elevation": "高程",
        "colon": "：",
        "count": "共{count}处滑坡",
        "largest": "此处仅含{count}处滑坡中面积最大的{shown}处，全部见 inventory.gpkg。",
        "simple": "边界已简化，偏差不超过 {metres:g} m。",
        "colours": "由黄至红表示置信度由低到高；蓝色边界表示待核查。",
        "yes": "是",
        "downslope": "顺坡方向",
        "box": "最小外接矩形长边",
    },
}


def write_kmz(
    layers: InventoryLayers,
    record: InventoryRecord,
    path: Path,
    language: Language = Language.ENGLISH,
) -> None:
    """Write the landslides, the `LARGEST` of them at most, with their crowns and toes.

    Outlines are simplified until they have `MAX_POINTS` points at most, which phones still open,
    by 100 m at the utmost; the document says by how much.

    Args:
        layers: in a known coordinate system.
        record: of the inventory, for its name.
        path: of the file.
        language: of all that is said.
    """
    document = "".join(_document(layers, record, language))
    files = {
        "doc.kml": document.encode(),
        "files/crown.png": _icon(colours.CROWN, corners=3),
        "files/toe.png": _icon(colours.TOE, corners=0),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            archive.writestr(member, content)


def _document(
    layers: InventoryLayers, record: InventoryRecord, language: Language
) -> Iterator[str]:
    words = _WORDS[language]
    count = len(layers.landslides)
    shown = layers.landslides.iloc[:LARGEST]
    outlines, metres = _light(in_wgs84(shown.geometry))
    said = [words["count"].format(count=count), words["colours"]]
    if count > len(shown):
        said.append(words["largest"].format(count=count, shown=len(shown)))
    if metres:
        said.append(words["simple"].format(metres=metres))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n'
    yield f"<name>{_text(record.name)}</name>\n<open>1</open>\n"
    yield f"<description>{_text('<br/>'.join(map(html.escape, said)))}</description>\n"
    yield from _styles()
    yield from _folder(words["landslides"], _landslides(shown, outlines, language))
    ids = shown["id"].to_numpy()
    for kind, points in (("crown", layers.crowns), ("toe", layers.toes)):
        kept = points[points["id"].isin(ids)]
        yield from _folder(words[f"{kind}s"], _points(kept, kind, words))
    yield "</Document>\n</kml>\n"


def _light(lonlat: NDArray[np.object_]) -> tuple[NDArray[np.object_], float]:
    """Return outlines with few enough points, and by how many metres they were simplified."""
    metres, simple = 0.0, lonlat
    for metres in _TOLERANCES_M:
        simple = shapely.simplify(lonlat, metres / _DEGREE_M) if metres else lonlat
        if shapely.get_num_coordinates(simple).sum() <= MAX_POINTS:
            break
    return simple, metres


def _styles() -> Iterator[str]:
    fills = {f"grade{n}": grade.colour for n, grade in enumerate(colours.CONFIDENCE_CLASSES)}
    for name, fill in (fills | {"plain": colours.UNGRADED}).items():
        yield _polygon_style(name, fill, colours.OUTLINE, 1.5)
        yield _polygon_style(f"{name}-flagged", fill, colours.FLAGGED, 3.0)
    for kind in ("crown", "toe"):
        yield (
            f'<Style id="{kind}"><IconStyle><scale>0.5</scale><Icon><href>files/{kind}.png</href>'
            "</Icon></IconStyle><LabelStyle><scale>0</scale></LabelStyle></Style>\n"
        )


def _polygon_style(
    name: str, fill: tuple[int, int, int], line: tuple[int, int, int], width_px: float
) -> str:
    return (
        f'<Style id="{name}"><LineStyle><color>{_abgr(line, 255)}</color><width>{width_px:g}'
        f"</width></LineStyle><PolyStyle><color>{_abgr(fill, 120)}</color></PolyStyle></Style>\n"
    )


def _abgr(colour: tuple[int, int, int], alpha: int) -> str:
    red, green, blue = colour
    return f"{alpha:02x}{blue:02x}{green:02x}{red:02x}"


def _folder(name: str, placemarks: Iterator[str]) -> Iterator[str]:
    yield f"<Folder><name>{_text(name)}</name>\n"
    yield from placemarks
    yield "</Folder>\n"


def _landslides(
    shown: geopandas.GeoDataFrame, outlines: NDArray[np.object_], language: Language
) -> Iterator[str]:
    words = _WORDS[language]
    rows = shown[[field.name for field in FIELDS]].to_dict("records")
    for row, outline in zip(rows, outlines, strict=True):
        if outline is None or outline.is_empty:
            continue
        yield (
            f"<Placemark><name>{words['landslide']} {row['id']}</name>"
            f"<description>{_text(_balloon(row, language))}</description>"
            f"<styleUrl>#{_style_of(row)}</styleUrl>{_outline(outline)}"
            "</Placemark>\n"
        )


def _style_of(row: dict[str, Any]) -> str:
    confidence = row["confidence"]
    grade = "plain" if math.isnan(confidence) else f"grade{colours.confidence_class(confidence)}"
    return f"{grade}-flagged" if any(row[name] is True for name in FLAGS) else grade


def _balloon(row: dict[str, Any], language: Language) -> str:
    """Return what is known of a landslide as lines of HTML."""
    words = _WORDS[language]
    said = ((field, _said(field, row[field.name], words)) for field in FIELDS[1:])
    return "<br/>".join(
        f"{html.escape(field.label(language))}{words['colon']}{html.escape(text)}"
        for field, text in said
        if text
    )


def _said(field: InventoryField, value: Any, words: dict[str, str]) -> str:
    """Return a value in words, with its unit; empty where it is not known."""
    if field.kind is FieldKind.FLAG:
        return words["yes"] if value is True else ""
    if field.kind is FieldKind.TEXT:
        if not isinstance(value, str):
            return ""
        return words[value] if field.name == "axis" else value
    if not math.isfinite(value):
        return ""
    form = _FORMS.get(field.name) or _UNIT_FORMS[field.unit]
    return form(value)


_UNIT_FORMS: dict[str, Callable[[float], str]] = {
    "m²": lambda value: f"{value:,.0f} m²",
    "m": lambda value: f"{value:,.0f} m",
    "°": lambda value: f"{value:.0f}°",
    "": lambda value: f"{value:.2f}",
}
_FORMS: dict[str, Callable[[float], str]] = {
    "centroid_lon": lambda value: f"{value:.5f}°",
    "centroid_lat": lambda value: f"{value:.5f}°",
    "dem_resolution_m": lambda value: f"{value:.3g} m",
}


def _points(points: geopandas.GeoDataFrame, kind: str, words: dict[str, str]) -> Iterator[str]:
    lonlat = points_in_wgs84(points.geometry)
    heights = points["elevation_m"].to_numpy(dtype=np.float64)
    for number, (x, y), height in zip(points["id"], lonlat, heights, strict=True):
        about = (
            f"{words['elevation']}{words['colon']}{height:,.0f} m" if math.isfinite(height) else ""
        )
        yield (
            f"<Placemark><name>{words[kind]} {number}</name><description>{about}</description>"
            f"<styleUrl>#{kind}</styleUrl><Point><coordinates>{x:.6f},{y:.6f}</coordinates></Point>"
            "</Placemark>\n"
        )


def _outline(geometry: shapely.Geometry) -> str:
    parts = [_polygon(part) for part in shapely.get_parts(shapely.orient_polygons(geometry))]
    return parts[0] if len(parts) == 1 else f"<MultiGeometry>{''.join(parts)}</MultiGeometry>"


def _polygon(polygon: shapely.Polygon) -> str:
    holes = "".join(
        f"<innerBoundaryIs>{_ring(hole)}</innerBoundaryIs>" for hole in polygon.interiors
    )
    outside = f"<outerBoundaryIs>{_ring(polygon.exterior)}</outerBoundaryIs>"
    return f"<Polygon>{outside}{holes}</Polygon>"


def _ring(ring: shapely.LinearRing) -> str:
    points: Sequence[Sequence[float]] = shapely.get_coordinates(ring).tolist()
    written = " ".join(f"{x:.6f},{y:.6f}" for x, y in points)
    return f"<LinearRing><coordinates>{written}</coordinates></LinearRing>"


def _text(text: str) -> str:
    """Return text as XML holds it; control characters, which it cannot, become spaces."""
    return escape(_NOT_XML.sub(" ", text))


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
