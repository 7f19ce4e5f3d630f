"""The plugin's settings, on the page of Processing's providers, and what they lead to."""

from __future__ import annotations

import configparser
from functools import lru_cache
from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsApplication

from .environment import (
    PrivateEnvironment,
    differing_version,
    find_command,
    landslip_version,
)
from .texts import Texts

GROUP = "landslip"
COMMAND = "LANDSLIP_COMMAND"
ACTIVE = "ACTIVATE_LANDSLIP"
METADATA = Path(__file__).parent / "metadata.txt"


def add_settings(icon: object, texts: Texts) -> None:
    """Add the plugin's settings to Processing's options."""
    ProcessingConfig.settingIcons[GROUP] = icon
    label = texts(
        "Python, program or virtual environment that has landslip (empty: the plugin's own)"
    )
    ProcessingConfig.addSetting(Setting(GROUP, ACTIVE, texts("Activate"), True))
    ProcessingConfig.addSetting(Setting(GROUP, COMMAND, label, "", valuetype=Setting.FILE))
    ProcessingConfig.readSettings()


def remove_settings() -> None:
    """Take the plugin's settings away from Processing's options."""
    ProcessingConfig.removeSetting(ACTIVE)
    ProcessingConfig.removeSetting(COMMAND)


def is_active() -> bool:
    """Return whether the provider is switched on."""
    return bool(ProcessingConfig.getSetting(ACTIVE))


def private_environment() -> PrivateEnvironment:
    """Return the plugin's own environment, in the folder of the user's profile."""
    return PrivateEnvironment(Path(QgsApplication.qgisSettingsDirPath()) / "landslip")


def current_command() -> list[str]:
    """Return the words that start landslip.

    Raises:
        SetupError: there is none.
    """
    return find_command(ProcessingConfig.getSetting(COMMAND) or "", private_environment())


def is_of_this_version(command: list[str]) -> str | None:
    """Return a warning where a landslip is not of the plugin's version.

    Raises:
        SetupError: it does not start.
    """
    return differing_version(_version(tuple(command)), plugin_version())


@lru_cache(maxsize=8)
def _version(command: tuple[str, ...]) -> str:
    return landslip_version(list(command))  # takes a second, so once a session


def plugin_version() -> str:
    """Return the version in metadata.txt."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(METADATA, encoding="utf-8")
    return metadata["general"]["version"]
