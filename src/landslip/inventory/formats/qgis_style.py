"""How QGIS draws the layers: its own style files (QML), as text."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import geopandas
import numpy as np

from landslip.core.choices import Language
from landslip.inventory.fields import FLAGS, LAYER_FIELDS
from landslip.inventory.formats import colours
from landslip.inventory.record import CROWNS, DENSITY, LANDSLIDES, TOES
from landslip.inventory.statistics.density import density_limits

Colour = tuple[int, int, int]
_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.22.0"
_POINTS_FROM = 100_000
_HAIRLINE = {"outline_width": "0.1", "outline_width_unit": "MM"}
_FLAG_FILTER = " OR ".join(f'coalesce("{_flag}", false)' for _flag in FLAGS)
_POINTS: dict[str, tuple[str, Colour, str]] = {
    CROWNS: ("triangle", colours.CROWN, "2"),
    TOES: ("circle", colours.TOE, "1.6"),
}
_WORDS: dict[Language, dict[str, str]] = {
    Language.ENGLISH: {
        "landslide": "Landslide",
        "confidence": "Confidence",
        "flagged": "To be checked: river flat, road or cloud?",
        "unknown": "Confidence not known",
        "none": "none",
    },
    Language.CHINESE: {
        "landslide": "滑坡",
        "confidence": "置信度",
        "flagged": "待核查：疑似河滩、道路或云",
        "unknown": "置信度未知",
        "none": "无",
    },
}


class _Rule(NamedTuple):
    label: str
    filter: str
    symbol: Element


def layer_style(layer: str, frame: geopandas.GeoDataFrame, language: Language) -> str:
    """Return the style of a layer as the text of a QML file.

    Args:
        layer: its name.
        frame: its rows: they decide whether landslides are graded by confidence, and the classes
            of density.
        language: of legend and labels of columns.
    """
    words = _WORDS[language]
    style = Element(
        "qgis",
        version=_VERSION,
        styleCategories="Symbology|Fields|MapTips|Rendering",
        labelsEnabled="0",
        hasScaleBasedVisibilityFlag="1" if layer in _POINTS else "0",
        minScale=str(_POINTS_FROM),
        maxScale="0",
    )
    if layer == LANDSLIDES:
        style.append(_renderer(_landslide_rules(frame, words)))
    elif layer == DENSITY:
        style.append(_renderer(_density_rules(frame, words)))
    else:
        style.append(_single(_marker(*_POINTS[layer])))
    SubElement(style, "layerOpacity").text = "0.7" if layer == DENSITY else "1"
    _add_columns(style, layer, language)
    return _HEAD + ElementTree.tostring(style, encoding="unicode")


def _add_columns(style: Element, layer: str, language: Language) -> None:
    aliases = SubElement(style, "aliases")
    fields = LAYER_FIELDS[layer]
    for index, field in enumerate(fields, start=1):
        name = field.label_with_unit(language)
        SubElement(aliases, "alias", index=str(index), field=field.name, name=name)
    SubElement(style, "previewExpression").text = f'"{fields[0].name}"'
    lines = (f'<b>{field.label_with_unit(language)}</b>: [% "{field.name}" %]' for field in fields)
    SubElement(style, "mapTip").text = "<br>".join(lines)


def _landslide_rules(frame: geopandas.GeoDataFrame, words: Mapping[str, str]) -> list[_Rule]:
    flagged = _Rule(words["flagged"], _FLAG_FILTER, _symbol("fill", [_hatch(colours.FLAGGED)]))
    known = frame["confidence"].notna()
    if not known.any():
        return [_Rule(words["landslide"], "", _fill(colours.UNGRADED)), flagged]
    rules = [
        _Rule(
            f"{words['confidence']} {grade.low:.1f} – {grade.high:.1f}",
            _between(
                "confidence", grade.low, grade.high, last=grade is colours.CONFIDENCE_CLASSES[-1]
            ),
            _fill(grade.colour),
        )
        for grade in colours.CONFIDENCE_CLASSES
    ]
    unknown = _Rule(words["unknown"], '"confidence" IS NULL', _fill((190, 190, 190)))
    return [*rules, *([] if known.all() else [unknown]), flagged]


def _between(column: str, low: float, high: float, *, last: bool) -> str:
    return f'"{column}" >= {low:g} AND "{column}" {"<=" if last else "<"} {high:g}'


def _density_rules(frame: geopandas.GeoDataFrame, words: Mapping[str, str]) -> list[_Rule]:
    breaks = density_limits(frame["per_km2"].to_numpy(dtype=np.float64))
    outline = _symbol("fill", [_simple_fill(None, (220, 220, 220), _HAIRLINE)])
    rules = [_Rule(words["none"], '"per_km2" = 0', outline)]
    ends = zip(breaks, breaks[1:], colours.DENSITIES, strict=False)
    for place, (low, high, colour) in enumerate(ends):
        above = ">" if place == 0 else ">="
        last = place == len(breaks) - 2
        filter_ = f'"per_km2" {above} {low:g} AND "per_km2" {"<=" if last else "<"} {high:g}'
        fill = _symbol("fill", [_simple_fill(colour, (255, 255, 255), _HAIRLINE)])
        rules.append(_Rule(f"{low:g} – {high:g} per km²", filter_, fill))
    return rules


def _renderer(rules: Sequence[_Rule]) -> Element:
    """Return a renderer that draws a feature by each rule it meets."""
    renderer = Element(
        "renderer-v2", type="RuleRenderer", forceraster="0", symbollevels="0", enableorderby="0"
    )
    root = SubElement(renderer, "rules", key="landslip")
    symbols = SubElement(renderer, "symbols")
    for number, rule in enumerate(rules):
        names = {"key": f"landslip-{number}", "symbol": str(number), "label": rule.label}
        SubElement(root, "rule", names | ({"filter": rule.filter} if rule.filter else {}))
        rule.symbol.set("name", str(number))
        symbols.append(rule.symbol)
    return renderer


def _single(symbol: Element) -> Element:
    renderer = Element(
        "renderer-v2", type="singleSymbol", forceraster="0", symbollevels="0", enableorderby="0"
    )
    SubElement(renderer, "symbols").append(symbol)
    return renderer


def _symbol(kind: str, layers: Sequence[Element], name: str = "0") -> Element:
    symbol = Element("symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    symbol.extend(layers)
    return symbol


def _layer(kind: str, properties: Mapping[str, str]) -> Element:
    layer = Element("layer", {"class": kind, "enabled": "1", "pass": "0", "locked": "0"})
    options = SubElement(layer, "Option", type="Map")
    for name, value in properties.items():
        SubElement(options, "Option", type="QString", name=name, value=value)
    return layer


def _rgba(colour: Colour, alpha: int = 255) -> str:
    return ",".join(map(str, (*colour, alpha)))


def _fill(colour: Colour) -> Element:
    """Return a fill whose outline gets thin where the map shows much, and hides nothing there."""
    dark = tuple(part * 2 // 5 for part in colour)
    width = {
        "outline_width": "4",
        "outline_width_unit": "RenderMetersInMapUnits",
        "outline_width_map_unit_scale": "3x:0,0,1,0.03,1,0.25",  # from 0.03 mm to 0.25 mm
    }
    return _symbol("fill", [_simple_fill(colour, (dark[0], dark[1], dark[2]), width, alpha=200)])


def _simple_fill(
    colour: Colour | None, outline: Colour, width: Mapping[str, str], alpha: int = 255
) -> Element:
    return _layer(
        "SimpleFill",
        {
            "color": _rgba(colour or (255, 255, 255), alpha),
            "style": "no" if colour is None else "solid",
            "outline_color": _rgba(outline),
            "outline_style": "solid",
            "joinstyle": "round",
            **width,
        },
    )


def _hatch(colour: Colour) -> Element:
    pattern = _layer(
        "LinePatternFill",
        {
            "angle": "45",
            "distance": "1.8",
            "distance_unit": "MM",
            "line_width": "0.3",
            "line_width_unit": "MM",
            "color": _rgba(colour),
        },
    )
    # white beneath, to be seen on dark colours too
    strokes = [_stroke((255, 255, 255), "0.7"), _stroke(colour, "0.35")]
    pattern.append(_symbol("line", strokes, name="@0@0"))
    return pattern


def _stroke(colour: Colour, width_mm: str) -> Element:
    return _layer(
        "SimpleLine",
        {"line_color": _rgba(colour), "line_width": width_mm, "line_width_unit": "MM"},
    )


def _marker(shape: str, colour: Colour, size_mm: str) -> Element:
    properties = {
        "name": shape,
        "color": _rgba(colour),
        "outline_color": "255,255,255,255",
        "outline_width": "0.2",
        "outline_width_unit": "MM",
        "size": size_mm,
        "size_unit": "MM",
    }
    return _symbol("marker", [_layer("SimpleMarker", properties)])
