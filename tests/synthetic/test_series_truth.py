import json
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize

from landslip.core.errors import InputError
from landslip.synthetic.failures import FailureSettings
from landslip.synthetic.series import StudyArea, SyntheticSeries, write_series
from landslip.synthetic.study_areas import EARTHQUAKE, recovery_area

BEFORE, AFTER, CLOUDY, PARTIAL = "20160814", "20171003", "20180821", "20200905"


@pytest.fixture(scope="module")
def area() -> StudyArea:
    large = recovery_area(seed=4)
    landscape = replace(
        large.landscape, shape=(320, 320), landslides=FailureSettings(per_km2=120.0)
    )
    chosen = (0, 1, 2, 4)
    return replace(
        large,
        landscape=landscape,
        margin_px=32,
        overpasses=tuple(large.overpasses[at] for at in chosen),
        conditions=tuple(large.conditions[at] for at in chosen),
    )


@pytest.fixture(scope="module")
def series(area: StudyArea, tmp_path_factory: pytest.TempPathFactory) -> SyntheticSeries:
    return write_series(area, tmp_path_factory.mktemp("series") / "made", products=False)


@pytest.fixture(scope="module")
def histories(series: SyntheticSeries) -> geopandas.GeoDataFrame:
    return geopandas.read_file(series.histories)


def read(series: SyntheticSeries, name: str) -> tuple[np.ndarray, rasterio.Affine]:
    with rasterio.open(series.dem.parent / name) as file:
        return file.read(), file.transform


def test_every_landslide_has_a_row_on_every_date(
    series: SyntheticSeries, histories: geopandas.GeoDataFrame
) -> None:
    assert [one.day.isoformat() for one in series.dates] == sorted(set(histories.date))
    assert (histories.groupby("id").size() == 4).all()
    assert histories.geometry.is_valid.all()
    np.testing.assert_allclose(histories.area_m2, histories.area)
    failed = histories.failures.str.slice(0, 10) <= histories.date
    np.testing.assert_array_equal(failed, histories.state != "vegetated")


def test_nothing_is_fresh_before_the_earthquake(histories: geopandas.GeoDataFrame) -> None:
    before = histories[histories.date == "2016-08-14"]
    assert set(before.state) <= {"vegetated", "recovered", "recovering"}
    assert (before.state == "recovered").any()
    after = histories[histories.date == "2017-10-03"]
    new = after[after.event == "new"]
    assert len(new) > 10
    assert new.failures.str.startswith(str(EARTHQUAKE)).all()
    assert (new.state == "fresh").all()


def test_states_are_burnt_where_the_histories_have_them(
    series: SyntheticSeries, histories: geopandas.GeoDataFrame
) -> None:
    states, transform = read(series, f"states_{AFTER}.tif")
    rows = histories[(histories.date == "2017-10-03") & (histories.state == "fresh")]
    burnt = rasterize(rows.geometry, out_shape=states.shape[1:], transform=transform)
    bare = (states[0] == 1) | (states[0] == 2)
    assert burnt.sum() > 500
    assert (bare != (burnt > 0)).mean() < 0.002


def test_bare_ground_has_the_vegetation_index_of_debris(
    series: SyntheticSeries, histories: geopandas.GeoDataFrame
) -> None:
    """What has grown over, 1 - freshness, has the index of plants again, roughly."""
    found = histories[(histories.area_m2 > 400) & (histories.state != "vegetated")]
    recovery = found.ndvi / found.ndvi_undisturbed
    assert np.corrcoef(recovery, 1 - found.freshness)[0, 1] > 0.8
    assert np.median(recovery[found.state == "fresh"]) < 0.5
    _, overgrown = np.polyfit(found.freshness, recovery, 1)  # where freshness is 0
    assert overgrown == pytest.approx(1, abs=0.1)


def test_landslides_under_clouds_and_beyond_the_edge_are_not_observed(
    series: SyntheticSeries, histories: geopandas.GeoDataFrame
) -> None:
    quality, _ = read(series, f"quality_{CLOUDY}.tif")
    assert 0.1 < (quality == 2).mean() < 0.5
    assert (quality == 3).mean() > 0.05
    cloudy = histories[histories.date == "2018-08-21"]
    clear = histories[histories.date == "2017-10-03"]
    assert cloudy["observed"].mean() < clear["observed"].mean() - 0.2
    scene, _ = read(series, f"scene_{PARTIAL}.tif")
    quality, _ = read(series, f"quality_{PARTIAL}.tif")
    np.testing.assert_array_equal((scene == 0).all(axis=0), quality[0] == 1)
    footprints = geopandas.read_file(series.dem.parent / "footprints.gpkg").set_index("date")
    covered = footprints.area / footprints.area.max()
    assert covered["2020-09-05"] == pytest.approx(0.85, abs=0.01)
    beyond = histories[
        (histories.date == "2020-09-05") & ~histories.intersects(footprints.geometry["2020-09-05"])
    ]
    assert (beyond["observed_fraction"] == 0).all()
    searched = geopandas.read_file(series.dem.parent / "searched.gpkg").set_index("date")
    ground = searched.geometry["2020-09-05"]
    assert ground.is_valid
    pixel_m2 = footprints.area.max() / quality[0].size
    assert ground.area == pytest.approx((quality[0] == 0).sum() * pixel_m2)
    assert ground.within(footprints.geometry["2020-09-05"].buffer(2 * pixel_m2**0.5))


def test_mapped_landslides_are_displaced_as_the_scene_is(
    series: SyntheticSeries, histories: geopandas.GeoDataFrame, area: StudyArea
) -> None:
    fact = json.loads(series.facts.read_text())[1]
    assert fact["product"] is None
    col, row = fact["conditions"]["shift_px"]
    assert (col, row) == pytest.approx(area.conditions[1].shift_px)
    assert 1 <= np.hypot(col, row) <= 3
    mapped = geopandas.read_file(series.dem.parent / f"mapped_{AFTER}.gpkg").set_index("id")
    true = geopandas.read_file(series.dates[1].landslides).set_index("id")
    assert set(mapped.index) == set(true.index[true["observed"]])
    whole = mapped.index[np.isclose(mapped.area, true.area[mapped.index])]
    moved = mapped.centroid[whole], true.centroid[whole]
    np.testing.assert_allclose(moved[0].x - moved[1].x, 2 * col, atol=1e-3)
    np.testing.assert_allclose(moved[0].y - moved[1].y, -2 * row, atol=1e-3)
    assert len(whole) > 10


def test_the_same_seed_gives_the_same_bytes(
    series: SyntheticSeries, area: StudyArea, tmp_path: Path
) -> None:
    one = replace(area, overpasses=area.overpasses[:1], conditions=area.conditions[:1])
    again = write_series(one, tmp_path / "again", products=False)
    names = [f"{kind}_{BEFORE}.tif" for kind in ("scene", "quality", "states")]
    for name in [*names, f"landslides_{BEFORE}.gpkg"]:
        paths = (again.dem.parent / name, series.dem.parent / name)
        assert paths[0].read_bytes() == paths[1].read_bytes(), name


def test_conditions_are_of_every_overpass(area: StudyArea) -> None:
    with pytest.raises(InputError, match="every overpass or of none; got 3 for 4"):
        replace(area, conditions=area.conditions[:3])
