"""The plugin's modules that need no QGIS, and the script that builds its zip."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "qgis"


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landslip_qgis_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = load_build()
PLUGIN: Path = BUILD.PLUGIN


def plugin_module(name: str) -> ModuleType:
    module: ModuleType = BUILD.plugin_module(name)
    return module
