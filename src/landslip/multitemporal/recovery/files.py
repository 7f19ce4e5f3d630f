"""The tables of recovery in all formats, with labels and styles."""

from pathlib import Path

import geopandas

from landslip.core.choices import Language
from landslip.core.messages import message
from landslip.inventory.formats.qgis_style import StyleRule
from landslip.multitemporal.layer_files import StyledLayer, class_rules, write_layers
from landslip.multitemporal.recovery.fields import LANDSLIDES, RECOVERY_FIELDS, TRAJECTORIES
from landslip.multitemporal.recovery.rates import RecoveryClass
from landslip.multitemporal.recovery.record import GEOPACKAGE
from landslip.multitemporal.recovery.tables import class_name

CLASS_COLOURS: dict[RecoveryClass, tuple[int, int, int]] = {
    RecoveryClass.DECLINING: (122, 1, 119),
    RecoveryClass.BARE: (189, 0, 38),
    RecoveryClass.RECOVERING: (254, 204, 92),
    RecoveryClass.RECOVERED: (35, 132, 67),
    RecoveryClass.UNKNOWN: (170, 176, 184),
}


def write_files(
    landslides: geopandas.GeoDataFrame,
    trajectories: geopandas.GeoDataFrame,
    folder: Path,
    language: Language,
) -> list[str]:
    """Write both layers in all formats and return the names of the files.

    Raises:
        LandslipError: one cannot be written.
    """
    layers = {
        LANDSLIDES: StyledLayer(frame=landslides, fields=RECOVERY_FIELDS[LANDSLIDES], rules=_rules),
        TRAJECTORIES: StyledLayer(
            frame=trajectories,
            fields=RECOVERY_FIELDS[TRAJECTORIES],
            rules=_rules,
            times=("date", "until"),
        ),
    }
    return write_layers(layers, folder / GEOPACKAGE, language)


def _rules(language: Language) -> list[StyleRule]:
    colours = {class_name(one): colour for one, colour in CLASS_COLOURS.items()}
    classes = (
        (name, message(f"recovery_class.{name}"), colour) for name, colour in colours.items()
    )
    return class_rules("class", classes, language)
