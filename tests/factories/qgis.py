"""QGIS, where it is installed: what it makes of a GeoPackage."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

PYTHON = Path("/usr/bin/python3")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "qgis_round_trip.py"


def has_qgis() -> bool:
    if not PYTHON.exists():
        return False
    asked = [str(PYTHON), "-c", "import qgis.core"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def open_in_qgis(geopackage: Path, picture: Path, *options: str) -> dict[str, Any]:
    """Return what QGIS finds in the layers, and let it draw them."""
    command = [*map(str, (PYTHON, SCRIPT, geopackage, picture)), *options]
    home = str(picture.parent)
    quiet = {"QT_QPA_PLATFORM": "offscreen", "HOME": home, "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=quiet, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    layers: dict[str, Any] = json.loads(done.stdout)["layers"]
    return layers
