"""The parameters of an algorithm, made of an option of the command and its widget."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from .commands import CommandParameter
from .texts import Texts
from .tools.definition import Widget

OUTPUT = "OUTPUT"
_GEOMETRIES = {
    "polygon": QgsProcessing.TypeVectorPolygon,
    "line": QgsProcessing.TypeVectorLine,
    "point": QgsProcessing.TypeVectorPoint,
    "any": QgsProcessing.TypeVectorAnyGeometry,
}


def parameter_name(option: str, widget: Widget) -> str:
    """Return what scripts and models call a parameter."""
    return OUTPUT if option == "out" else f"{option}{widget.suffix}".upper()


def make_parameter(
    option: CommandParameter, widget: Widget, texts: Texts, is_optional: bool
) -> QgsProcessingParameterDefinition:
    """Return the parameter that asks for a value of an option."""
    made = _MAKERS[widget.kind or option.type](
        parameter_name(option.name, widget), texts(widget.label), option, widget, is_optional
    )
    made.setHelp(option_help(option, texts))
    if widget.advanced:
        made.setFlags(made.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
    return made


def option_help(option: CommandParameter, texts: Texts) -> str:
    """Return the help of an option, with its name where messages may call it by that."""
    text = texts(option.help)
    return text if option.option is None else f"{text} ({option.option})"


def _boolean(name: str, label: str, option: CommandParameter, *_: Any) -> Any:
    return QgsProcessingParameterBoolean(name, label, bool(option.default))


def _number(
    name: str, label: str, option: CommandParameter, widget: Widget, is_optional: bool
) -> Any:
    kind = QgsProcessingParameterNumber
    is_integer = option.type == "integer"
    limits = {}
    if widget.minimum is not None:
        limits["minValue"] = widget.minimum
    if widget.maximum is not None:
        limits["maxValue"] = widget.maximum
    made = QgsProcessingParameterNumber(
        name,
        label,
        kind.Integer if is_integer else kind.Double,
        option.default,
        optional=is_optional,
        **limits,
    )
    if not is_integer:
        made.setMetadata({"widget_wrapper": {"decimals": 4}})
    return made


def _choice(name: str, label: str, option: CommandParameter, _: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterEnum(
        name,
        label,
        option.choices,
        False,
        option.default,
        is_optional,
        usesStaticStrings=True,  # scripts and models hold words, not places in a list
    )


def _text(name: str, label: str, option: CommandParameter, _: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterString(name, label, option.default, False, is_optional)


def _lines(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterString(name, label, None, True, is_optional)


def _raster(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterRasterLayer(name, label, None, is_optional)


def _rasters(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    kind = QgsProcessing.TypeRaster
    return QgsProcessingParameterMultipleLayers(name, label, kind, None, is_optional)


def _vector(name: str, label: str, _: CommandParameter, widget: Widget, is_optional: bool) -> Any:
    kinds = [_GEOMETRIES[widget.geometry]]
    return QgsProcessingParameterFeatureSource(name, label, kinds, None, is_optional)


def _vectors(name: str, label: str, _: CommandParameter, widget: Widget, is_optional: bool) -> Any:
    kind = _GEOMETRIES[widget.geometry]
    return QgsProcessingParameterMultipleLayers(name, label, kind, None, is_optional)


def _files(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    kind = QgsProcessing.TypeFile
    return QgsProcessingParameterMultipleLayers(name, label, kind, None, is_optional)


def _file(name: str, label: str, _: CommandParameter, widget: Widget, is_optional: bool) -> Any:
    behaviour = QgsProcessingParameterFile.File
    return QgsProcessingParameterFile(
        name, label, behaviour, "", None, is_optional, f"{widget.files};;*.*"
    )


def _folder(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    behaviour = QgsProcessingParameterFile.Folder
    return QgsProcessingParameterFile(name, label, behaviour, "", None, is_optional)


def _crs(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterCrs(name, label, None, is_optional)


def _date(name: str, label: str, _: CommandParameter, __: Widget, is_optional: bool) -> Any:
    kind = QgsProcessingParameterDateTime.Date
    return QgsProcessingParameterDateTime(name, label, kind, None, is_optional)


def _band(name: str, label: str, _: CommandParameter, widget: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterBand(name, label, None, widget.parent, is_optional)


def _to_folder(name: str, label: str, *_: Any) -> Any:
    return QgsProcessingParameterFolderDestination(name, label)


def _to_raster(name: str, label: str, *_: Any) -> Any:
    return QgsProcessingParameterRasterDestination(name, label)


def _to_file(name: str, label: str, _: CommandParameter, widget: Widget, is_optional: bool) -> Any:
    return QgsProcessingParameterFileDestination(
        name, label, widget.files, None, is_optional, not is_optional
    )


_MAKERS = {
    "band": _band,
    "boolean": _boolean,
    "choice": _choice,
    "crs": _crs,
    "date": _date,
    "file": _file,
    "files": _files,
    "folder": _folder,
    "folders": _lines,
    "integer": _number,
    "lines": _lines,
    "number": _number,
    "raster": _raster,
    "rasters": _rasters,
    "text": _text,
    "to_file": _to_file,
    "to_folder": _to_folder,
    "to_raster": _to_raster,
    "vector": _vector,
    "vectors": _vectors,
}
