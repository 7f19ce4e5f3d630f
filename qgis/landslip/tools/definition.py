"""Which widget each option of a command has in QGIS, and what is loaded of what it makes.

Names, types, defaults, choices and help come from the commands; here is what they cannot know. An
option without a widget is in `Tool.left_out`, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Widget:
    """How QGIS asks for a value.

    Attributes:
        label: in English; the catalogue has the Chinese.
        kind: empty: by the type of the option; else ``raster``, ``rasters``, ``vector``,
            ``vectors``, ``file``, ``files``, ``folder``, ``folders``, ``lines``, ``crs``,
            ``date``, ``band``, ``to_folder``, ``to_raster``, ``to_file``.
        suffix: of the parameter's name, where an option has several widgets.
        advanced: hidden until it is asked for.
        minimum: of numbers.
        maximum: of numbers.
        geometry: of vector layers: ``polygon``, ``line``, ``point`` or ``any``.
        files: filter of file dialogs.
        parent: parameter of the raster that a band belongs to.
        layer_option: the option that names a layer of the chosen file.
        whole_folders: GeoPackages whose layers stand for the folder that they are in, each with the
            record beside it.
    """

    label: str
    kind: str = ""
    suffix: str = ""
    advanced: bool = False
    minimum: float | None = None
    maximum: float | None = None
    geometry: str = "polygon"
    files: str = ""
    parent: str = ""
    layer_option: str = ""
    whole_folders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Result:
    """A layer that is loaded when a command has ended, the first one on top.

    Attributes:
        output: name of the output in models and batch; empty where there may be any number.
        file: in the folder that was written; with *, all that fit.
        layer: of a GeoPackage.
        look: style that the plugin gives it; empty: the one in the file.
        unless: it is not shown at first where there is the output of this name.
    """

    label: str
    file: str
    layer: str = ""
    output: str = ""
    look: str = ""
    unless: str = "-"
    is_raster: bool = False
    is_shown: bool = True


@dataclass(frozen=True)
class Figure:
    """A number of a JSON file that is written."""

    output: str
    label: str
    file: str
    key: str


@dataclass(frozen=True)
class Tool:
    """A command in the toolbox."""

    command: str
    group: str
    label: str
    widgets: dict[str, Widget | tuple[Widget, ...]]
    left_out: dict[str, str] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    figures: tuple[Figure, ...] = ()
    style: str = ""
    """Style of the raster that is the only output."""

    def widgets_of(self, parameter: str) -> tuple[Widget, ...]:
        """Return the widgets of an option; none where it is left out."""
        found = self.widgets.get(parameter, ())
        return found if isinstance(found, tuple) else (found,)
