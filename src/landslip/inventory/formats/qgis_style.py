"""How QGIS draws the layers: its own style files (QML), as text."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import geopandas
import numpy as np

from landslip.core.choices import Language
from landslip.core.messages import message
from landslip.inventory.fields import FLAGS, LAYER_FIELDS
from landslip.inventory.formats import colours
from landslip.inventory.formats.xml_templates import render_xml
from landslip.inventory.record import DENSITY, HIGHEST_POINTS, LANDSLIDES, LOWEST_POINTS
from landslip.inventory.statistics.density import density_limits

Colour = tuple[int, int, int]
_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_HAIRLINE = {"outline_width": "0.1", "outline_width_unit": "MM"}
# thin where the map shows much, so that an outline hides nothing there
_SCALED_OUTLINE = {
    "outline_width": "4",
    "outline_width_unit": "RenderMetersInMapUnits",
    "outline_width_map_unit_scale": "3x:0,0,1,0.03,1,0.25",  # from 0.03 mm to 0.25 mm
}
_FLAG_FILTER = " OR ".join(f'coalesce("{flag}", false)' for flag in FLAGS)
_MARKERS: dict[str, tuple[str, Colour, str]] = {
    HIGHEST_POINTS: ("triangle", colours.HIGHEST, "2"),
    LOWEST_POINTS: ("circle", colours.LOWEST, "1.6"),
}


class StyleRule(NamedTuple):
    """A class of the legend; without a fill it is hatched."""

    label: str
    filter: str
    fill: Mapping[str, str] | None


def layer_style(layer: str, frame: geopandas.GeoDataFrame, language: Language) -> str:
    """Return the style of a layer as the text of a QML file.

    Its rows decide whether landslides are graded by confidence, and the classes of density.
    """
    marker, rules = None, []
    if layer == LANDSLIDES:
        rules = _landslide_rules(frame, language)
    elif layer == DENSITY:
        rules = _density_rules(frame, language)
    else:
        shape, colour, size_mm = _MARKERS[layer]
        marker = {
            "name": shape,
            "color": _rgba(colour),
            "outline_color": "255,255,255,255",
            "outline_width": "0.2",
            "outline_width_unit": "MM",
            "size": size_mm,
            "size_unit": "MM",
        }
    return render_style(
        rules,
        {field.name: field.label_with_unit(language) for field in LAYER_FIELDS[layer]},
        marker=marker,
        opacity="0.7" if layer == DENSITY else "1",
    )


def render_style(
    rules: Sequence[StyleRule],
    columns: Mapping[str, str],
    *,
    marker: Mapping[str, str] | None = None,
    opacity: str = "1",
    times: tuple[str, str] | None = None,
) -> str:
    """Return a style as the text of a QML file.

    Args:
        rules: classes of the legend, of polygons.
        columns: labels by the names of columns.
        marker: symbol of points.
        opacity: of the layer.
        times: columns with the first and the last (exclusive) day of a row, for the temporal
            controller.
    """
    text = render_xml(
        "style.qml.j2",
        marker=marker,
        rules=rules,
        flagged=_rgba(colours.FLAGGED),
        opacity=opacity,
        columns=columns,
        times=times,
    )
    return _HEAD + "".join(map(str.strip, text.splitlines()))


def _landslide_rules(frame: geopandas.GeoDataFrame, language: Language) -> list[StyleRule]:
    flagged = StyleRule(message("qgis.flagged").text(language), _FLAG_FILTER, None)
    known = frame["confidence"].notna()
    if not known.any():
        label = message("qgis.landslide").text(language)
        return [StyleRule(label, "", landslide_fill(colours.UNGRADED)), flagged]
    rules = []
    for grade in colours.CONFIDENCE_CLASSES:
        below = "<=" if grade is colours.CONFIDENCE_CLASSES[-1] else "<"
        within = f'"confidence" >= {grade.low:g} AND "confidence" {below} {grade.high:g}'
        label = message("qgis.class", low=grade.low, high=grade.high).text(language)
        rules.append(StyleRule(label, within, landslide_fill(grade.colour)))
    if not known.all():
        label = message("qgis.unknown").text(language)
        rules.append(StyleRule(label, '"confidence" IS NULL', landslide_fill((190, 190, 190))))
    return [*rules, flagged]


def _density_rules(frame: geopandas.GeoDataFrame, language: Language) -> list[StyleRule]:
    limits = density_limits(frame["per_km2"].to_numpy(dtype=np.float64))
    none = message("qgis.none").text(language)
    rules = [StyleRule(none, '"per_km2" = 0', _fill(None, (220, 220, 220), _HAIRLINE))]
    classes = zip(limits, limits[1:], colours.DENSITIES, strict=False)
    for place, (low, high, colour) in enumerate(classes):
        above, below = ">" if place == 0 else ">=", "<=" if place == len(limits) - 2 else "<"
        within = f'"per_km2" {above} {low:g} AND "per_km2" {below} {high:g}'
        fill = _fill(colour, (255, 255, 255), _HAIRLINE)
        rules.append(StyleRule(f"{low:g} – {high:g} per km²", within, fill))
    return rules


def landslide_fill(colour: Colour) -> dict[str, str]:
    """Return how landslides of a class are filled, with an outline of the same hue."""
    red, green, blue = (part * 2 // 5 for part in colour)
    return _fill(colour, (red, green, blue), _SCALED_OUTLINE, alpha=200)


def _fill(
    colour: Colour | None, outline: Colour, width: Mapping[str, str], alpha: int = 255
) -> dict[str, str]:
    return {
        "color": _rgba(colour or (255, 255, 255), alpha),
        "style": "no" if colour is None else "solid",
        "outline_color": _rgba(outline),
        "outline_style": "solid",
        "joinstyle": "round",
        **width,
    }


def _rgba(colour: Colour, alpha: int = 255) -> str:
    return ",".join(map(str, (*colour, alpha)))
