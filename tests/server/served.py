"""Served folders made by code, and clients of a server over one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from fastapi.testclient import TestClient
from tests.inventory.factories import make_extraction

import landslip
from landslip.server.app import create_app
from landslip.server.options import ServeOptions

UTM = "EPSG:32648"
LEFT, TOP = 400_000.0, 3_460_000.0


def make_served(folder: Path) -> Path:
    """Make a folder with a scene, its map, the inventory of that, an elevation model, a sample."""
    folder.mkdir()
    made = make_extraction(folder)
    inventory = folder / "inventory"
    landslip.make_inventory(made.extraction, out=inventory, draws=0, smooth=False, split=False)
    landslip.sample(inventory, out=folder / "sample.gpkg", size=60, min_per_stratum=10, seed=3)
    return folder


def copy_served(folder: Path, out: Path) -> Path:
    """Copy a served folder; what refers to it finds the copies."""
    return Path(shutil.copytree(folder, out, copy_function=shutil.copy2))


def write_squares(path: Path, count: int, side_m: float = 40.0) -> Path:
    """Write squares in a lattice, with confidences from 0 to 1."""
    across = int(np.ceil(np.sqrt(count)))
    number = np.arange(count)
    x, y = LEFT + 100.0 * (number % across), TOP - 100.0 * (number // across)
    frame = geopandas.GeoDataFrame(
        {
            "id": number + 1,
            "confidence": (number % 101) / 100,
            "area_m2": np.full(count, side_m**2),
        },
        geometry=shapely.box(x, y - side_m, x + side_m, y),
        crs=UTM,
    )
    frame.to_file(path, layer="landslides", driver="GPKG")
    return path


@contextmanager
def client_of(folder: Path, **options: Any) -> Iterator[TestClient]:
    """Yield a client of a server over a folder."""
    app = create_app(ServeOptions(folder=folder, **options))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def ids_of(client: TestClient) -> dict[str, str]:
    """Return the ids of all that the workspace has, by kind and name."""
    workspace = client.get("/api/workspace").json()
    return {
        f"{kind} {one['name']}": one["id"]
        for kind in ("rasters", "inventories", "models", "samples")
        for one in workspace[kind]
    }
