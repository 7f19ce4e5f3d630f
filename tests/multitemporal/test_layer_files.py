"""Layers with dates, where QGIS is installed, as its temporal controller shows them."""

from datetime import date
from pathlib import Path

import geopandas
import pytest
import shapely
from PIL import Image
from tests.factories.qgis import open_in_qgis

from landslip.core.choices import Language
from landslip.multitemporal.recovery.files import CLASS_COLOURS
from landslip.multitemporal.recovery.files import write_files as write_recovery
from landslip.multitemporal.recovery.rates import RecoveryClass
from landslip.multitemporal.tracking.files import STATE_COLOURS
from landslip.multitemporal.tracking.request import TrackingRequest
from landslip.multitemporal.tracking.run import track
from landslip.multitemporal.tracking.track_state import TrackState

UTM = "EPSG:32648"
EAST, NORTH = 400_000.0, 3_400_000.0
FIRST, SECOND = date(2013, 8, 12), date(2014, 10, 2)
Colour = tuple[int, int, int]


def place(column: int) -> shapely.Polygon:
    """Return one of three squares beside each other."""
    x = EAST + 100 * column
    return shapely.box(x, NORTH, x + 60, NORTH + 60)


def colours_at(picture: Path, *columns: int) -> list[Colour | None]:
    """Return the colour in the middle of each square, None where nothing is drawn."""
    with Image.open(picture) as image:
        rgb = image.convert("RGB")
    side = rgb.width / (260 * 1.05)  # px a metre: the three of them are as wide as the picture
    middles = [round(rgb.width / 2 + side * (100 * column + 30 - 130)) for column in columns]
    found = [rgb.getpixel((x, rgb.height // 2)) for x in middles]
    return [None if colour == (255, 255, 255) else colour for colour in found]  # type: ignore[misc]


def over_white(colour: Colour) -> list[Colour]:
    """Return what a fill with an alpha of 200 gives on white, and what rounding makes of it."""
    exact = [(part * 200 + 255 * 55) / 255 for part in colour]
    return [tuple(int(part + more) for part in exact) for more in (0.0, 0.5, 1.0)]  # type: ignore[misc]


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write histories: one persists, one recovers, one is new on the second date."""
    folder = tmp_path_factory.mktemp("tracks")
    files = []
    for day, columns in ((FIRST, (0, 1)), (SECOND, (0, 2))):
        files.append(folder / f"mapped_{day}.gpkg")
        outlines = [place(column) for column in columns]
        geopandas.GeoDataFrame(geometry=outlines, crs=UTM).to_file(files[-1])
    searched = geopandas.GeoDataFrame(
        {"date": [str(FIRST), str(SECOND)]},
        geometry=[shapely.box(EAST - 50, NORTH - 50, EAST + 400, NORTH + 200)] * 2,
        crs=UTM,
    )
    searched.to_file(folder / "searched.gpkg")
    request = TrackingRequest(inventories=tuple(files), footprints=folder / "searched.gpkg")
    track(request, folder)
    return folder / "tracks.gpkg"


@pytest.mark.usefixtures("qgis")
@pytest.mark.parametrize(
    ("day", "rows", "states"),
    [
        # not the day before: QGIS 3.22 takes the midnight at its end as the next day
        pytest.param(date(2013, 8, 10), 0, (None, None, None), id="before the first date"),
        pytest.param(FIRST, 2, (TrackState.NEW, TrackState.NEW, None), id="first date"),
        pytest.param(
            SECOND, 3, (TrackState.PERSISTING, TrackState.RECOVERED, TrackState.NEW), id="second"
        ),
    ],
)
def test_qgis_draws_the_histories_of_a_day(
    tracks: Path, tmp_path: Path, day: date, rows: int, states: tuple[TrackState | None, ...]
) -> None:
    picture = tmp_path / "picture.png"
    options = ("--layers", "landslides", "--width", "400", "--day", str(day))
    landslides = open_in_qgis(tracks, picture, *options)["landslides"]
    assert landslides["default_style"].startswith("True")
    assert landslides["time"] == {"start_and_end_fields": True, "fields": ["date", "track_until"]}
    assert landslides["in_frame"] == rows
    for colour, state in zip(colours_at(picture, 0, 1, 2), states, strict=True):
        assert colour is None if state is None else colour in over_white(STATE_COLOURS[state])


@pytest.mark.usefixtures("qgis")
def test_qgis_shows_whole_histories_until_they_are_gone(tracks: Path, tmp_path: Path) -> None:
    options = ("--layers", "tracks", "--width", "100", "--day", str(SECOND))
    found = open_in_qgis(tracks, tmp_path / "picture.png", *options)["tracks"]
    assert found["time"] == {"start_and_end_fields": True, "fields": ["first_seen", "gone_by"]}
    assert (found["features"], found["in_frame"]) == (3, 2)  # one is gone by that day


@pytest.mark.usefixtures("qgis")
def test_qgis_draws_the_recovery_of_a_day(tmp_path: Path) -> None:
    landslides = geopandas.GeoDataFrame(
        {"id": ["1"], "class": ["recovered"]}, geometry=[place(1)], crs=UTM
    )
    trajectories = geopandas.GeoDataFrame(
        {
            "id": ["1", "1"],
            "date": [FIRST, SECOND],
            "until": [SECOND, None],
            "class": ["bare", "recovered"],
        },
        geometry=[place(1)] * 2,
        crs=UTM,
    )
    write_recovery(landslides, trajectories, tmp_path, Language.ENGLISH)
    for day, one in ((FIRST, RecoveryClass.BARE), (SECOND, RecoveryClass.RECOVERED)):
        picture = tmp_path / f"{day}.png"
        options = ("--layers", "trajectories", "--width", "200", "--day", str(day))
        found = open_in_qgis(tmp_path / "recovery.gpkg", picture, *options)["trajectories"]
        assert found["time"] == {"start_and_end_fields": True, "fields": ["date", "until"]}
        assert (found["features"], found["in_frame"]) == (2, 1)
        with Image.open(picture) as image:
            assert image.convert("RGB").getpixel((100, 100)) in over_white(CLASS_COLOURS[one])
