"""Miniature rasters and vector files, made by code."""

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from tests.factories.qgis import PYTHON, has_qgis
from xdist.scheduler.loadfile import LoadFileScheduling

import landslip  # noqa: F401 - before OpenVINO, which otherwise sends usage statistics
from system_chromium import chromium_path, launch_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# GeoPackages that tests make themselves need not outlive a power cut either
os.environ.setdefault("OGR_SQLITE_SYNCHRONOUS", "OFF")

UTM = "EPSG:32650"
METRES = Affine(1, 0, 500_000, 0, -1, 4_000_000)

# time says nothing on a machine that others use too; the same examples are drawn at every run
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Keep modules and collected tests, which live to the end, out of each garbage collection."""
    gc.freeze()


# the files of each share fixtures that take many seconds: one process runs all of them
_TOGETHER = ("tests/models/engines/", "tests/models/export/")


class FilesAndFoldersScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of a file on one process, and those of some folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in _TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    if config.getoption("dist") != "loadfile":
        return None
    return FilesAndFoldersScheduling(config, log)


WriteRaster = Callable[..., Path]
WritePolygons = Callable[..., Path]


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """The system's Chromium, one for all tests of a process."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if chromium_path() is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def qgis() -> None:
    """Skip a test where QGIS is not installed."""
    if not has_qgis():
        pytest.skip(f"QGIS is not installed for {PYTHON}")


def write_raster_file(
    path: Path,
    values: NDArray[Any],
    *,
    names: tuple[str, ...] | None = None,
    scales: tuple[float, ...] | None = None,
    offsets: tuple[float, ...] | None = None,
    units: tuple[str, ...] | None = None,
    **profile: Any,
) -> Path:
    """Write a raster (bands, height, width) or (height, width) and return its path.

    The ending chooses the format; without anything else said it lies in UTM with pixels of 1 m,
    its upper left corner at x 500 000, y 4 000 000.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    stacked = values if values.ndim == 3 else values[np.newaxis]
    frame = {"crs": UTM, "transform": METRES} if path.suffix == ".tif" else {}
    count, height, width = stacked.shape
    shape = {"count": count, "height": height, "width": width, "dtype": stacked.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **(frame | shape | profile)) as file:
            file.write(stacked)
            for field, given in (
                ("descriptions", names),
                ("scales", scales),
                ("offsets", offsets),
                ("units", units),
            ):
                if given is not None:
                    setattr(file, field, given)
    return path


@pytest.fixture
def write_raster(tmp_path: Path) -> WriteRaster:
    """Give `write_raster_file` for names of files in the test's folder."""

    def write(name: str, values: NDArray[Any], **options: Any) -> Path:
        return write_raster_file(tmp_path / name, values, **options)

    return write


@pytest.fixture
def write_polygons(tmp_path: Path) -> WritePolygons:
    """Give the function that writes geometries to a vector file and returns its path."""

    def write(
        name: str, geometries: list[Any], *, crs: str | None = UTM, layer: str | None = None
    ) -> Path:
        path = tmp_path / name
        frame = geopandas.GeoDataFrame(geometry=geopandas.GeoSeries(geometries, crs=crs))
        if path.suffix == ".parquet":
            frame.to_parquet(path)
            return path
        more = {} if layer is None else {"layer": layer}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'crs' was not provided")
            frame.to_file(path, engine="pyogrio", **more)
        return path

    return write
