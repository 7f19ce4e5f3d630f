"""The list of landslip's commands; each is imported when it is asked for."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer

from landslip.cli.usage import Command, Group, completion_item

# a command is the function of its name in the module of its name, or the module's `app`
SECTIONS = {
    "Scenes": {
        "preprocess": "Make reflectance scenes of raw Gaofen-1 products.",
        "orthorectify": "Bring an image with RPCs onto the map.",
        "register": "Move a georeferenced scene onto another one.",
        "pansharpen": "Bring bands to the pixel size of a panchromatic image.",
        "stack": "Add bands of terrain and of an earlier date to a scene.",
    },
    "Models": {
        "dataset": "Make tiles for training and testing.",
        "weights": "Prepare files of encoder weights.",
        "train": "Train a network on tiles and write a model folder.",
        "evaluate": "Score a model on tiles.",
        "calibrate": "Calibrate a model's probabilities.",
        "predict-tiles": "Draw what a model makes of tiles.",
        "experiment": "Compare methods on identical tiles.",
        "export": "Write a model again, with ONNX and int8 graphs.",
        "push": "Send a model folder to the Hugging Face hub.",
        "pull": "Fetch a model folder from the Hugging Face hub.",
        "improve": "Fine-tune a model on reviewed ground.",
    },
    "Maps": {
        "extract": "Map the landslides of whole scenes.",
        "inventory": "Make polygons with attributes, statistics and GIS files.",
        "sample": "Draw points to judge, for errors and the true area.",
        "compare": "Compare an inventory with one that is taken as true.",
        "report": "Make one page to read, print and hand on.",
        "serve": "Show, judge and correct a folder in the browser.",
    },
    "Several dates": {
        "series": "Bring scenes of several dates to one grid and radiometry.",
        "states": "Find what is vegetated, fresh, recovering or recovered.",
        "track": "Link the landslides of several dates into histories.",
        "recovery": "Measure how plants return to landslides.",
    },
    "To start with": {
        "doctor": "Say what is installed, what works, and what to change.",
        "demo": "Run the whole chain on synthetic terrain, offline.",
        "synthetic": "Make raw products of synthetic terrain, with the truth.",
    },
}
_MODULES = {"demo": "demo.command"}


class LazyCommands(MutableMapping[str, Any]):
    """The commands by name; going over the names imports none of them."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = dict.fromkeys(
            name for section in SECTIONS.values() for name in section
        )

    def __getitem__(self, name: str) -> Any:
        if self._loaded[name] is None:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


class RootGroup(Group):
    """``landslip`` itself: lists and completes its commands without importing them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands' names in the order of the help."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with their summaries, section by section."""
        del ctx
        width = max(len(name) for name in self.commands)
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in section.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the commands, or the options, that begin with an incomplete word."""
        commands = [
            completion_item(name, text)
            for section in SECTIONS.values()
            for name, text in section.items()
            if name.startswith(incomplete)
        ]
        return commands or super().shell_complete(ctx, incomplete)


def _load(name: str) -> Any:
    word = name.replace("-", "_")
    module = import_module(f"landslip.cli.{_MODULES.get(name, word)}")
    application = getattr(module, "app", None)
    if application is None:
        application = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        application.command(name, cls=Command)(getattr(module, word))
    command = typer.main.get_command(application)
    command.name = name
    return command
