"""Coordinate systems that are not of the Earth end in one sentence that names the file."""

from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

import landslip
from landslip.core.errors import InputError

CODES = {
    "site": 'LOCAL_CS["Quarry grid",UNIT["metre",1]]',
    "moon": "+proj=eqc +a=1737400 +b=1737400 +type=crs",
    "utm": "EPSG:32648",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A scene, an elevation model and polygons of one place, in each system."""
    folder = tmp_path_factory.mktemp("files")
    pixels = np.random.default_rng(4).integers(1, 999, (4, 96, 96)).astype(np.uint16)
    for name, code in CODES.items():
        crs = rasterio.crs.CRS.from_user_input(code)
        for kind, bands in (("scene", pixels), ("dem", pixels[:1])):
            with rasterio.open(
                folder / f"{name}_{kind}.tif", "w", driver="GTiff", width=96, height=96,
                count=len(bands), dtype="uint16", crs=crs,
                transform=Affine(2, 0, 500_000, 0, -2, 3_400_000),
            ) as file:  # fmt: skip
                file.write(bands)
                if kind == "scene":
                    file.descriptions = ("blue", "green", "red", "nir")
        ring = shapely.box(500_020, 3_399_900, 500_060, 3_399_960)
        frame = geopandas.GeoDataFrame(geometry=[ring], crs=pyproj.CRS.from_wkt(crs.to_wkt()))
        frame.to_parquet(folder / f"{name}_polygons.parquet")
    return {path.stem: path for path in folder.iterdir()}


Call = Callable[[dict[str, Path], str, Path], object]
CALLS: dict[str, Call] = {
    "labels": lambda f, name, out: landslip.datasets.from_scene(
        f["utm_scene"], f[f"{name}_polygons"], out=out, tile=32
    ),
    "labelled scene": lambda f, name, out: landslip.datasets.from_scene(
        f[f"{name}_scene"], f["utm_polygons"], out=out, tile=32
    ),
    "polygons": lambda f, name, out: landslip.make_inventory(f[f"{name}_polygons"], out=out),
    "elevation model": lambda f, name, out: landslip.make_inventory(
        f["utm_polygons"], dem=f[f"{name}_dem"], out=out
    ),
    "scene of an inventory": lambda f, name, out: landslip.make_inventory(
        f["utm_polygons"], scene=f[f"{name}_scene"], out=out
    ),
    "area": lambda f, name, out: landslip.make_inventory(
        f["utm_polygons"], area=f[f"{name}_polygons"], out=out
    ),
    "roads": lambda f, name, out: landslip.make_inventory(
        f["utm_polygons"], roads=f[f"{name}_polygons"], out=out
    ),
    "compared": lambda f, name, out: landslip.compare(
        f["utm_polygons"], f[f"{name}_polygons"], out=out
    ),
    "moving": lambda f, name, out: landslip.register(f[f"{name}_scene"], f["utm_scene"], out=out),
    "reference": lambda f, name, out: landslip.register(
        f["utm_scene"], f[f"{name}_scene"], out=out
    ),
    "map": lambda f, name, out: landslip.orthorectify(
        f["utm_scene"], dem=f["utm_dem"], crs=CODES[name], out=out
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_one_sentence(files: dict[str, Path], tmp_path: Path, call: str) -> None:
    out = tmp_path / ("out.tif" if call in ("moving", "reference", "map") else "out")
    for name in ("site", "moon"):
        with pytest.raises(InputError, match="is not tied to the Earth; assign") as told:
            CALLS[call](files, name, out)
        assert "\n" not in str(told.value)
        assert len(str(told.value)) < 500
        assert not out.exists()


def test_a_site_of_its_own_is_enough_where_no_place_is_needed(
    files: dict[str, Path], tmp_path: Path
) -> None:
    labels, scene = files["site_polygons"], files["site_scene"]
    compared = landslip.compare(labels, labels, draws=0)
    assert compared.areas.f1.value == 1
    told: list[str] = []
    tiles = landslip.datasets.from_scene(
        scene, labels, out=tmp_path / "tiles", tile=32, log=told.append
    )
    assert tiles.card.landslide_share == pytest.approx(40 * 60 / 192**2, rel=0.05)
    assert not any("Earth" in note for note in told)
