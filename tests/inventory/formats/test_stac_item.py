"""The STAC item, checked by pystac."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
import pytest
import shapely
from tests.factories.models import make_card
from tests.inventory.factories import NAME, make_layers, make_record

from landslip.inventory import record as names
from landslip.inventory.fields import FIELDS
from landslip.inventory.formats.stac_item import write_stac_item
from landslip.inventory.statistics.result import AdjustedLandslideArea, InventoryStatistics
from landslip.metrics.bootstrap import IntervalEstimate

FILES = [names.GEOPACKAGE, names.CSV, names.GEOJSON, names.RECORD]


def item(
    tmp_path: Path, count: int = 6, statistics: InventoryStatistics | None = None, **changes: Any
) -> Any:
    layers, path = make_layers(count), tmp_path / "item.json"
    record = make_record(layers, **changes)
    assert write_stac_item(layers.landslides, record, statistics, FILES, path)
    return pystac.Item.from_file(str(path))


def statistics_of(adjusted_m2: IntervalEstimate) -> InventoryStatistics:
    known = IntervalEstimate(value=0.9)
    adjusted = AdjustedLandslideArea(
        method="sample",
        samples=300,
        mapped_m2=1e5,
        adjusted_m2=adjusted_m2,
        users_accuracy=known,
        producers_accuracy=known,
        overall_accuracy=known,
        level=0.95,
    )
    return InventoryStatistics(
        landslides=6,
        area_m2=90_000.0,
        surface_m2=None,
        mapped_m2=1e7,
        landslides_per_km2=0.6,
        area_share=0.009,
        sizes=None,
        area_frequency=None,
        magnitude=None,
        volumes=(),
        adjusted=adjusted,
        interval_level=0.95,
        draws=100,
        seed=0,
        notes=(),
    )


def test_pystac_reads_it_and_finds_the_files(tmp_path: Path) -> None:
    found = item(tmp_path)
    assert found.id == NAME
    assert found.assets["inventory-gpkg"].media_type == pystac.MediaType.GEOPACKAGE
    assert found.assets["inventory-json"].roles == ["metadata"]
    hrefs = {asset.get_absolute_href() for asset in found.assets.values()}
    assert hrefs == {str(tmp_path / name) for name in FILES}
    assert found.assets["inventory-geojson"].extra_fields == {"proj:code": "EPSG:4326"}
    stated = json.loads((tmp_path / "item.json").read_text(encoding="utf-8"))
    assert stated["stac_version"] == "1.1.0"
    assert stated["assets"]["inventory-csv"]["href"] == "./inventory.csv"


@pytest.mark.parametrize("count", [0, 6])
def test_it_meets_the_schema_of_stac(tmp_path: Path, count: int) -> None:
    pytest.importorskip("jsonschema")
    found = item(tmp_path, count)
    found.stac_extensions = []  # their schemas are on the web, that of STAC comes with pystac
    assert found.validate() == [
        "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
    ]


def test_it_covers_all_landslides(tmp_path: Path) -> None:
    found = item(tmp_path)
    hull: Any = shapely.geometry.shape(found.geometry)
    outlines = make_layers().landslides.to_crs(4326).geometry
    assert shapely.covers(hull.buffer(1e-6), outlines.to_numpy()).all()
    assert hull.exterior.is_ccw
    assert found.bbox == pytest.approx(list(outlines.total_bounds), abs=1e-7)


def test_a_day_is_a_span_of_time(tmp_path: Path) -> None:
    found = item(tmp_path)
    assert found.datetime is None
    assert found.common_metadata.start_datetime == datetime(2008, 5, 15, tzinfo=UTC)
    assert found.common_metadata.end_datetime == datetime(2008, 5, 15, 23, 59, 59, tzinfo=UTC)


def test_without_a_date_there_is_no_item(tmp_path: Path) -> None:
    layers = make_layers()
    record = make_record(layers, scene={"name": "s"})
    assert not write_stac_item(layers.landslides, record, None, FILES, tmp_path / "item.json")
    assert not (tmp_path / "item.json").exists()


def test_columns_and_counts_are_stated(tmp_path: Path) -> None:
    stated = item(tmp_path).properties
    assert [column["name"] for column in stated["table:columns"]] == [
        *(field.name for field in FIELDS),
        "geometry",
    ]
    assert stated["table:row_count"] == stated["landslip:landslides"] == 6
    assert stated["proj:code"] == "EPSG:32648"
    assert stated["gsd"] == 3.0
    assert stated["processing:software"] == {"landslip": "1.2.3"}


def test_areas_come_with_their_interval(tmp_path: Path) -> None:
    estimate = IntervalEstimate(value=95_000.0, low=80_000.0, high=110_000.0)
    stated = item(tmp_path, statistics=statistics_of(estimate)).properties
    assert stated["landslip:area_m2"] == 90_000.0
    assert stated["landslip:area_adjusted_m2"] == 95_000.0
    assert stated["landslip:area_adjusted_interval_m2"] == [80_000.0, 110_000.0]
    assert stated["landslip:interval_level"] == 0.95
    assert "landslip:surface_m2" not in stated  # not known
    unknown = item(tmp_path, statistics=statistics_of(IntervalEstimate(value=None))).properties
    assert not [name for name in unknown if "area_adjusted" in name]


def test_the_model_is_described_in_terms_of_mlm(tmp_path: Path) -> None:
    card = make_card()
    stated = item(tmp_path, model_card=card).properties
    assert stated["landslip:model_sha256"] == "ab" * 32
    assert stated["mlm:name"] == card.stac.get("mlm:name", "albunet")
    without = item(tmp_path, model=None).properties
    assert not [name for name in without if name.startswith("mlm:") or "model" in name]


def test_no_landslides_lie_nowhere(tmp_path: Path) -> None:
    found = item(tmp_path, count=0)
    assert found.geometry is None
    assert found.bbox is None
    assert found.properties["table:row_count"] == 0
