"""Labels, inventories and comparisons across datums that PROJ takes as equal."""

import warnings
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.features import rasterize
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app
from landslip.core.errors import InputError, LandslipWarning

SHIFT = "15.8,-154.4,-82.3"
CGCS2000, BEIJING = 4542, 2434  # 3-degree zones about 99 E
CENTRE, SIDE, STEP = (500_000.0, 3_490_000.0), 128, 2.0
PIXELS = Affine(STEP, 0, CENTRE[0] - SIDE * STEP / 2, 0, -STEP, CENTRE[1] + SIDE * STEP / 2)


def circles() -> np.ndarray:
    rng = np.random.default_rng(1)
    places = CENTRE + rng.uniform(-0.3, 0.3, (5, 2)) * SIDE * STEP
    return np.array([shapely.Point(place).buffer(15) for place in places], dtype=object)


def in_beijing_1954() -> geopandas.GeoDataFrame:
    """The circles, with the coordinates that they have on the old datum."""
    old = pyproj.crs.BoundCRS(
        pyproj.CRS.from_epsg(BEIJING),
        pyproj.CRS.from_epsg(4326),
        pyproj.crs.coordinate_operation.ToWGS84Transformation(
            pyproj.CRS.from_epsg(4214), 15.8, -154.4, -82.3
        ),
    )
    degrees = pyproj.Transformer.from_crs(CGCS2000, 4490, always_xy=True)
    onto = pyproj.Transformer.from_crs(4326, old, always_xy=True)
    moved = shapely.transform(
        circles(), lambda p: np.column_stack(onto.transform(*degrees.transform(*p.T)))
    )
    return geopandas.GeoDataFrame(geometry=moved, crs=BEIJING)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=4, dtype="uint16",
        crs=f"EPSG:{CGCS2000}", transform=PIXELS,
    ) as file:  # fmt: skip
        file.write(np.random.default_rng(2).integers(1, 99, (4, SIDE, SIDE)).astype(np.uint16))
        file.descriptions = ("blue", "green", "red", "nir")
    return path


def burnt(folder: Path) -> np.ndarray:
    tiles = landslip.datasets.open(folder)
    label = np.zeros((SIDE, SIDE), np.uint8)
    for at in range(len(tiles)):
        row, col = (int(part[1:]) for part in tiles.column("tile_id")[at].split("_")[-2:])
        label[row : row + 64, col : col + 64] = tiles.tile(at).label
    return label


def test_polygons_and_masks_are_shifted_or_warned_of(tmp_path: Path, scene: Path) -> None:
    in_beijing_1954().to_file(tmp_path / "old.gpkg")
    truth = rasterize(circles(), out_shape=(SIDE, SIDE), transform=PIXELS)
    x, y = in_beijing_1954().total_bounds.reshape(2, 2).mean(axis=0).round().tolist()
    wide = Affine(1, 0, x - 250, 0, -1, y + 250)
    with rasterio.open(
        tmp_path / "old.tif", "w", driver="GTiff", width=500, height=500, count=1, dtype="uint8",
        crs=f"EPSG:{BEIJING}", transform=wide,
    ) as file:  # fmt: skip
        file.write(rasterize(in_beijing_1954().geometry, out_shape=(500, 500), transform=wide), 1)
    for name in ("old.gpkg", "old.tif"):
        for shift in (None, SHIFT):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", LandslipWarning)
                out = tmp_path / f"{name}_{shift}"
                landslip.datasets.from_scene(
                    scene, tmp_path / name, out=out, tile=64, min_valid=0.01, datum_shift=shift
                )
            told = [text for one in caught if "PROJ knows" in (text := str(one.message))]
            wrong = (burnt(out) != truth).sum()
            if shift is None:
                assert len(told) == 1
                assert told[0].startswith(f"{name}: PROJ knows no transformation from Beijing 1954")
                assert wrong > truth.sum() / 2
            else:
                assert not told
                assert wrong < truth.sum() * (0.0 if name == "old.gpkg" else 0.1) + 20


def test_a_comparison(tmp_path: Path) -> None:
    new, old = tmp_path / "new.gpkg", tmp_path / "old.gpkg"
    geopandas.GeoDataFrame(geometry=circles(), crs=CGCS2000).to_file(new)
    in_beijing_1954().to_file(old)
    for pair in ((new, old), (old, new)):
        apart = landslip.compare(*pair, draws=0)
        assert (apart.areas.f1.value or 0.0) < 0.5
        assert sum("PROJ knows no transformation" in note for note in apart.notes) == 1
        same = landslip.compare(*pair, draws=0, datum_shift=SHIFT)
        assert same.areas.f1.value == pytest.approx(1, abs=1e-5)
        assert not any("PROJ" in note for note in same.notes)
    assert not any("PROJ" in note for note in landslip.compare(old, old, draws=0).notes)


def test_an_inventory(tmp_path: Path) -> None:
    in_beijing_1954().to_file(tmp_path / "old.gpkg")
    to_lonlat = pyproj.Transformer.from_crs(CGCS2000, 4490, always_xy=True)
    expected = to_lonlat.transform(shapely.union_all(circles()).centroid.x, CENTRE[1])[0]
    found = []
    for shift in (None, SHIFT):
        made = landslip.make_inventory(tmp_path / "old.gpkg", draws=10, datum_shift=shift)
        told = [note for note in made.record.notes if "PROJ knows no transformation" in note]
        assert len(told) == (shift is None)
        found.append(float(np.mean(made.landslides["centroid_lon"])))
    assert found[1] == pytest.approx(expected, abs=5e-5)
    assert abs(found[0] - found[1]) > 5e-5


