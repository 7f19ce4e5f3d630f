"""Recovery of landslides in a series on disk, whose curve is known."""

import math
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from tests.multitemporal.factories import LEFT, PIXEL_M, TOP, UTM, with_ndvi, write_series

from landslip.core.errors import InputError
from landslip.multitemporal.recovery.fields import RECOVERY_FIELDS
from landslip.multitemporal.recovery.rates import RecoveryClass
from landslip.multitemporal.recovery.run import RecoveryRequest, RecoveryResult, measure_recovery
from landslip.multitemporal.series.folder import Validity

SHAPE = (120, 160)
DAYS = tuple(
    date(year, month, 1)
    for year, month in ((2007, 8), (2008, 6), (2009, 12), (2011, 8), (2014, 3), (2018, 8))
)
LEVELS = (0.8, 0.8, 0.45, 0.8, 0.55, 0.8)  # of the neighbours, by season
QUAKE = date(2008, 5, 12)
TIME = 4.0  # years, of the first landslide
SCARS = {1: (20, 20, 30, 40), 2: (20, 90, 30, 20), 3: (80, 20, 12, 12), 4: (80, 90, 20, 20)}


def box(row: int, col: int, rows: int, cols: int) -> shapely.Polygon:
    x, y = LEFT + PIXEL_M * col, TOP - PIXEL_M * row
    return shapely.box(x, y - PIXEL_M * rows, x + PIXEL_M * cols, y)


def write_landslides(path: Path, dates: dict[int, object]) -> Path:
    frame = geopandas.GeoDataFrame(
        {"id": list(SCARS), "date": [dates.get(number) for number in SCARS]},
        geometry=[box(*place) for place in SCARS.values()],
        crs=UTM.to_wkt(),
    )
    frame.to_file(path, layer="landslides", driver="GPKG")
    return path


