"""landslip for QGIS: maps landslides with the commands of landslip, from the Processing toolbox.

SPDX-License-Identifier: GPL-2.0-or-later
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plugin import LandslipPlugin


def classFactory(iface: Any) -> LandslipPlugin:
    """Return the plugin; QGIS calls this."""
    from .plugin import LandslipPlugin

    return LandslipPlugin(iface)
