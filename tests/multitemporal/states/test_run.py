"""States of a series on disk: written rasters, what was not seen, and what is refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from tests.multitemporal.factories import PRIOR, with_ndvi, write_map, write_series

from landslip.core.errors import InputError, OutputExistsError
from landslip.core.messages import message
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.states.hidden_markov import FRESH, RECOVERED, RECOVERING, VEGETATED
from landslip.multitemporal.states.run import StatesRequest, find_states

SHAPE = (96, 128)
DAYS = (date(2007, 8, 1), date(2009, 8, 1), date(2012, 8, 1), date(2020, 8, 1))
QUAKE = date(2008, 5, 12)
SCAR = np.s_[20:40, 30:50]
ROAD = np.s_[60:62, :]
CLOUD = np.s_[0:30, 0:128]
NEVER_SEEN = np.s_[90:, 120:]
NDVI_OF_SCAR = (0.8, 0.1, 0.45, 0.78)
PROBABILITY_OF_SCAR = (0.02, 0.95, 0.4, 0.03)


@dataclass(frozen=True, slots=True)
class Place:
    series: Path
    maps: tuple[str, ...]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Make vegetation with a road, and a scar since the second date; the third has clouds."""
    folder = tmp_path_factory.mktemp("states")
    generator = np.random.default_rng(0)
    scenes, validity, maps = {}, {}, []
    for day, scar_ndvi, scar in zip(DAYS, NDVI_OF_SCAR, PROBABILITY_OF_SCAR, strict=True):
        ndvi = 0.8 + 0.02 * generator.standard_normal(SHAPE)
        probability = np.full(SHAPE, 0.02)
        ndvi[ROAD], probability[ROAD] = 0.1, 0.2
        ndvi[SCAR], probability[SCAR] = scar_ndvi, scar
        codes = np.full(SHAPE, Validity.VALID, dtype=np.uint8)
        codes[NEVER_SEEN] = Validity.NO_DATA
        if day == DAYS[2]:
            ndvi[CLOUD], probability[CLOUD] = 0.0, 1.0
            codes[CLOUD] = Validity.CLOUD
        scenes[day], validity[day] = with_ndvi(ndvi), codes
        maps.append(str(write_map(folder / f"map_{day.year}", day, probability)))
    series = write_series(folder / "SERIES", scenes, validity=validity)
    return Place(series, tuple(maps[::-1]))


