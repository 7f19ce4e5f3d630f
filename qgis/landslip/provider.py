"""The provider: landslip's algorithms in the Processing toolbox."""

from __future__ import annotations

from qgis.core import QgsApplication, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithm import ICON, CommandAlgorithm
from .commands import read_commands
from .settings import add_settings, is_active, remove_settings
from .setup_algorithm import SetupAlgorithm
from .texts import Texts
from .tools import TOOLS


class LandslipProvider(QgsProcessingProvider):
    """Offers the commands, and what installs them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = Texts(QgsApplication.locale())

    def load(self) -> bool:
        """Add the settings and the algorithms."""
        add_settings(self.icon(), self.texts)
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Take the settings away."""
        remove_settings()

    def isActive(self) -> bool:
        """Return whether the options have it switched on."""
        return is_active()

    def id(self) -> str:
        """Return the name in scripts."""
        return "landslip"

    def name(self) -> str:
        """Return the name in the toolbox."""
        return "landslip"

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(ICON))

    def loadAlgorithms(self) -> None:
        """Add an algorithm for each command."""
        commands = read_commands()
        for tool in TOOLS:
            self.addAlgorithm(CommandAlgorithm(tool, commands[tool.command], self.texts))
        self.addAlgorithm(SetupAlgorithm(self.texts))

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Return the endings of rasters that the commands write."""
        return ["tif"]

    def defaultRasterFileExtension(self, hasGeometry: bool = True) -> str:  # noqa: N803, ARG002
        """Return the ending of rasters that are written."""
        return "tif"
