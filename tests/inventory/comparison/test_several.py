"""Several inventories are compared as one, and users' columns come along."""

from collections.abc import Sequence
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from tests.inventory.factories import UTM
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app

ORIGIN = np.array([400_000.0, 3_459_000.0])


def write(
    path: Path, boxes: Sequence[tuple[float, float, float, float]], **columns: object
) -> Path:
    shapes = [shapely.transform(shapely.box(*box), lambda at: at + ORIGIN) for box in boxes]
    geopandas.GeoDataFrame(columns, geometry=shapes, crs=UTM).to_file(path)
    return path


def test_landslides_that_two_sheets_share_count_once(tmp_path: Path) -> None:
    """The second box is cut by the edge between the sheets; the reference has it whole."""
    left = write(tmp_path / "left.gpkg", [(0, 0, 50, 50), (80, 0, 100, 60)], name=["a", "b"])
    right = write(tmp_path / "right.gpkg", [(100, 0, 160, 60), (300, 0, 340, 40)], by=["Li", "Wu"])
    boxes = [(0, 0, 50, 50), (80, 0, 160, 60), (500, 0, 540, 40)]
    true = write(tmp_path / "true.gpkg", boxes, Year_obs=[2005, 2006, 2009])
    out = tmp_path / "out"
    words = ["compare", str(left), str(right), str(true), "--out", str(out), "--draws", "0"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "3 landslides compared with 3 of the reference" in done.output
    matched = geopandas.read_file(out / "comparison.gpkg", layer="matched")
    assert matched["iou"].tolist() == pytest.approx([1, 1])
    assert matched["reference_Year_obs"].tolist() == [2005, 2006]
    assert matched["inventory_name"].tolist()[0] == "a"
    assert matched["inventory_by"].tolist()[1] == "Li"
    missed = geopandas.read_file(out / "comparison.gpkg", layer="missed")
    assert missed["reference_Year_obs"].tolist() == [2009]
    again = landslip.compare([left, right], true, draws=0)
    assert (again.inventory.landslides, again.matches.matched) == (3, 2)


def test_the_mapped_area_of_an_inventory_is_an_area(tmp_path: Path) -> None:
    area = write(tmp_path / "area.gpkg", [(-10, -10, 100, 100)])
    mapped = write(tmp_path / "mapped.gpkg", [(0, 0, 50, 50), (200, 0, 250, 60)])
    true = write(tmp_path / "true.gpkg", [(0, 0, 50, 50), (300, 0, 350, 60)])
    out = tmp_path / "inventory"
    landslip.make_inventory(mapped, area=area, out=out, draws=0)
    for given in (out, out / "inventory.gpkg", area):
        found = landslip.compare(out, true, area=given, draws=0)
        assert found.searched_m2 == pytest.approx(110 * 110)
        assert (found.areas.f1.value, found.reference.beside) == (1, 1)
