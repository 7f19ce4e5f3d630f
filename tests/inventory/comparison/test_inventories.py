from pathlib import Path

import geopandas
import pytest
import shapely

from landslip.core.errors import InputError
from landslip.inventory.comparison.inventories import ComparisonRequest
from landslip.inventory.comparison.run import compare


def test_thousands_of_polygons_on_each_other_are_refused(tmp_path: Path) -> None:
    stacked = [shapely.box(0, 0, 100 + n / 1000, 100) for n in range(2400)]
    path = tmp_path / "stacked.gpkg"
    geopandas.GeoDataFrame(geometry=stacked, crs="EPSG:32648").to_file(path)
    with pytest.raises(InputError, match=r"stacked\.gpkg: more than 5,000,000 pairs"):
        compare(ComparisonRequest(inventory=path, reference=path, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
