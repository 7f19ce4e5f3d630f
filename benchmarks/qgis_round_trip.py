"""What QGIS makes of a GeoPackage: layers, labels, styles, times, and a picture.

QGIS brings its own Python; on Debian: apt-get install python3-qgis, and then

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 benchmarks/qgis_round_trip.py \
        inventory/inventory.gpkg picture.png
    QT_QPA_PLATFORM=offscreen /usr/bin/python3 benchmarks/qgis_round_trip.py \
        tracks/tracks.gpkg picture.png --layers landslides --day 2014-10-02

With a day, what is counted and drawn is what the temporal controller shows in a frame of that day.
It prints what it finds as JSON.
"""

import argparse
import json
from datetime import date, timedelta
from importlib import import_module
from typing import Any

LAYERS_FROM_ABOVE = ("highest_points", "lowest_points", "landslides", "density")


def in_python(value: Any) -> str:
    """Return a date, or a date with its time, of QGIS as text."""
    has_time = hasattr(value, "toPyDateTime")
    return str((value.toPyDateTime() if has_time else value.toPyDate()).isoformat())


def main() -> None:
    """Open the layers as a user of QGIS does, by dragging them in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("geopackage")
    parser.add_argument("picture")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--layers", nargs="+", default=LAYERS_FROM_ABOVE)
    parser.add_argument("--zoom", type=float, default=1.0, help="of the picture, to its middle")
    parser.add_argument("--day", type=date.fromisoformat, help="frame of the temporal controller")
    arguments = parser.parse_args()
    core: Any = import_module("qgis.core")
    application = core.QgsApplication([], True)
    application.initQgis()
    opened = [open_layer(core, arguments.geopackage, name) for name in arguments.layers]
    frame = None if arguments.day is None else frame_of(core, arguments.day)
    draw(core, opened, frame, arguments)
    found = {layer.name(): described(core, layer, frame) for layer in opened}
    result = {"qgis": core.Qgis.QGIS_VERSION, "layers": found}
    print(json.dumps(result, ensure_ascii=False, default=in_python))
    del opened
    application.exitQgis()


def open_layer(core: Any, geopackage: str, name: str) -> Any:
    """Return a layer with the default style of the file."""
    layer = core.QgsVectorLayer(f"{geopackage}|layername={name}", name, "ogr")
    if not layer.isValid():
        raise SystemExit(f"{geopackage}: QGIS cannot open the layer {name}")
    message, loaded = layer.loadDefaultStyle()
    layer.setCustomProperty("default_style", f"{loaded} {message}".strip())
    return layer


def frame_of(core: Any, day: date) -> Any:
    """Return a day as the temporal controller has it: from midnight to midnight, in UTC."""
    qt: Any = import_module("qgis.PyQt.QtCore")
    begin, end = (
        qt.QDateTime(qt.QDate(one.year, one.month, one.day), qt.QTime(0, 0), qt.Qt.UTC)
        for one in (day, day + timedelta(days=1))
    )
    return core.QgsDateTimeRange(begin, end, True, False)


def described(core: Any, layer: Any, frame: Any) -> dict[str, Any]:
    """Return what QGIS knows of a layer, and how many features each class of its style draws."""
    renderer = layer.renderer()
    count = layer.countSymbolFeatures()
    count.waitForFinished()
    number, _, names, _, _ = layer.listStylesInDatabase()
    return {
        "features": layer.featureCount(),
        "crs": layer.crs().authid(),
        "geometry": core.QgsWkbTypes.displayString(layer.wkbType()),
        "default_style": layer.customProperty("default_style"),
        "styles": names[:number],
        "renderer": renderer.type(),
        "legend": {
            item.label(): layer.featureCount(item.ruleKey())
            for item in renderer.legendSymbolItems()
        },
        "aliases": {field.name(): field.alias() for field in layer.fields()},
        "types": {field.name(): field.typeName() for field in layer.fields()},
        "first": first(core, layer),
        "time": time_of(core, layer),
        "in_frame": None if frame is None else count_in(core, layer, frame),
        "index": layer.hasSpatialIndex() == core.QgsFeatureSource.SpatialIndexPresent,
    }


def time_of(core: Any, layer: Any) -> dict[str, Any] | None:
    """Return the fields with which a layer follows the temporal controller; None: it does not."""
    time = layer.temporalProperties()
    if not time.isActive():
        return None
    start_and_end = core.QgsVectorLayerTemporalProperties.ModeFeatureDateTimeStartAndEndFromFields
    return {
        "start_and_end_fields": time.mode() == start_and_end,
        "fields": [time.startField(), time.endField()],
    }


def count_in(core: Any, layer: Any, frame: Any) -> int:
    """Return how many features a frame of the temporal controller shows."""
    context = core.QgsVectorLayerTemporalContext()
    context.setLayer(layer)
    shown = layer.temporalProperties().createFilterString(context, frame)
    return sum(1 for _ in layer.getFeatures(shown))


def first(core: Any, layer: Any) -> dict[str, Any]:
    """Return the values of the first feature, None where it is empty."""
    for feature in layer.getFeatures():
        values = zip(layer.fields().names(), feature.attributes(), strict=True)
        return {name: None if v == core.NULL else v for name, v in values}
    return {}


def draw(core: Any, layers: list[Any], frame: Any, arguments: argparse.Namespace) -> None:
    """Draw the layers as a picture, the first of them on top, of a frame if there is one."""
    qt: Any = import_module("qgis.PyQt.QtCore")
    gui: Any = import_module("qgis.PyQt.QtGui")
    settings = core.QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[0].crs())
    extent = core.QgsRectangle()
    for layer in layers:
        extent.combineExtentWith(layer.extent())
    extent.scale(1.05 / arguments.zoom)
    settings.setExtent(extent)
    settings.setOutputSize(qt.QSize(arguments.width, arguments.width))
    settings.setOutputDpi(144)
    settings.setBackgroundColor(gui.QColor(255, 255, 255))
    if frame is not None:
        settings.setIsTemporal(True)
        settings.setTemporalRange(frame)
    job = core.QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    if not job.renderedImage().save(arguments.picture):
        raise SystemExit(f"{arguments.picture}: cannot be written")


if __name__ == "__main__":
    main()
