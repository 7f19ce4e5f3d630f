from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from tests.multitemporal.factories import write_map
from tests.reporting.inventory.factories import InventoryContents, write_inventory
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app
from landslip.multitemporal.tracking.dated_layers import read_dated_layers

SQUARE = (354_010, 3_467_000, 354_020, 3_467_010)


def test_inventories_of_a_model_that_nobody_judged_are_a_warning(tmp_path: Path) -> None:
    of_model = write_inventory(tmp_path / "first", InventoryContents(date="2013-08-12"))
    own = write_inventory(tmp_path / "own", InventoryContents(date="2014-10-02", model=False))
    found = landslip.track([of_model, own], out=tmp_path / "tracks").record
    (warning,) = [one for one in found.messages if one.key == "warning.tracks_unjudged"]
    assert warning.text().startswith("first: a model mapped these")
    result = CliRunner().invoke(
        app, ["track", str(of_model), str(own), "--out", str(tmp_path / "again")]
    )
    for one in found.dates:
        seen = sum(one.states.values())
        line = f"{one.stated} {one.polygons} polygons, {seen} landslides so far: "
        assert line in result.stdout
    alone = landslip.track([of_model], out=tmp_path / "alone").record
    assert "warning.tracks_unjudged" not in [one.key for one in alone.messages]


@pytest.mark.parametrize("name", ["", "landslides.gpkg"], ids=["folder", "file"])
def test_an_extraction_was_not_judged(name: str, tmp_path: Path) -> None:
    folder = write_map(tmp_path / "map", date(2014, 10, 2), np.full((20, 30), 0.7))
    square = geopandas.GeoDataFrame(geometry=[shapely.box(*SQUARE)], crs="EPSG:32648")
    square.to_file(folder / "landslides.gpkg", layer="landslides")
    (layer,) = read_dated_layers(folder / name)
    assert not layer.is_judged
    assert layer.periods.tolist() == ["2014-10-02"]
    assert layer.searched is not None
