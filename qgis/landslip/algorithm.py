"""A command of landslip as an algorithm of the Processing toolbox."""

from __future__ import annotations

import json
import shlex
from html import escape
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
)
from qgis.PyQt.QtGui import QIcon

from .commands import Command
from .interpreters import SetupError
from .layers import LayerFinish, ResultLayer, find_layers, load_layers
from .listener import FeedbackListener
from .parameters import OUTPUT, make_parameter, option_help, parameter_name
from .process import run_command
from .settings import current_command, is_of_this_version
from .texts import Texts
from .tools.definition import Result, Tool
from .values import ValueReader, Words

ICON = Path(__file__).parent / "icon.svg"
LOAD = "LOAD"
_LANGUAGE = "lang"


class CommandAlgorithm(QgsProcessingAlgorithm):
    """Runs a command in its own process, in the environment that has landslip."""

    def __init__(self, tool: Tool, command: Command, texts: Texts) -> None:
        super().__init__()
        self._tool, self._command, self._texts = tool, command, texts
        self._words = Words()

    def createInstance(self) -> CommandAlgorithm:
        """Return an algorithm of the same command."""
        return CommandAlgorithm(self._tool, self._command, self._texts)

    def name(self) -> str:
        """Return the name in scripts: that of the command."""
        return self._tool.command

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self._texts(self._tool.label)

    def group(self) -> str:
        """Return the group in the toolbox."""
        return self._texts(self._tool.group)

    def groupId(self) -> str:
        """Return what scripts call the group."""
        return self._tool.group.lower().replace(" ", "_")

    def tags(self) -> list[str]:
        """Return the words that find the algorithm: its English name and command."""
        return ["landslip", "landslide", "滑坡", self._tool.command, self._tool.label]

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(ICON))

    def shortDescription(self) -> str:
        """Return the command's first sentence."""
        return self._texts(self._command.summary)

    def shortHelpString(self) -> str:
        """Return the command's help."""
        texts, command = self._texts, self._command
        lines = [f"<p><b>{_html(texts(command.summary))}</b></p>"]
        lines += [f"<p>{_html(texts(one))}</p>" for one in command.description]
        for name in self._tool.widgets:
            text = _html(option_help(command.parameters[name], texts))
            for widget in self._tool.widgets_of(name):
                lines.append(f"<p><b>{_html(texts(widget.label))}</b><br>{text}</p>")
        return "\n".join(lines)

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Declare the parameters and outputs."""
        del configuration
        command = self._command
        for name in self._tool.widgets:
            option, widgets = command.parameters[name], self._tool.widgets_of(name)
            for widget in widgets:
                is_optional = not option.required or len(widgets) > 1
                made = make_parameter(option, widget, self._texts, is_optional)
                if name == _LANGUAGE and self._texts.is_chinese:
                    made.setDefaultValue("zh")
                self.addParameter(made)
        for result in self._tool.results:
            if result.output:
                self.addOutput(_output(result, self._texts))
        for figure in self._tool.figures:
            self.addOutput(QgsProcessingOutputNumber(figure.output, self._texts(figure.label)))
        if any(one.file.startswith("inventory/") for one in self._tool.results):
            self.addOutput(QgsProcessingOutputFolder("INVENTORY", self._texts("Inventory")))
        if self._tool.results:
            label = self._texts("Load the results into the map, in a group")
            self.addParameter(QgsProcessingParameterBoolean(LOAD, label, True))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Ask for an input where an option that must be given has several widgets."""
        for option in self._command.parameters.values():
            widgets = self._tool.widgets_of(option.name)
            names = [parameter_name(option.name, one) for one in widgets]
            if len(widgets) > 1 and option.required and not any(map(parameters.get, names)):
                labels = ", ".join(self._texts(one.label) for one in widgets)
                return False, self._texts("One of these is needed: {labels}").format(labels=labels)
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Read the inputs, where layers of the project may be used."""
        reader = ValueReader(self, parameters, context, feedback, self._texts)
        self._words = reader.read_inputs(self._tool, self._command)
        return True

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run the command and return what it made."""
        reader = ValueReader(self, parameters, context, feedback, self._texts)
        words = self._words
        reader.read_outputs(self._tool, self._command, words)
        self._run(words.all(self._tool.command), feedback)
        out = Path(words.out or self._default_output(words))
        found: dict[str, Any] = {OUTPUT: str(out)}
        layers = find_layers(self._tool.results, out)
        found.update({one.result.output: one.source for one in layers if one.result.output})
        found.update(self._figures(out))
        if (out / "inventory").is_dir():
            found["INVENTORY"] = str(out / "inventory")
        if self.parameterDefinition(LOAD) and self.parameterAsBool(parameters, LOAD, context):
            name = f"{self.displayName()}: {words.subject}"
            load_layers(layers, context, name, self._texts)
        elif self._tool.style and context.willLoadLayerOnCompletion(str(out)):
            result = Result("", "", look=self._tool.style, is_raster=True)
            details = context.layerToLoadOnCompletionDetails(str(out))
            details.setPostProcessor(LayerFinish(ResultLayer(result, str(out)), self._texts))
        return found

    def _run(self, words: list[str], feedback: QgsProcessingFeedback) -> None:
        try:
            command = current_command()
            warning = is_of_this_version(command)
        except SetupError as error:
            raise QgsProcessingException(self._texts(str(error))) from error
        if warning:
            feedback.pushWarning(warning)
        feedback.pushCommandInfo(shlex.join([*command, *words]))
        try:
            ending = run_command([*command, *words], FeedbackListener(feedback))
        except OSError as error:
            raise QgsProcessingException(f"{command[0]}: {error}") from error
        if ending.is_cancelled and ending.code:
            raise QgsProcessingException(self._texts("Cancelled; no output was left half-written."))
        if ending.code:
            raise QgsProcessingException(self._sentence(ending.error, ending.code))

    def _sentence(self, error: str, code: int) -> str:
        if "No such option" in error or "No such command" in error:
            hint = self._texts("landslip is older than the plugin: run `Set up landslip`")
            return f"{error} ({hint})"
        if error:
            return error
        if code < 0:
            return self._texts(
                "landslip was ended by signal {number}, most likely as the machine has too little "
                "memory"
            ).format(number=-code)
        return self._texts("landslip ended with exit code {code}, see the log").format(code=code)

    def _default_output(self, words: Words) -> str:
        """Return where a report is that was not given a place."""
        return str(Path(words.arguments[0]) / "report.html")

    def _figures(self, out: Path) -> dict[str, float]:
        found = {}
        for figure in self._tool.figures:
            file = out / figure.file
            if file.is_file():
                value = json.loads(file.read_text(encoding="utf-8")).get(figure.key)
                if value is not None:
                    found[figure.output] = float(value)
        return found


def _output(result: Result, texts: Texts) -> Any:
    kind = QgsProcessingOutputRasterLayer if result.is_raster else QgsProcessingOutputVectorLayer
    return kind(result.output, texts(result.label))


def _html(text: str) -> str:
    """Return a text as HTML, with `words` between backticks as code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
