"""What is loaded when a command has ended: layers in a group, with styles and times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsDateTimeRange,
    QgsLayerTreeGroup,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsRasterLayerTemporalProperties,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QTime, QTimeZone

from .styles import apply_style
from .texts import Texts
from .tools.definition import Result

_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:_|$)")
_PLACE = "landslip/place"


@dataclass(frozen=True)
class ResultLayer:
    """A layer that a command has written.

    Attributes:
        source: as QGIS opens it.
        day: the date of a raster of a series; empty where there is none.
        until: the next date of the series; empty on the last one.
        is_first: it has the first date of the series.
    """

    result: Result
    source: str
    day: str = ""
    until: str = ""
    is_first: bool = False


def find_layers(results: tuple[Result, ...], out: Path) -> list[ResultLayer]:
    """Return the layers that are there, the first one on top, the newest of several dates."""
    found = []
    for result in results:
        files = [out]
        if result.file:
            files = sorted(out.glob(result.file)) if out.is_dir() else []
        days = [match[1] if (match := _DAY.match(file.stem)) else "" for file in files]
        dated = list(zip(files, days, [*days[1:], ""]))
        for file, day, until in reversed(dated):
            source = f"{file}|layername={result.layer}" if result.layer else str(file)
            if file.is_file() and (result.is_raster or _has_layer(source)):
                found.append(ResultLayer(result, source, day, until, day == days[0]))
    return found


def _has_layer(source: str) -> bool:
    layer = QgsVectorLayer(source, "", "ogr")
    return layer.isValid() and layer.featureCount() != 0


class ResultGroup:
    """The group of the layers of one run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._group: QgsLayerTreeGroup | None = None

    def add(self, project: QgsProject, layer: QgsMapLayer, place: int, is_shown: bool) -> None:
        """Move a layer of the project into the group, in the order of places."""
        root = project.layerTreeRoot()
        node = root.findLayer(layer.id())
        if node is None:
            return
        if self._group is None:
            self._group = root.insertGroup(0, self.name)
        layer.setCustomProperty(_PLACE, place)
        moved = node.clone()
        moved.setItemVisibilityChecked(is_shown)
        moved.setExpanded(False)
        self._group.insertChildNode(self._index(layer, place), moved)
        node.parent().removeChildNode(node)  # QGIS may have put it into the group itself

    def _index(self, layer: QgsMapLayer, place: int) -> int:
        """Return where a layer is inserted: before the first one of a later place."""
        children = [] if self._group is None else self._group.children()
        for index, one in enumerate(children):
            other = one.layer() if isinstance(one, QgsLayerTreeLayer) else None
            if (
                other is not None
                and other.id() != layer.id()
                and int(other.customProperty(_PLACE, 0)) > place
            ):
                return index
        return len(children)


class LayerFinish(QgsProcessingLayerPostProcessorInterface):
    """What is done to a layer once it is in the project."""

    kept: list[LayerFinish] = []  # noqa: RUF012 - QGIS holds no reference to what Python made

    def __init__(
        self,
        found: ResultLayer,
        texts: Texts,
        group: ResultGroup | None = None,
        place: int = 0,
        is_shown: bool = True,
    ) -> None:
        super().__init__()
        self._found, self._texts = found, texts
        self._group, self._place, self._is_shown = group, place, is_shown
        self.kept.append(self)

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Give the layer its style, its time and its place."""
        del feedback
        result = self._found.result
        if result.look:
            apply_style(layer, result.look, self._texts)
        elif isinstance(layer, QgsVectorLayer):
            layer.loadDefaultStyle()  # of its file, which Processing does not load
        if self._found.day and isinstance(layer, QgsRasterLayer):
            _set_time(layer, self._found)
        if self._group is not None:
            project = context.project() or QgsProject.instance()
            self._group.add(project, layer, self._place, self._is_shown)
        if self in self.kept:
            self.kept.remove(self)


def load_layers(
    found: list[ResultLayer], context: QgsProcessingContext, group: str, texts: Texts
) -> None:
    """Let QGIS load layers when the algorithm has ended."""
    project = context.project()
    if project is None:
        return
    made, outputs = ResultGroup(group), {one.result.output for one in found}
    for place, one in enumerate(found):
        label = texts(one.result.label)
        name = f"{label} {one.day}" if one.day else label
        kind = (
            QgsProcessingUtils.LayerHint.Raster
            if one.result.is_raster
            else QgsProcessingUtils.LayerHint.Vector
        )
        details = QgsProcessingContext.LayerDetails(name, project, one.result.output, kind)
        is_shown = one.result.is_shown and one.result.unless not in outputs
        is_shown = is_shown and not (one.day and one.until)  # the last date of several
        details.forceName = True  # in batches, too, where layers get the names of files
        details.setPostProcessor(LayerFinish(one, texts, made, place, is_shown))
        context.addLayerToLoadOnCompletion(one.source, details)


def _set_time(layer: QgsRasterLayer, found: ResultLayer) -> None:
    """Let the temporal controller show a raster from its date until the next one.

    A second apart from both: a project keeps the ends as parts of the range, and a frame that
    touches it would show both dates. Frames are in UTC, and start with the first date.
    """
    begin, end = _midnight(found.day), _midnight(found.until or found.day)
    end = end.addSecs(-1) if found.until else end.addDays(1).addSecs(-1)
    times = QgsDateTimeRange(begin if found.is_first else begin.addSecs(1), end)
    properties = layer.temporalProperties()
    properties.setMode(QgsRasterLayerTemporalProperties.ModeFixedTemporalRange)
    properties.setFixedTemporalRange(times)
    properties.setIsActive(True)


def _midnight(day: str) -> QDateTime:
    return QDateTime(QDate.fromString(day, "yyyy-MM-dd"), QTime(0, 0), QTimeZone.utc())
