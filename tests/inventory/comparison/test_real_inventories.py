"""Published inventories of the ground of the Wenchuan earthquake, read in place."""

import os
from pathlib import Path

import geopandas
import pytest
import shapely

from landslip.inventory.comparison.inventories import ComparisonRequest
from landslip.inventory.comparison.run import compare

SHARED = Path(__file__).parents[4] / "shared"
DATA = Path(os.environ.get("LANDSLIP_DATA", SHARED / "data"))
WENCHUAN = DATA / "inventories_wenchuan" / "wenchuan_predicted.gpkg"


@pytest.mark.skipif(not WENCHUAN.exists(), reason="needs wenchuan_predicted.gpkg (LANDSLIP_DATA)")
def test_two_years_near_wenchuan_agree_as_shapely_says(tmp_path: Path) -> None:
    request = ComparisonRequest(
        inventory=WENCHUAN,
        reference=WENCHUAN,
        layer="y2018",
        reference_layer="y2014",
        out=tmp_path / "out",
        draws=20,
    )
    found = compare(request)
    years = [
        geopandas.read_file(WENCHUAN, layer=name).make_valid().union_all()
        for name in ("y2018", "y2014")
    ]
    shared = shapely.area(shapely.intersection(*years))
    assert found.areas.shared_m2 == pytest.approx(shared)
    assert found.areas.iou.value == pytest.approx(shared / shapely.area(shapely.union(*years)))
    assert found.pixels.iou == pytest.approx(found.areas.iou.value, rel=0.01)
    assert (found.inventory.landslides, found.reference.landslides) == (198, 560)
    assert any("1 of 198 polygons (number 160) invalid and repaired" in n for n in found.notes)
