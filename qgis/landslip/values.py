"""The words of a command line, made of what was entered into the dialog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    NULL,
    QgsFeatureRequest,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from .commands import Command, CommandParameter
from .parameters import parameter_name
from .texts import Texts
from .tools.definition import Tool, Widget

_LANDSLIDES = ("landslides", "tracks")  # layers that may stand for their folder


@dataclass
class Words:
    """A command line that is being made.

    Attributes:
        arguments: values of the command's arguments, in their order.
        options: with their values.
        out: what is written.
        subject: name of the first input, for people.
    """

    arguments: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    out: str = ""
    subject: str = ""

    def all(self, command: str) -> list[str]:
        """Return the command and its words."""
        return [command, *self.arguments, *self.options]


class ValueReader:
    """Reads the values of an algorithm's parameters as words of its command."""

    def __init__(
        self,
        algorithm: QgsProcessingAlgorithm,
        values: Mapping[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        texts: Texts,
    ) -> None:
        """Keep what values are read with; see `QgsProcessingAlgorithm.processAlgorithm`."""
        self._algorithm, self._values = algorithm, dict(values)
        self._context, self._feedback, self._texts = context, feedback, texts

    def read_inputs(self, tool: Tool, command: Command) -> Words:
        """Return the words of all that is not written; called where layers may be used.

        Raises:
            QgsProcessingException: a layer is none that a file or address holds.
        """
        words = Words()
        for option in command.parameters.values():
            found: list[str] = []
            for widget in tool.widgets_of(option.name):
                if not widget.kind.startswith("to_"):
                    found += self._read(option, widget, words)
            if option.option is None:
                words.arguments += found
            else:
                words.options += found
            if found and not words.subject:
                words.subject = _name(found[0].rpartition("=")[2])
        return words

    def read_outputs(self, tool: Tool, command: Command, words: Words) -> None:
        """Add the words of what is written."""
        for option in command.parameters.values():
            for widget in tool.widgets_of(option.name):
                name = parameter_name(option.name, widget)
                path = ""
                if widget.kind == "to_raster":
                    path = self._algorithm.parameterAsOutputLayer(self._values, name, self._context)
                elif widget.kind.startswith("to_"):
                    path = self._algorithm.parameterAsFileOutput(self._values, name, self._context)
                if path:
                    words.options.append(f"{option.option}={path}")
                    if option.name == "out":
                        words.out = path

    def _read(self, option: CommandParameter, widget: Widget, words: Words) -> list[str]:
        name = parameter_name(option.name, widget)
        if name not in self._values:
            self._values[name] = self._algorithm.parameterDefinition(name).defaultValue()
        if self._values[name] in (None, NULL, "", []):
            return []  # not stated: as the command has it
        kind = widget.kind or option.type
        if kind == "boolean":
            return self._switch(option, name)
        if kind in ("vector", "vectors"):
            layers = [self._layer(name)] if kind == "vector" else self._layers(name)
            found = [self._vector(one, widget, words, len(layers) == 1) for one in layers]
        else:
            found = getattr(self, f"_{kind}")(name, widget)
        if option.option is None:
            return found
        return [f"{option.option}={one}" for one in found if one != _as_word(option.default)]

    def _switch(self, option: CommandParameter, name: str) -> list[str]:
        is_on = self._algorithm.parameterAsBool(self._values, name, self._context)
        if is_on == bool(option.default):
            return []
        return [str(option.option if is_on else option.opposite)]

    def _text(self, name: str, _: Widget) -> list[str]:
        text = self._algorithm.parameterAsString(self._values, name, self._context).strip()
        return [text] if text else []

    _folder = _file = _text

    def _lines(self, name: str, _: Widget) -> list[str]:
        text = self._algorithm.parameterAsString(self._values, name, self._context)
        return [line.strip() for line in text.splitlines() if line.strip()]

    _folders = _lines

    def _choice(self, name: str, _: Widget) -> list[str]:
        return [self._algorithm.parameterAsEnumString(self._values, name, self._context)]

    def _integer(self, name: str, _: Widget) -> list[str]:
        return [str(self._algorithm.parameterAsInt(self._values, name, self._context))]

    def _number(self, name: str, _: Widget) -> list[str]:
        return [_as_word(self._algorithm.parameterAsDouble(self._values, name, self._context))]

    def _files(self, name: str, _: Widget) -> list[str]:
        return list(self._algorithm.parameterAsFileList(self._values, name, self._context))

    def _date(self, name: str, _: Widget) -> list[str]:
        moment = self._algorithm.parameterAsDateTime(self._values, name, self._context)
        return [moment.toString("yyyy-MM-dd")] if moment.isValid() else []

    def _crs(self, name: str, _: Widget) -> list[str]:
        crs = self._algorithm.parameterAsCrs(self._values, name, self._context)
        return [crs.authid() or crs.toWkt()] if crs.isValid() else []

    def _raster(self, name: str, _: Widget) -> list[str]:
        layer = self._algorithm.parameterAsRasterLayer(self._values, name, self._context)
        if layer is None:
            raise QgsProcessingException(
                self._texts("{name}: not a raster").format(name=self._values[name])
            )
        return [self._place(layer)]

    def _rasters(self, name: str, _: Widget) -> list[str]:
        return [self._place(one) for one in self._layers(name)]

    def _band(self, name: str, widget: Widget) -> list[str]:
        number = self._algorithm.parameterAsInt(self._values, name, self._context)
        if number < 1:
            return []
        parent = gdal.Open(self._raster(widget.parent, widget)[0])
        described = parent is not None and parent.GetRasterBand(number).GetDescription()
        return [described or f"band{number}"]

    def _layers(self, name: str) -> list[QgsMapLayer]:
        return list(self._algorithm.parameterAsLayerList(self._values, name, self._context))

    def _layer(self, name: str) -> QgsMapLayer:
        layer = self._algorithm.parameterAsVectorLayer(self._values, name, self._context)
        value = self._values[name]
        if layer is None:
            raise QgsProcessingException(
                self._texts("{name}: not a vector layer").format(name=value)
            )
        if isinstance(value, QgsProcessingFeatureSourceDefinition) and _is_part(value):
            source = self._algorithm.parameterAsSource(self._values, name, self._context)
            part = source.materialize(QgsFeatureRequest(), self._feedback)
            part.setName(layer.name())
            return part
        return layer

    def _place(self, layer: QgsMapLayer) -> str:
        """Return the file or address of a raster."""
        if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal":
            raise QgsProcessingException(
                self._texts(
                    "{name}: only rasters of files can be used, not those of map services; save it "
                    "as a GeoTIFF first"
                ).format(name=layer.name())
            )
        parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
        path = str(parts.get("path") or layer.source())
        return path[len("/vsicurl/") :] if path.startswith("/vsicurl/http") else path

    def _vector(self, layer: QgsMapLayer, widget: Widget, words: Words, is_only: bool) -> str:
        """Return the file of a vector layer; one that is no whole file is written into one."""
        parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
        path, stated = str(parts.get("path") or ""), str(parts.get("layerName") or "")
        is_plain = (
            layer.providerType() == "ogr"
            and Path(path).exists()
            and not layer.subsetString()
            and not layer.isEditable()
        )
        if not is_plain:
            return self._export(layer)
        file = Path(path)
        record = dict(widget.whole_folders).get(file.name)
        if record and stated in _LANDSLIDES and (file.parent / record).is_file():
            return str(file.parent)
        if layer.dataProvider().subLayerCount() < 2:
            return path
        if widget.layer_option and is_only:
            words.options.append(f"--{widget.layer_option.replace('_', '-')}={stated}")
            return path
        return self._export(layer)

    def _export(self, layer: QgsVectorLayer) -> str:
        name = "".join(one if one.isalnum() or one in "-_." else "_" for one in layer.name())
        path = QgsProcessingUtils.generateTempFilename(f"{name or 'layer'}.gpkg")
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName, options.layerName = "GPKG", layer.name()
        options.fileEncoding = "UTF-8"
        done = QgsVectorFileWriter.writeAsVectorFormatV3(
            layer, path, self._context.transformContext(), options
        )
        if done[0] != QgsVectorFileWriter.NoError:
            raise QgsProcessingException(f"{layer.name()}: {done[1]}")
        self._feedback.pushDebugInfo(f"{layer.name()} -> {path}")
        return path


def _is_part(value: QgsProcessingFeatureSourceDefinition) -> bool:
    """Return whether a layer was chosen with its selection, a filter (QGIS 3.32) or a limit."""
    return bool(
        value.selectedFeaturesOnly
        or getattr(value, "filterExpression", "")
        or value.featureLimit > 0
    )


def _name(path: str) -> str:
    """Return a file's name without its ending, or a folder's name, which may have dots."""
    place = Path(path)
    return place.stem if place.suffix[1:].isalpha() else place.name


def _as_word(value: Any) -> str:
    """Return a value as a command line has it: 30, 0.15."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
