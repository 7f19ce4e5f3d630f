"""Makes `commands.json` and the zip of the plugin for QGIS; `make qgis-plugin` runs it.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import argparse
import configparser
import importlib
import importlib.util
import io
import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType

PLUGIN = Path(__file__).parent / "landslip"
NAME = "landslip"
_ALIAS = "landslip_plugin"  # its own name is that of the package here
_LEFT_OUT = ("__pycache__",)
_ENDINGS = (".py", ".json", ".svg", ".txt", "")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes on every machine and day
_NEEDED = (
    "name",
    "description",
    "about",
    "version",
    "qgisMinimumVersion",
    "author",
    "license",
    "icon",
    "hasProcessingProvider",
)


def plugin_module(name: str) -> ModuleType:
    """Return a module of the plugin that needs no QGIS, e.g. ``tools``."""
    if _ALIAS not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            _ALIAS, PLUGIN / "__init__.py", submodule_search_locations=[str(PLUGIN)]
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"{PLUGIN}: not a package")
        sys.modules[_ALIAS] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return importlib.import_module(f"{_ALIAS}.{name}")


def commands_text() -> str:
    """Return what `commands.json` has to hold: what the commands of the toolbox take."""
    from landslip.cli.description import describe_commands

    described = describe_commands(tool.command for tool in plugin_module("tools").TOOLS)
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def metadata_text(version: str) -> str:
    """Return `metadata.txt` with the version of the package.

    Raises:
        ValueError: QGIS would refuse it.
    """
    text = (PLUGIN / "metadata.txt").read_text(encoding="utf-8")
    lines = [
        f"version={version}" if line.startswith("version=") else line for line in text.splitlines()
    ]
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.optionxform = str  # type: ignore[assignment,method-assign]
    metadata.read_string("\n".join(lines))
    missing = [name for name in _NEEDED if not metadata["general"].get(name)]
    if missing:
        raise ValueError(f"metadata.txt: {', '.join(missing)} missing")
    if not (PLUGIN / metadata["general"]["icon"]).is_file():
        raise ValueError(f"metadata.txt: no icon {metadata['general']['icon']}")
    return "\n".join(lines) + "\n"


def plugin_files() -> dict[str, bytes]:
    """Return the files of the zip by their names in it, in their order.

    Raises:
        ValueError: a file is of a kind that is not part of the plugin.
    """
    from landslip import __version__

    found = {}
    for path in sorted(PLUGIN.rglob("*")):
        inner = path.relative_to(PLUGIN)
        if path.is_dir() or any(part in _LEFT_OUT for part in inner.parts):
            continue
        if path.suffix not in _ENDINGS or path.name.startswith("."):
            raise ValueError(f"{path}: not a file of the plugin")
        content = path.read_bytes()
        if path.name == "metadata.txt":
            content = metadata_text(__version__).encode()
        found[f"{NAME}/{inner.as_posix()}"] = content
    return found


def plugin_zip() -> bytes:
    """Return the zip that QGIS installs; the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in plugin_files().items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, compresslevel=9)
    return buffer.getvalue()


def main() -> None:
    """Write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="Zip to write; without it only commands.json.")
    out = parser.parse_args().out
    (PLUGIN / "commands.json").write_text(commands_text(), encoding="utf-8")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(plugin_zip())
        print(f"{out}: {out.stat().st_size / 1000:.0f} kB")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
