"""Makes, checks or removes the environment that has landslip, from the toolbox."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtGui import QIcon

from .algorithm import ICON
from .environment import REQUIREMENT, Package, differing_version, landslip_version
from .interpreters import SetupError, find_python
from .listener import FeedbackListener
from .settings import current_command, plugin_version, private_environment
from .texts import Texts

ACTION, PYTHON, WHEELS, REQUIREMENT_NAME = "ACTION", "PYTHON", "WHEELS", "REQUIREMENT"
INSTALL, CHECK, REMOVE = ACTIONS = ("install", "check", "remove")
SUMMARY = "Install landslip, once, into a virtual environment of the plugin's own, or upgrade it."
DESCRIPTION = (
    "The environment is a folder in the profile of QGIS; nothing else on the machine changes, and "
    "nothing of it is loaded into QGIS. It needs a Python 3.11 or newer, about 1.3 GB on the disk, "
    "and a package index, or a folder of wheels where there is no network. An earlier environment "
    "is used until the new one is complete."
)
HELP = {
    ACTION: "install: make or upgrade it; check: say which landslip is used; remove: delete it.",
    PYTHON: "Python that makes the environment. [default: the first that fits: QGIS's own, else "
    "one of the system]",
    WHEELS: "Folder of wheels to install from, without any network.",
    REQUIREMENT_NAME: "What pip installs: landslip, a version of it (landslip==0.1.0), a wheel, a "
    "folder with its sources, or the address of a repository (git+https://...).",
}
LABELS = {
    ACTION: "What to do",
    PYTHON: "Python",
    WHEELS: "Folder of wheels",
    REQUIREMENT_NAME: "Package",
}


class SetupAlgorithm(QgsProcessingAlgorithm):
    """Runs venv and pip, with their lines in the log."""

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts

    def createInstance(self) -> SetupAlgorithm:
        """Return an algorithm of the same kind."""
        return SetupAlgorithm(self._texts)

    def name(self) -> str:
        """Return the name in scripts."""
        return "setup"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self._texts("Set up landslip")

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(ICON))

    def shortHelpString(self) -> str:
        """Return the help."""
        texts = self._texts
        lines = [f"<p><b>{texts(SUMMARY)}</b></p><p>{texts(DESCRIPTION)}</p>"]
        lines += [
            f"<p><b>{texts(LABELS[name])}</b><br>{texts(text)}</p>" for name, text in HELP.items()
        ]
        return "".join(lines)

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Declare the parameters."""
        del configuration
        kinds = QgsProcessingParameterFile
        label = {name: self._texts(text) for name, text in LABELS.items()}
        parameters = [
            QgsProcessingParameterEnum(
                ACTION, label[ACTION], list(ACTIONS), False, INSTALL, usesStaticStrings=True
            ),
            QgsProcessingParameterFile(WHEELS, label[WHEELS], kinds.Folder, optional=True),
            QgsProcessingParameterFile(PYTHON, label[PYTHON], kinds.File, optional=True),
            QgsProcessingParameterString(REQUIREMENT_NAME, label[REQUIREMENT_NAME], REQUIREMENT),
        ]
        for one in parameters:
            one.setHelp(self._texts(HELP[one.name()]))
            if one.name() in (PYTHON, REQUIREMENT_NAME):
                flag = QgsProcessingParameterDefinition.FlagAdvanced
                one.setFlags(one.flags() | flag)
            self.addParameter(one)
        self.addOutput(QgsProcessingOutputString("VERSION", self._texts("Version of landslip")))
        self.addOutput(QgsProcessingOutputString("COMMAND", self._texts("Command")))

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Do what was asked for."""
        action = self.parameterAsEnumString(parameters, ACTION, context)
        try:
            if action == REMOVE:
                private_environment().remove()
                return {}
            if action == INSTALL:
                self._install(parameters, context, feedback)
            command = current_command()
            version = landslip_version(command)
        except SetupError as error:
            raise QgsProcessingException(self._texts(str(error))) from error
        shown = shlex.join(command)
        feedback.pushInfo(f"landslip {version}: {shown}")
        if warning := differing_version(version, plugin_version()):
            feedback.pushWarning(warning)
        return {"VERSION": version, "COMMAND": shown}

    def _install(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        wheels = self.parameterAsString(parameters, WHEELS, context).strip()
        requirement = self.parameterAsString(parameters, REQUIREMENT_NAME, context).strip()
        if wheels and not Path(wheels).is_dir():
            raise SetupError(f"{wheels}: not a folder; name the folder that has the wheels")
        python = find_python(self.parameterAsString(parameters, PYTHON, context))
        feedback.pushInfo(f"Python: {python}")
        package = Package(requirement or REQUIREMENT, Path(wheels) if wheels else None)
        private_environment().make(python, package, FeedbackListener(feedback))
        feedback.setProgress(100)
