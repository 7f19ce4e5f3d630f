"""Dates, times and masks of scenes, by item, record, tag, name and statement."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from tests.conftest import WriteRaster
from tests.multitemporal.series.conftest import WriteScene, make_ground

from landslip.core.errors import InputError
from landslip.multitemporal.series.sources import SourceOptions, date_sources

pytest.importorskip("pystac")


def test_tags_come_before_names_and_statements_before_all(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    path = write_scene("scene_20130812.tif", make_ground())
    with rasterio.open(path, "r+") as file:
        file.update_tags(ACQUISITIONDATETIME="2014/08/12 03:52:10")
    (found,) = date_sources([[path]], None, [])
    assert found.time == datetime(2014, 8, 12, 3, 52, 10, tzinfo=UTC)
    (stated,) = date_sources([[path]], ["2015-01-02"], [])
    assert stated.day == date(2015, 1, 2)
    assert stated.time is None
    in_folder = tmp_path / "20160203"
    in_folder.mkdir()
    moved = write_scene("20160203/B2.tif", make_ground())
    assert date_sources([[moved]], None, [])[0].day == date(2016, 2, 3)


def test_a_preprocessed_scene_has_time_sun_and_clouds(
    write_scene: WriteScene, write_raster: WriteRaster, tmp_path: Path
) -> None:
    scene = write_scene("GF1_X/GF1_X.tif", make_ground())
    clouds = write_raster("GF1_X/clouds.tif", np.zeros((200, 240), dtype=np.uint8))
    sun = {"utc": "2013-08-12T03:52:10", "azimuth_deg": 150.0, "zenith_deg": 25.0}
    record = {"product": {"name": "GF1_X"}, "radiometry": {"sun": sun}}
    (tmp_path / "GF1_X" / "quality.json").write_text(json.dumps(record))
    for given in (scene, scene.parent):
        (found,) = date_sources([[given]], None, [])
        assert found.time == datetime(2013, 8, 12, 3, 52, 10, tzinfo=UTC)
        assert found.sun_deg == (150.0, 65.0)
        assert found.clouds == clouds
        assert [one.path for one in found.files] == [scene]
    (tmp_path / "GF1_X" / "quality.json").unlink()
    with pytest.raises(InputError, match=r"GF1_X: a folder is a scene if `landslip preprocess`"):
        date_sources([[scene.parent]], None, [])


def test_a_stac_item_states_time_sun_and_bands(write_scene: WriteScene, tmp_path: Path) -> None:
    write_scene("scene.tif", make_ground())
    bands = [{"name": f"B{at}", "common_name": name} for at, name in enumerate(("blue", "green"))]
    bands += [{"name": "B3", "common_name": "red"}, {"name": "B4", "common_name": "nir"}]
    asset = {"href": "./scene.tif", "type": "image/tiff; application=geotiff", "eo:bands": bands}
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "one",
        "geometry": None,
        "properties": {
            "datetime": "2018-09-15T01:30:00Z",
            "view:sun_azimuth": 155.5,
            "view:sun_elevation": 48,
        },
        "links": [],
        "assets": {"data": asset},
    }
    path = tmp_path / "item.json"
    path.write_text(json.dumps(item))
    (found,) = date_sources([[path]], None, [])
    assert found.day == date(2018, 9, 15)
    assert found.time == datetime(2018, 9, 15, 1, 30, tzinfo=UTC)
    assert found.sun_deg == pytest.approx((155.5, 48))
    with found.open(SourceOptions(), tmp_path) as scene:
        assert scene.bands.names == ("blue", "green", "red", "nir")


def test_masks_find_their_date_by_name(write_scene: WriteScene, tmp_path: Path) -> None:
    paths = [[write_scene(f"a_{day}.tif", make_ground())] for day in ("20150812", "20130812")]
    mask = str(tmp_path / "clouds_20130812.tif")
    found = date_sources(paths, None, [mask])
    assert [one.day.year for one in found] == [2013, 2015]
    assert [one.clouds for one in found] == [Path(mask), None]
    with pytest.raises(InputError, match=r"clouds\.tif: clouds is a file whose name holds its"):
        date_sources(paths, None, ["clouds.tif"])