def test_a_shift_that_cannot_be_read(tmp_path: Path, scene: Path) -> None:
    in_beijing_1954().to_file(tmp_path / "old.gpkg")
    with pytest.raises(InputError, match="datum_shift is dx,dy,dz in metres"):
        landslip.compare(tmp_path / "old.gpkg", tmp_path / "old.gpkg", datum_shift="15.8;-154.4")
    labels, out = str(tmp_path / "old.gpkg"), str(tmp_path / "tiles")
    command = ["dataset", "scene", str(scene), labels, "--out", out, "--datum-shift", "-1,2"]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 2
    assert "--datum-shift is dx,dy,dz in metres" in told.output
    assert not Path(out).exists()


def old_file(path: Path, geometries: list[shapely.Geometry], **columns: object) -> Path:
    geopandas.GeoDataFrame(columns, geometry=geometries, crs=BEIJING).to_file(path)
    return path


@pytest.mark.parametrize("option", ["water", "roads", "sample"])
def test_layers_of_an_inventory(tmp_path: Path, option: str) -> None:
    new = tmp_path / "new.gpkg"
    geopandas.GeoDataFrame(geometry=circles(), crs=CGCS2000).to_file(new)
    old = in_beijing_1954().geometry
    line = shapely.LineString(shapely.get_coordinates(shapely.centroid(old.to_numpy())))
    places = list(shapely.centroid(old.to_numpy()))
    layers = {
        "water": old_file(tmp_path / "water.gpkg", list(old)),
        "roads": old_file(tmp_path / "roads.gpkg", [line]),
        "sample": old_file(
            tmp_path / "sample.gpkg",
            [*places, *(shapely.Point(one.x + 60, one.y + 60) for one in places)],
            reference=[1] * 5 + [0] * 5,
        ),
    }
    area: dict[str, Any] = {}
    if option == "sample":
        area = {"area": tmp_path / "area.gpkg"}
        wide = shapely.union_all(circles()).envelope.buffer(300)
        geopandas.GeoDataFrame(geometry=[wide], crs=CGCS2000).to_file(area["area"])
    given: dict[str, Any] = {option: layers[option], **area}
    shifted = landslip.make_inventory(new, draws=0, datum_shift=SHIFT, **given)
    assert not any("PROJ" in note for note in shifted.record.notes)
    assert shifted.record.datum_shift == SHIFT
    if option == "sample":
        return  # unshifted, no point would be on a landslide
    told = landslip.make_inventory(new, draws=0, **given).record
    assert [text.partition(":")[0] for text in told.warnings] == [f"{option}.gpkg"]
    assert "PROJ knows no transformation from Beijing 1954" in told.warnings[0]


def test_a_report_takes_the_shift_of_its_inventory(tmp_path: Path, scene: Path) -> None:
    in_beijing_1954().to_file(tmp_path / "old.gpkg")
    made = landslip.make_inventory(
        tmp_path / "old.gpkg", draws=0, datum_shift=SHIFT, scene=scene, units="dn"
    )
    same = landslip.report(made, out=tmp_path / "same.html").read_text("utf-8")
    stated = landslip.report(made, out=tmp_path / "stated.html", datum_shift=SHIFT)
    other = landslip.report(made, out=tmp_path / "other.html", datum_shift="0,0,0")
    assert stated.read_text("utf-8") == same
    assert other.read_text("utf-8") != same


def test_a_scene_elsewhere_is_told(tmp_path: Path, scene: Path) -> None:
    there = shapely.transform(circles(), lambda points: points + 5000.0)
    geopandas.GeoDataFrame(geometry=there, crs=CGCS2000).to_file(tmp_path / "a.gpkg")
    record = landslip.make_inventory(tmp_path / "a.gpkg", draws=0, scene=scene).record
    assert any("scene.tif shows none of the landslides" in text for text in record.warnings)


def test_degrees_that_are_called_metres_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    geopandas.GeoDataFrame(geometry=[shapely.box(103, 31, 103.001, 31.001)], crs=32648).to_file(
        path
    )
    record = landslip.make_inventory(path, draws=0).record
    assert any("check whether they are degrees" in text for text in record.warnings)


def test_heights_in_millimetres_that_no_one_states_are_told(tmp_path: Path) -> None:
    geopandas.GeoDataFrame(geometry=circles(), crs=CGCS2000).to_file(tmp_path / "a.gpkg")
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=64, height=64, count=1, dtype="float32",
        crs=f"EPSG:{CGCS2000}", transform=Affine(10, 0, CENTRE[0] - 320, 0, -10, CENTRE[1] + 320),
    ) as file:  # fmt: skip
        file.write(np.full((64, 64), 1.5e6, np.float32), 1)
    record = landslip.make_inventory(tmp_path / "a.gpkg", draws=0, dem=tmp_path / "dem.tif").record
    assert any(
        "dem.tif has no heights under half or more of 5 of 5" in text for text in record.warnings
    )
