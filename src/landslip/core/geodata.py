"""The data files of PROJ and GDAL: each wheel's own, whatever another installation has set.

rasterio, pyogrio and pyproj bring a PROJ each, of different versions. Another one's ``proj.db``,
such as QGIS's or conda's, makes coordinate systems unknown, or writes them without their EPSG code.
"""

import os
from importlib.util import find_spec
from pathlib import Path

_DATABASES = {
    "pyogrio": "proj_data/proj.db",
    "pyproj": "proj_dir/share/proj/proj.db",
    "rasterio": "proj_data/proj.db",
}
# where another installation keeps its coordinate systems, tables and plugins
_VARIABLES = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH")


def ignore_foreign_geodata() -> None:
    """Unset what points PROJ and GDAL to other data, where the packages bring their own.

    They read it when they are imported. Without bundled data, as with conda, it is needed.
    """
    stated = [name for name in _VARIABLES if name in os.environ]
    if stated and all(_has_own(package, file) for package, file in _DATABASES.items()):
        for name in stated:
            del os.environ[name]


def _has_own(package: str, database: str) -> bool:
    spec = find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    return any(Path(folder, database).exists() for folder in folders)