def read(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as file:
        return np.asarray(file.read())


def test_a_scar_fails_recovers_and_is_recovered(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "STATES"
    request = StatesRequest(series=place.series, maps=place.maps, out=out, triggers=(QUAKE,))
    record = find_states(request)
    states = np.stack([read(out / one.state)[0] for one in record.dates])
    below = np.s_[31:40, 30:50]  # of the scar, beside the clouds
    for at, state in enumerate((VEGETATED, FRESH, RECOVERING, RECOVERED)):
        assert (states[at][below] == state).mean() > 0.95, at
    # under the clouds of the third date: by the second and the fourth
    assert np.isin(states[2][20:30, 30:50], (FRESH, RECOVERING)).all()
    assert (states[:, 45:59] == VEGETATED).all()
    assert (states[:, 60:62] == VEGETATED).all()  # a road is no landslide
    assert (states[(slice(None), *NEVER_SEEN)] == 255).all()

    posterior = read(out / record.dates[1].posterior).astype(int)
    assert posterior.shape == (4, *SHAPE)
    known = posterior[0] != 255
    assert known.sum() == SHAPE[0] * SHAPE[1] - 6 * 8
    assert np.abs(posterior[:, known].sum(axis=0) - 250).max() <= 2
    with rasterio.open(out / record.dates[1].posterior) as file:
        assert file.descriptions == ("vegetated", "fresh", "recovering", "recovered")
        assert (file.scales[0], file.nodata) == (0.004, 255)


def test_the_record_counts_what_the_rasters_show(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "STATES"
    record = find_states(StatesRequest(series=place.series, maps=place.maps, out=out))
    first, second = (read(out / one.state)[0] for one in record.dates[:2])
    assert record.dates[1].pixels == tuple(int((second == state).sum()) for state in range(4))
    area = record.dates[1].area_m2
    assert area is not None
    assert area[FRESH] == record.dates[1].pixels[FRESH] * 4
    flow = int(((first == VEGETATED) & (second == FRESH)).sum())
    assert flow >= 200
    assert record.flows[0][VEGETATED][FRESH] == flow
    assert [one.prior for one in record.dates] == [PRIOR] * 4
    assert [Path(one.map or "").name for one in record.dates] == [
        "map_2007",
        "map_2009",
        "map_2012",
        "map_2020",
    ]
    assert record.dates[2].seen_share == pytest.approx(1 - (30 * 128 + 48) / (96 * 128))
    assert record.dates[0].vegetated_ndvi == pytest.approx(0.81, abs=0.01)


def test_windows_have_no_part(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "WHOLE", tmp_path / "PARTS"
    find_states(StatesRequest(series=place.series, maps=place.maps, out=whole))
    monkeypatch.setattr("landslip.multitemporal.states.run._WINDOW_BYTES", 1)
    record = find_states(StatesRequest(series=place.series, maps=place.maps, out=parts))
    for one in record.dates:
        np.testing.assert_array_equal(read(whole / one.state), read(parts / one.state))
        np.testing.assert_array_equal(read(whole / one.posterior), read(parts / one.posterior))


def test_a_date_without_a_map_is_by_ndvi(place: Place, tmp_path: Path) -> None:
    maps = tuple(one for one in place.maps if not one.endswith("2009"))
    request = StatesRequest(
        series=place.series, maps=maps, out=tmp_path / "STATES", triggers=(QUAKE,)
    )
    record = find_states(request)
    assert record.dates[1].map is None
    assert [one.key for one in record.messages] == ["states.no_map"]
    fresh = read(tmp_path / "STATES" / record.dates[1].state)[0] == FRESH
    # one date of NDVI alone is not enough: the half that clouds hide on the third date stays out
    assert fresh[31:40, 30:50].mean() > 0.95
    assert fresh.sum() == pytest.approx(200, abs=10)


def test_gaps_of_a_map_are_by_ndvi_and_said(place: Place, tmp_path: Path) -> None:
    probability = np.full(SHAPE, 0.02)
    probability[SCAR] = 0.95
    probability[:, 96:] = np.nan
    folder = write_map(tmp_path / "MAP", DAYS[1], probability)
    record = find_states(
        StatesRequest(series=place.series, maps=(str(folder),), out=tmp_path / "STATES")
    )
    gaps = [one.text() for one in record.messages if one.key == "warning.states_map_gaps"]
    assert len(gaps) == 1
    assert "the map of 2009-08-01 has no data on 25 % of what the series saw" in gaps[0]


def test_warnings_of_a_map_and_a_trigger_without_effect_are_handed_on(
    place: Place, tmp_path: Path
) -> None:
    folder = write_map(tmp_path / "MAP", DAYS[1], np.full(SHAPE, 0.3))
    summary = ExtractionSummary.read(folder / SUMMARY)
    of_polygons = message("warning.small_left_out", removed=2, regions=3, percent=1, area="16 m2")
    of_map = message("stack.no_before")
    replace(summary, messages=[of_polygons, of_map]).write(folder / SUMMARY)
    late = date(2030, 1, 1)
    record = find_states(
        StatesRequest(
            series=place.series,
            maps=(str(folder),),
            out=tmp_path / "STATES",
            triggers=(QUAKE, late),
        )
    )
    found = [
        one.text()
        for one in record.messages
        if one.key in {"warning.states_map_warned", "warning.states_late_trigger"}
    ]
    assert found[0] == f"the map of 2009-08-01: {of_map.text()}"
    assert found[1].startswith("the trigger of 2030-01-01 is after the last date of the series")
    assert len(found) == 2


def edited(place: Place, change: Callable[[list[str]], list[str]]) -> tuple[str, ...]:
    return tuple(change(list(place.maps)))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(
            lambda maps: [f"2010-01-01={maps[0]}"], "date of the series, which are", id="no date"
        ),
        pytest.param(lambda maps: [*maps, maps[0]], "a date has one map", id="twice"),
        pytest.param(lambda maps: ["nowhere"], "not the folder of a finished", id="nothing"),
        pytest.param(lambda maps: [f"May={maps[0]}"], "a date is like 2014-10-02", id="no day"),
    ],
)
def test_maps_that_do_not_fit_are_refused(
    place: Place, tmp_path: Path, change: Callable[[list[str]], list[str]], rule: str
) -> None:
    request = StatesRequest(series=place.series, maps=edited(place, change), out=tmp_path / "OUT")
    with pytest.raises(InputError, match=rule):
        find_states(request)
    assert list(tmp_path.iterdir()) == []


def test_an_uncalibrated_map_needs_a_prior(place: Place, tmp_path: Path) -> None:
    folder = write_map(tmp_path / "MAP", DAYS[1], np.full(SHAPE, 0.3), calibrated=False)
    request = StatesRequest(series=place.series, maps=(str(folder),), out=tmp_path / "OUT")
    with pytest.raises(InputError, match="not calibrated; run landslip calibrate"):
        find_states(request)
    stated = StatesRequest(
        series=place.series, maps=(str(folder),), out=tmp_path / "OUT", prior=0.2
    )
    record = find_states(stated)
    assert "warning.states_uncalibrated" in [one.key for one in record.messages]
    assert record.dates[1].prior == 0.2


def test_without_near_infrared_states_are_by_the_maps(place: Place, tmp_path: Path) -> None:
    scenes = {day: np.full((1, *SHAPE), 0.1) for day in DAYS}
    series = write_series(tmp_path / "RED", scenes, bands=("red",))
    request = StatesRequest(
        series=series, maps=place.maps, out=tmp_path / "STATES", triggers=(QUAKE,)
    )
    record = find_states(request)
    assert "warning.states_no_ndvi" in [one.key for one in record.messages]
    assert record.dates[1].pixels[FRESH] > 300


def test_one_date_and_an_earlier_result_are_refused(place: Place, tmp_path: Path) -> None:
    scenes = {DAYS[0]: np.full((2, *SHAPE), 0.1)}
    single = write_series(tmp_path / "ONE", scenes)
    with pytest.raises(InputError, match="has one date, 2007-08-01, and what changes"):
        find_states(StatesRequest(series=single, maps=(), out=tmp_path / "OUT"))
    (tmp_path / "FULL" / "maps").mkdir(parents=True)
    (tmp_path / "FULL" / "states.json").touch()
    with pytest.raises(OutputExistsError, match="already exists"):
        find_states(StatesRequest(series=place.series, maps=place.maps, out=tmp_path / "FULL"))