def relative(number: int, day: date) -> float:
    """Return the vegetation of a landslide in that of its neighbours."""
    if day < QUAKE:
        return 1.0
    years = (day - DAYS[1]).days / 365.25
    return {1: 1 - math.exp(-years / TIME), 2: 0.0, 3: 1.0, 4: 1 - math.exp(-years / 1.0)}[number]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make four scars: one returns, one does not, one never lost its plants, one returns fast."""
    generator = np.random.default_rng(1)
    scenes, validity = {}, {}
    for day, level in zip(DAYS, LEVELS, strict=True):
        ndvi = level + 0.02 * generator.standard_normal(SHAPE)
        for number, (row, col, rows, cols) in SCARS.items():
            part = np.s_[row : row + rows, col : col + cols]
            noise = 0.02 * generator.standard_normal((rows, cols))
            ndvi[part] = 0.1 + (level - 0.1) * relative(number, day) + noise
        scenes[day] = with_ndvi(ndvi)
        validity[day] = np.full(SHAPE, Validity.VALID, dtype=np.uint8)
    validity[DAYS[3]][:, 85:] = Validity.CLOUD
    return write_series(tmp_path_factory.mktemp("recovery") / "S", scenes, validity=validity)


@pytest.fixture(scope="module")
def measured(series: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RecoveryResult]:
    folder = tmp_path_factory.mktemp("measured")
    dates: dict[int, object] = dict.fromkeys((1, 2, 3), QUAKE)
    landslides = write_landslides(folder / "inventory.gpkg", dates)
    stage = folder / "OUT"
    stage.mkdir()
    return stage, measure_recovery(RecoveryRequest(landslides=landslides, series=series), stage)


def test_the_curve_of_each_landslide_is_found(measured: tuple[Path, RecoveryResult]) -> None:
    table = measured[1].landslides.set_index("id")
    first = table.loc["1"]
    assert first["half_life_years"] == pytest.approx(TIME * math.log(2), rel=0.03)
    assert first["half_life_low"] < TIME * math.log(2) < first["half_life_high"]
    assert first["rate"] == pytest.approx(1 - math.exp(-first["years_of_rate"] / TIME), abs=0.02)
    assert (str(first["before"]), str(first["after"])) == ("2007-08-01", "2008-06-01")
    # it reaches 0.8 after 6.4 years, between the dates of 5.7 and 10.2 years
    assert first["recovered"]
    assert 5.7 < first["years"] < 8.5

    assert table.loc["2", "class"] == "bare"
    assert table.loc["2", "returning"] == "not returning" or table.loc["2", "half_life_years"] > 60
    assert not table.loc["2", "recovered"]
    assert table.loc["2", "dates_seen"] == 5
    assert table.loc["3", "class"] == "unknown"
    assert math.isnan(table.loc["3", "rate"])
    # no date is stated: the date on which it was barest
    assert str(table.loc["4", "failed"]) == "2008-06-01"
    assert table.loc["4", "failed_by"] == "barest date"
    assert table.loc["4", "half_life_years"] == pytest.approx(math.log(2), rel=0.1)


def test_a_landslide_that_is_far_greener_than_before_is_told(tmp_path: Path) -> None:
    scenes = {}
    for day, level, scar in zip(DAYS[:3], (0.8, 0.8, 0.4), (0.8, 0.6, 0.5), strict=True):
        ndvi = np.full(SHAPE, level)
        row, col, rows, cols = SCARS[1]
        ndvi[row : row + rows, col : col + cols] = scar
        scenes[day] = with_ndvi(ndvi)
    series = write_series(tmp_path / "S", scenes)
    landslides = write_landslides(tmp_path / "inventory.gpkg", dict.fromkeys(SCARS, QUAKE))
    stage = tmp_path / "OUT"
    stage.mkdir()
    found = measure_recovery(RecoveryRequest(landslides=landslides, series=series), stage)
    # (0.4 / 0.3 - 0.5 / 0.7) / (1 - 0.5 / 0.7)
    rates = found.landslides.set_index("id")["rate"]
    assert rates["1"] == pytest.approx(2.17, abs=0.01)
    (note,) = [one for one in found.record.messages if one.key == "recovery.beyond"]
    assert note.text().startswith("1 of 4 landslides")


def test_portions_have_no_part(
    series: Path,
    measured: tuple[Path, RecoveryResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("landslip.multitemporal.recovery.trajectories._MOST_LANDSLIDES", 1)
    landslides = write_landslides(tmp_path / "inventory.gpkg", dict.fromkeys((1, 2, 3), QUAKE))
    result = measure_recovery(RecoveryRequest(landslides=landslides, series=series), tmp_path)
    for name in ("landslides", "trajectories"):
        pd.testing.assert_frame_equal(getattr(result, name), getattr(measured[1], name))


def test_trajectories_are_without_the_season(measured: tuple[Path, RecoveryResult]) -> None:
    rows = measured[1].trajectories
    assert len(rows) == 4 * len(DAYS)
    third = rows[rows["id"] == "3"]
    np.testing.assert_allclose(third["vegetation"].dropna(), 1, atol=0.02)
    assert third["ndvi"].max() - third["ndvi"].min() > 0.3
    fourth = rows[(rows["id"] == "4")].set_index("date")
    assert fourth.loc[DAYS[3], "seen"] == 0
    assert math.isnan(fourth.loc[DAYS[3], "ndvi"])


def test_the_rasters_have_classes_and_rates_of_pixels(
    measured: tuple[Path, RecoveryResult],
) -> None:
    stage, result = measured
    with rasterio.open(stage / "recovery_class.tif") as file:
        classes = file.read(1)
    assert (classes[25:45, 25:55] == RecoveryClass.RECOVERED).mean() > 0.95
    assert (classes[25:45, 95:105] == RecoveryClass.BARE).mean() > 0.95
    assert (classes[82:90, 22:30] == RecoveryClass.UNKNOWN).all()
    assert (classes[60:70] == 255).all()
    assert sum(result.record.pixels.values()) == (classes != 255).sum()
    with rasterio.open(stage / "recovery_rate.tif") as file:
        rates = file.read(masked=True) * file.scales[0]
        assert file.descriptions == tuple(map(str, DAYS))
    years = (DAYS[4] - DAYS[1]).days / 365.25
    assert rates[4, 25:45, 25:55].mean() == pytest.approx(1 - math.exp(-years / TIME), abs=0.02)
    assert rates[0].mask.all()
    assert rates[3, 25:45, 95:105].mask.all()


def test_files_hold_the_same_tables(measured: tuple[Path, RecoveryResult]) -> None:
    stage, result = measured
    for name in ("landslides", "trajectories"):
        frame = getattr(result, name)
        names = [field.name for field in RECOVERY_FIELDS[name]]
        assert frame.columns.drop("geometry").tolist() == names
        expected = len(frame)
        assert len(geopandas.read_file(stage / "recovery.gpkg", layer=name)) == expected
        assert len(geopandas.read_parquet(stage / f"{name}.parquet")) == expected
        assert len(pd.read_csv(stage / f"{name}.csv")) == expected
    assert {path.name for path in stage.iterdir()} >= {*result.record.files, "recovery.json"}
    assert result.record.recovered == 2
    survival = pd.read_csv(stage / "survival.csv")
    assert survival["at_risk"].iloc[0] == 3
    assert survival["recovered"].sum() == 2


def test_histories_count_from_the_last_failure(series: Path, tmp_path: Path) -> None:
    rows = [
        ("a", "2007-08-01", "new", None, 1),
        ("a", "2008-06-01", "enlarged", "2007-08-01", 2),
        ("a", "2011-08-01", "persisting", None, 1),
        ("b", "2008-06-01", "new", "2007-08-01", 1),
    ]
    frame = geopandas.GeoDataFrame(
        pd.DataFrame(rows, columns=["track_id", "date", "state", "track_after", "place"]),
        geometry=[box(*SCARS[row[4]]) for row in rows],
        crs=UTM.to_wkt(),
    )
    (tmp_path / "TRACKS").mkdir()
    frame.to_file(tmp_path / "TRACKS" / "tracks.gpkg", layer="landslides", driver="GPKG")
    (tmp_path / "OUT").mkdir()
    request = RecoveryRequest(landslides=tmp_path / "TRACKS", series=series)
    table = measure_recovery(request, tmp_path / "OUT").landslides.set_index("id")
    assert str(table.loc["a", "failed"]) == "2008-06-01"
    assert table.loc["a", "class"] == "bare"  # of the second place, where it was enlarged
    assert table.loc["a", "level_by"] == "neighbours"  # it had failed on the first date already
    assert table.loc["b", "half_life_years"] == pytest.approx(TIME * math.log(2), rel=0.03)
    assert str(table.loc["b", "before"]) == "2007-08-01"


@pytest.mark.parametrize(
    ("scenes", "rule"),
    [
        pytest.param({DAYS[0]: 2}, "has one date, 2007-08-01, and recovery needs two", id="date"),
        pytest.param(dict.fromkeys(DAYS, 1), "needs the bands red and nir", id="bands"),
    ],
)
def test_series_without_recovery_are_refused(
    scenes: dict[date, int], rule: str, tmp_path: Path
) -> None:
    bands = ("red", "nir")[: next(iter(scenes.values()))]
    made = write_series(
        tmp_path / "S", {day: np.full((count, *SHAPE), 0.1) for day, count in scenes.items()}, bands
    )
    landslides = write_landslides(tmp_path / "landslides.gpkg", {})
    with pytest.raises(InputError, match=rule):
        measure_recovery(RecoveryRequest(landslides=landslides, series=made), tmp_path)


def test_landslides_elsewhere_are_refused(series: Path, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 9, 9)], crs=UTM.to_wkt())
    frame.to_file(tmp_path / "far.gpkg", driver="GPKG")
    request = RecoveryRequest(landslides=tmp_path / "far.gpkg", series=series)
    with pytest.raises(InputError, match="no landslide is in the footprint of the series"):
        measure_recovery(request, tmp_path)
