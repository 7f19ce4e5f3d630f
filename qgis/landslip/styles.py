"""How layers look that bring no style of their own; those of inventories and histories do."""

from __future__ import annotations

from osgeo import gdal
from qgis.core import (
    QgsColorRampShader,
    QgsContrastEnhancement,
    QgsFillSymbol,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from .texts import Texts

# stored number x 0.004; the classes of confidence of the inventories' styles
_PROBABILITIES = (
    (0.0, (255, 255, 178, 0)),
    (0.2, (255, 255, 178, 0)),
    (0.5, (254, 217, 118, 150)),
    (0.7, (253, 141, 60, 200)),
    (0.85, (240, 59, 32, 220)),
    (1.0, (189, 0, 38, 230)),
)
_LANDSLIDE = (214, 96, 50)
_STATES = (
    ("vegetated", (27, 120, 55, 60)),
    ("fresh", (215, 48, 39, 200)),
    ("recovering", (253, 174, 97, 200)),
    ("recovered", (166, 217, 106, 200)),
)
_RECOVERY = (
    ("unknown", (170, 176, 184, 200)),
    ("declining", (122, 1, 119, 220)),
    ("bare", (189, 0, 38, 220)),
    ("recovering", (254, 204, 92, 220)),
    ("recovered", (35, 132, 67, 220)),
)
_CLASSES = {"state": _STATES, "recovery": _RECOVERY}
_FILLS = {
    "landslides": _LANDSLIDE,
    "matched": (27, 120, 55),
    "missed": (33, 102, 172),
    "false": (178, 24, 43),
}
_TRUE_COLOURS = (("red", "red_toa"), ("green", "green_toa"), ("blue", "blue_toa"))


def apply_style(layer: QgsMapLayer, look: str, texts: Texts) -> None:
    """Give a layer one of the plugin's styles; without effect where it does not fit."""
    if isinstance(layer, QgsVectorLayer) and look in _FILLS:
        layer.setRenderer(QgsSingleSymbolRenderer(_fill(_FILLS[look])))
    elif isinstance(layer, QgsRasterLayer):
        if look == "scene":
            _show_in_true_colours(layer)
        elif look == "probability":
            _show_probability(layer)
        elif look == "mask":
            _show_classes(layer, [(1, texts("Landslide"), (*_LANDSLIDE, 200))])
        elif look in _CLASSES:
            classes = [
                (at, texts(name), colour) for at, (name, colour) in enumerate(_CLASSES[look])
            ]
            _show_classes(layer, classes)
    layer.triggerRepaint()


def _fill(colour: tuple[int, int, int]) -> QgsFillSymbol:
    outline = ",".join(str(part * 2 // 5) for part in colour)
    return QgsFillSymbol.createSimple(
        {
            "color": ",".join(map(str, (*colour, 140))),
            "outline_color": f"{outline},255",
            "outline_width": "0.25",
            "joinstyle": "round",
        }
    )


def _show_probability(layer: QgsRasterLayer) -> None:
    provider = layer.dataProvider()
    scale = provider.bandScale(1) or 1.0
    # QGIS applies the scale of the file; where it has none, values are stored numbers
    largest = 1.0 if scale != 1.0 else 250.0
    ramp = QgsColorRampShader(0.0, largest)
    ramp.setColorRampType(QgsColorRampShader.Interpolated)
    ramp.setColorRampItemList(
        [
            QgsColorRampShader.ColorRampItem(value * largest, QColor(*colour), f"{value:g}")
            for value, colour in _PROBABILITIES
        ]
    )
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(provider, 1, shader))


def _show_classes(
    layer: QgsRasterLayer, classes: list[tuple[int, str, tuple[int, int, int, int]]]
) -> None:
    entries = [
        QgsPalettedRasterRenderer.Class(value, QColor(*colour), label)
        for value, label, colour in classes
    ]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, entries))


def _show_in_true_colours(layer: QgsRasterLayer) -> None:
    """Show red, green and blue where the bands have these names, each without its extremes."""
    opened = gdal.Open(layer.source())
    if opened is None:
        return
    names = {
        opened.GetRasterBand(number).GetDescription().lower(): number
        for number in range(1, opened.RasterCount + 1)
    }
    bands = [next((names[one] for one in some if one in names), 0) for some in _TRUE_COLOURS]
    if not all(bands):
        return
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), *bands))
    layer.setContrastEnhancement(
        QgsContrastEnhancement.StretchToMinimumMaximum, QgsRasterMinMaxOrigin.CumulativeCut
    )
