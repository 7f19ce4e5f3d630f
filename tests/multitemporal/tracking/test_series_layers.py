"""Histories of a series: landslides of its states, and what its dates saw."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import geopandas
import numpy as np
import pytest
import shapely
from PIL import Image, ImageSequence
from tests.multitemporal.factories import (
    LEFT,
    PIXEL_M,
    TOP,
    UTM,
    with_ndvi,
    write_series,
    write_states,
)

import landslip
from landslip.core.errors import InputError
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.states.hidden_markov import FRESH, RECOVERED, RECOVERING
from landslip.multitemporal.tracking.files import STATE_COLOURS
from landslip.multitemporal.tracking.track_state import TrackState

SHAPE = (48, 64)
DAYS = (date(2008, 6, 1), date(2009, 6, 1), date(2012, 6, 1))
STAYS, HIDDEN, HEALS = np.s_[4:14, 4:14], np.s_[30:40, 44:54], np.s_[4:10, 40:50]
SPECK = np.s_[40:44, 4:10]  # 24 px of 4 m2, under the minimum mapping unit
CLOUD = np.s_[24:, 32:]


class Place(NamedTuple):
    series: Path
    states: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Make three landslides: one stays, one is under clouds on the second date, one heals."""
    folder = tmp_path_factory.mktemp("tracked")
    validity = {day: np.full(SHAPE, Validity.VALID, dtype=np.uint8) for day in DAYS}
    validity[DAYS[1]][CLOUD] = Validity.CLOUD
    validity[DAYS[2]][:2] = Validity.NO_DATA
    states = {day: np.zeros(SHAPE, dtype=np.uint8) for day in DAYS}
    for codes in states.values():
        codes[STAYS] = codes[HIDDEN] = codes[HEALS] = codes[SPECK] = FRESH
    states[DAYS[1]][STAYS][:4] = RECOVERING
    states[DAYS[2]][HEALS] = RECOVERED
    scenes = {day: with_ndvi(np.full(SHAPE, 0.7)) for day in DAYS}
    series = write_series(folder / "SERIES", scenes, validity=validity)
    return Place(series, write_states(folder / "STATES", series, states))


def box(part: tuple[slice, slice]) -> shapely.Polygon:
    rows, cols = part
    left, right = (LEFT + PIXEL_M * at for at in (cols.start, cols.stop))
    top, bottom = (TOP - PIXEL_M * at for at in (rows.start, rows.stop))
    return shapely.Polygon([(left, bottom), (right, bottom), (right, top), (left, top)])


def test_states_have_the_histories_that_were_drawn(place: Place) -> None:
    found = landslip.track([place.series, place.states])
    of = {
        name: found.tracks[found.tracks.geometry.intersects(box(part).buffer(-2))].iloc[0]
        for name, part in {"stays": STAYS, "hidden": HIDDEN, "heals": HEALS}.items()
    }
    assert len(found.tracks) == 3
    assert {name: track["states"] for name, track in of.items()} == {
        "stays": "new, persisting, persisting",
        "hidden": "new, not observed, persisting",
        "heals": "new, persisting, recovered",
    }
    rows = found.landslides
    stays = rows[rows["track_id"] == of["stays"]["track_id"]].sort_values("track_date")
    assert stays["fresh_share"].tolist() == [1.0, 0.6, 1.0]
    assert stays.geometry.iloc[0].equals(box(STAYS))
    assert [one.searched_m2 for one in found.record.dates] == pytest.approx(
        [48 * 64 * 4, (48 * 64 - 24 * 32) * 4, 46 * 64 * 4], rel=1e-3
    )
    assert found.record.series == "SERIES"
    with Image.open(found.folder / "animation.gif") as animation:
        frames = [np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(animation)]
    assert len(frames) == 3
    at = [(6 * row, 6 * col) for row, col in ((4, 9), (30, 49), (4, 45))]
    new, persisting, recovered = (
        STATE_COLOURS[state]
        for state in (TrackState.NEW, TrackState.PERSISTING, TrackState.RECOVERED)
    )
    clouds = 96, 96, 96  # what was not seen, and no outline of what is not observed
    assert [tuple(frames[0][place]) for place in at] == [new, new, new]
    assert [tuple(frames[1][place]) for place in at] == [persisting, clouds, persisting]
    assert tuple(frames[2][at[2]]) == recovered


def test_inventories_take_their_footprints_from_the_series(place: Place, tmp_path: Path) -> None:
    files = []
    for day, parts in {DAYS[0]: [STAYS, HIDDEN], DAYS[1]: [HEALS]}.items():
        frame = geopandas.GeoDataFrame(geometry=[box(one) for one in parts], crs=UTM.to_wkt())
        files.append(tmp_path / f"mapped_{day}.gpkg")
        frame.to_file(files[-1])
    found = landslip.track(files, series=place.series)
    assert sorted(found.tracks["states"]) == ["new", "new, not observed", "new, recovered"]
    assert found.record.notes == ("nobody mapped 2012-06-01 of the series: the dates are left out",)
    with pytest.raises(
        InputError,
        match=r"none of its dates, 2008-06-01, 2009-06-01, 2012-06-01, "
        "is one of the landslides, 1999; state",
    ):
        landslip.track(files[0], series=place.series, dates="1999")


def test_a_series_needs_landslides_and_states_their_series(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"SERIES: a series holds scenes and no landslides; give"):
        landslip.track(place.series)
    with pytest.raises(InputError, match=r"STATES: states are tracked together with their series"):
        landslip.track(place.states)
    with pytest.raises(InputError, match=r"tracked on one series; got .*SERIES and .*SERIES"):
        landslip.track([place.series, place.states], series=place.series)
    with pytest.raises(InputError, match="STATES: states have the dates of their series; leave"):
        landslip.track([place.series, place.states], dates="1999")
    scenes = {date(1999, 1, 1): with_ndvi(np.full(SHAPE, 0.7))}
    other = write_series(tmp_path / "OTHER", scenes)
    with pytest.raises(
        InputError, match=r"its states of 2008-06-01 are not of .*OTHER, whose date"
    ):
        landslip.track(place.states, series=other)


def test_a_year_is_the_date_of_the_series_in_it(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "mapped.gpkg"
    slides = [box(STAYS), box(HIDDEN), box(STAYS)]
    frame = geopandas.GeoDataFrame({"date": ["2008", "2008", "2009"]}, geometry=slides, crs=UTM)
    frame.to_file(file)
    found = landslip.track(file, series=place.series)
    assert sorted(found.tracks["states"]) == ["new, not observed", "new, persisting"]
    assert [one.searched_m2 for one in found.record.dates] == pytest.approx(
        [48 * 64 * 4, (48 * 64 - 24 * 32) * 4], rel=1e-3
    )
    assert "only date of the series within it (2008: 2008-06-01, 2009: 2009-06-01)" in str(
        found.record.notes
    )
    with Image.open(found.folder / "animation.gif") as animation:
        animation.seek(1)  # where clouds were is the scene of 2009
        assert np.asarray(animation.convert("RGB"))[6 * 30, 6 * 49].tolist() == [96, 96, 96]
    days = (date(2008, 1, 1), date(2008, 9, 1), date(2009, 6, 1))
    scenes = {day: with_ndvi(np.full(SHAPE, 0.7)) for day in days}
    several = write_series(tmp_path / "SEVERAL", scenes)
    with pytest.raises(
        InputError,
        match=r"SEVERAL: has several dates in 2008, 2008-01-01, 2008-09-01, and landslides are "
        r"dated 2008; state the day on which they were mapped with dates, or in their column",
    ):
        landslip.track(file, series=several)
