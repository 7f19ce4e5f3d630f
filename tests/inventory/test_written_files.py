"""All files of an inventory at once."""

from pathlib import Path

import geopandas
import pandas as pd
import pytest
from tests.inventory.factories import make_layers, make_record

from landslip.core.choices import Language
from landslip.inventory import record as names
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.run import write_layers

ALL = [
    names.GEOPACKAGE,
    names.PARQUET,
    names.CSV,
    names.GEOJSON,
    names.KMZ,
    names.STAC_ITEM,
]


@pytest.mark.parametrize("count", [0, 6])
def test_all_formats_are_written_and_named(tmp_path: Path, count: int) -> None:
    layers = make_layers(count)
    assert write_layers(layers, make_record(layers), None, tmp_path) == ALL
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(ALL)
    read = [
        geopandas.read_file(tmp_path / names.GEOPACKAGE, layer="landslides"),
        geopandas.read_parquet(tmp_path / names.PARQUET),
        pd.read_csv(tmp_path / names.CSV),
        geopandas.read_file(tmp_path / names.GEOJSON),
    ]
    assert [len(table) for table in read] == [count] * 4


def test_without_a_coordinate_system_only_what_needs_none(tmp_path: Path) -> None:
    layers = make_layers(crs=None)
    assert write_layers(layers, make_record(layers), None, tmp_path) == ALL[:3]
    assert len(list(tmp_path.iterdir())) == 3


def test_an_inventory_in_degrees_may_count_its_density_in_metres(tmp_path: Path) -> None:
    metric = make_layers()
    layers = InventoryLayers(
        landslides=metric.landslides.to_crs(4326),
        highest_points=metric.highest_points.to_crs(4326),
        lowest_points=metric.lowest_points.to_crs(4326),
        density=metric.density,
    )
    assert write_layers(layers, make_record(layers), None, tmp_path) == ALL
    found = {
        name: geopandas.read_file(tmp_path / names.GEOPACKAGE, layer=name).crs.to_epsg()
        for name in ("landslides", "highest_points", "lowest_points", "density")
    }
    assert found == {
        "landslides": 4326,
        "highest_points": 4326,
        "lowest_points": 4326,
        "density": 32648,
    }
    table = pd.read_csv(tmp_path / names.CSV)
    assert table["lowest_lon"].dropna().tolist() == layers.lowest_points.geometry.x.tolist()


def test_without_a_date_no_stac_item(tmp_path: Path) -> None:
    layers = make_layers()
    record = make_record(layers, scene={"name": "somewhere"})
    assert write_layers(layers, record, None, tmp_path) == ALL[:5]


def test_the_same_inventory_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        layers = make_layers()
        write_layers(layers, make_record(layers), None, tmp_path / name, Language.CHINESE)
    for name in ALL:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_the_layers_are_left_as_they_are(tmp_path: Path) -> None:
    layers, untouched = make_layers(), make_layers()
    write_layers(layers, make_record(layers), None, tmp_path)
    pd.testing.assert_frame_equal(
        pd.DataFrame(layers.landslides), pd.DataFrame(untouched.landslides)
    )
    pd.testing.assert_frame_equal(pd.DataFrame(layers.density), pd.DataFrame(untouched.density))
