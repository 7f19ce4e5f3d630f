"""The plugin: registers the provider, and an entry in the menu that sets landslip up."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QIcon

try:  # QAction moved in Qt 6
    from qgis.PyQt.QtGui import QAction
except ImportError:
    from qgis.PyQt.QtWidgets import QAction

from .algorithm import ICON
from .provider import LandslipProvider


class LandslipPlugin:
    """What QGIS loads; ``iface`` is None in qgis_process."""

    def __init__(self, iface: Any) -> None:
        """Keep the interface of QGIS's window."""
        self._iface = iface
        self._provider: LandslipProvider | None = None
        self._action: QAction | None = None

    def initProcessing(self) -> None:
        """Register the provider; all that qgis_process calls."""
        self._provider = LandslipProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Register the provider and add the entry of the menu."""
        self.initProcessing()
        if self._provider is None or self._iface is None:
            return
        text = self._provider.texts("Set up landslip")
        self._action = QAction(QIcon(str(ICON)), text, self._iface.mainWindow())
        self._action.triggered.connect(_open_setup)
        self._iface.addPluginToMenu("landslip", self._action)

    def unload(self) -> None:
        """Take away what was added."""
        if self._action is not None:
            self._iface.removePluginMenu("landslip", self._action)
            self._action = None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None


def _open_setup() -> None:
    import processing

    processing.execAlgorithmDialog("landslip:setup", {})
