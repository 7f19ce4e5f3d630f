from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.choices import Language
from landslip.core.errors import InputError, LandslipWarning
from landslip.core.geometries import reproject
from landslip.core.transformations import datum_note, use_datum_shift

UTM = CRS.from_epsg(32648)
BEIJING, XIAN, CGCS2000 = CRS.from_epsg(4214), CRS.from_epsg(4610), CRS.from_epsg(4490)
SICHUAN, ORDOS = (103.5, 31.5), (108.5, 37.0)


def at(crs: CRS, lonlat: tuple[float, float]) -> NDArray[np.object_]:
    """A triangle of some metres at a place, in a system's own datum."""
    base = pyproj.CRS.from_wkt(crs.to_wkt())
    into = pyproj.Transformer.from_crs(base.geodetic_crs, base, always_xy=True)
    ring = np.array(into.transform(lonlat[0] + np.array([0, 1e-4, 0]), [lonlat[1]] * 2 + [31.6]))
    return np.array([shapely.Polygon(ring.T)], dtype=object)


@pytest.mark.parametrize(
    ("source", "target", "lonlat", "size"),
    [
        pytest.param(4214, 4326, SICHUAN, "24 to 43 m", id="Beijing 1954"),
        pytest.param(2413, 32648, SICHUAN, "24 to 43 m", id="Beijing 1954, projected"),
        pytest.param(4214, 4490, SICHUAN, "24 to 43 m", id="Beijing 1954 to CGCS2000"),
        pytest.param(32648, 2413, SICHUAN, "24 to 43 m", id="to Beijing 1954"),
        pytest.param(2413, 4543, SICHUAN, "24 to 43 m", id="projected to CGCS2000, projected"),
        pytest.param(4543, 2413, SICHUAN, "24 to 43 m", id="CGCS2000 to it, projected"),
        pytest.param(4818, 4326, (100, 30), " to 7", id="S-JTSK from Ferro, elsewhere"),
        pytest.param(4610, 4326, SICHUAN, "tens of metres, perhaps", id="Xian 1980"),
        pytest.param(4610, 4490, SICHUAN, "tens of metres, perhaps", id="Xian 1980 to CGCS2000"),
        pytest.param(4214, 4610, SICHUAN, " m", id="Beijing 1954 to Xian 1980"),
        pytest.param(4555, 4490, SICHUAN, "tens of metres, perhaps", id="New Beijing"),
        pytest.param(4267, 4326, SICHUAN, " m off", id="NAD27 outside of America"),
    ],
)
def test_datums_that_are_taken_as_equal_are_a_note(
    source: int, target: int, lonlat: tuple[float, float], size: str
) -> None:
    ours, theirs = CRS.from_epsg(source), CRS.from_epsg(target)
    note = datum_note("polygons.shp", ours, theirs, at(ours, lonlat))
    assert note is not None
    assert note.text().startswith("polygons.shp: PROJ knows no transformation from ")
    assert size in note.text()
    assert "datum_shift dx,dy,dz" in note.text()
    assert "polygons.shp" in note.text(Language.CHINESE)


@pytest.mark.parametrize(
    ("source", "target", "lonlat"),
    [
        pytest.param(4490, 4326, SICHUAN, id="CGCS2000"),
        pytest.param(4543, 32648, SICHUAN, id="CGCS2000, projected"),
        pytest.param(32648, 4490, SICHUAN, id="to CGCS2000"),
        pytest.param(4214, 4326, ORDOS, id="Beijing 1954 where it is known"),
        pytest.param(4214, 4490, ORDOS, id="and to CGCS2000"),
        pytest.param(4258, 4326, (10, 50), id="ETRS89"),
        pytest.param(4258, 4490, (10, 50), id="ETRS89 to CGCS2000"),
        pytest.param(4617, 4326, (-100, 50), id="NAD83(CSRS)"),
        pytest.param(4269, 4490, (-100, 40), id="NAD83 to CGCS2000"),
        pytest.param(7844, 4326, (140, -30), id="GDA2020"),
        pytest.param(6668, 4326, (138, 36), id="JGD2011"),
        pytest.param(4301, 4326, (138, 36), id="Tokyo, which is known"),
        pytest.param(4301, 4490, (138, 36), id="Tokyo to CGCS2000"),
        pytest.param(4230, 4326, (10, 50), id="ED50, which is known"),
        pytest.param(2413, 4214, SICHUAN, id="one datum"),
        pytest.param(3857, 32648, SICHUAN, id="web Mercator"),
    ],
)
def test_datums_that_are_known_are_silent(
    source: int, target: int, lonlat: tuple[float, float]
) -> None:
    ours = CRS.from_epsg(source)
    assert datum_note("a.shp", ours, CRS.from_epsg(target), at(ours, lonlat)) is None


def shifted_by_hand(lonlat: tuple[float, float]) -> tuple[float, float]:
    """Place on WGS 84 of one on Beijing 1954, by its published shift of the Tarim basin."""
    text = (
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart "
        "+ellps=krass +step +proj=helmert +x=15.8 +y=-154.4 +z=-82.3 "
        "+step +inv +proj=cart +ellps=WGS84 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    lon, lat, _ = pyproj.Transformer.from_pipeline(text).transform(*lonlat, 0.0)
    return lon, lat


@pytest.mark.parametrize("target", [4326, 4490, 32648, 4543])
def test_a_stated_shift_is_applied_both_ways(target: int) -> None:
    theirs = CRS.from_epsg(target)
    ours = at(BEIJING, SICHUAN)
    flat = pyproj.CRS.from_wkt(theirs.to_wkt())
    to_map = pyproj.Transformer.from_crs(flat.geodetic_crs, flat, always_xy=True)
    with use_datum_shift("15.8,-154.4,-82.3"):
        moved = reproject(ours, BEIJING, theirs)
        back = reproject(moved, theirs, BEIJING)
        assert datum_note("a.shp", BEIJING, theirs, ours) is None
    expected = to_map.transform(*shifted_by_hand(SICHUAN))
    tolerance = 1e-9 if flat.is_geographic else 1e-3
    np.testing.assert_allclose(shapely.get_coordinates(moved)[0], expected, atol=tolerance, rtol=0)
    np.testing.assert_allclose(
        shapely.get_coordinates(back), shapely.get_coordinates(ours), atol=1e-8, rtol=0
    )
    assert datum_note("a.shp", BEIJING, theirs, ours) is not None


def test_a_shift_that_a_file_states_holds_for_all_of_the_family() -> None:
    """A shapefile with TOWGS84, on a scene in CGCS2000."""
    stated = pyproj.CRS("+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3 +type=crs")
    moved = reproject(at(BEIJING, SICHUAN), CRS.from_wkt(stated.to_wkt()), CGCS2000)
    np.testing.assert_allclose(
        shapely.get_coordinates(moved)[0], shifted_by_hand(SICHUAN), atol=1e-9, rtol=0
    )


def test_a_grid_of_shifts(tmp_path: Path) -> None:
    """Half a thousandth of a degree to the east and a quarter to the north."""
    path = tmp_path / "shift.tif"
    seconds = np.stack([np.full((3, 3), 0.9), np.full((3, 3), 1.8)]).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=3, height=3, count=2, dtype="float32", crs="EPSG:4214",
        transform=Affine(1, 0, 102, 0, -1, 33),
    ) as file:  # fmt: skip
        file.write(seconds)
        file.update_tags(TYPE="HORIZONTAL_OFFSET", AREA_OR_POINT="Point")
        for band, name in ((1, "latitude_offset"), (2, "longitude_offset")):
            file.set_band_description(band, name)
            file.update_tags(band, UNITTYPE="arc-second", positive_value="east")
    ours = at(BEIJING, SICHUAN)
    with use_datum_shift(str(path)):
        moved = reproject(ours, BEIJING, CGCS2000)
        with pytest.raises(InputError, match=r"or beyond .*shift.tif"):
            reproject(at(BEIJING, (90.0, 31.0)), BEIJING, CGCS2000)
    np.testing.assert_allclose(
        shapely.get_coordinates(moved)[0], (103.5 + 1.8 / 3600, 31.5 + 0.9 / 3600), atol=1e-9
    )
    bad = tmp_path / "not.gsb"
    bad.write_text("no grid")
    with (
        pytest.raises(InputError, match=r"is .*not.gsb a grid of shifts"),
        use_datum_shift(str(bad)),
    ):
        reproject(ours, BEIJING, CGCS2000)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,x", "1,2,nan", "1e6,0,0", "1,2,3,4", "no.gsb"])
def test_what_is_no_shift(text: str) -> None:
    with (
        pytest.raises(InputError, match="datum_shift is dx,dy,dz in metres, or "),
        use_datum_shift(text),
    ):
        pass


def test_a_shift_that_nothing_needed_is_a_note() -> None:
    with pytest.warns(LandslipWarning, match="datum_shift='1,2,3' changed nothing"):  # noqa: SIM117
        with use_datum_shift("1,2,3"):
            reproject(at(UTM, SICHUAN), UTM, CGCS2000)
    with use_datum_shift("1,2,3"):  # a warning is an error here
        reproject(at(BEIJING, SICHUAN), BEIJING, CGCS2000)
        with use_datum_shift(None):
            reproject(at(UTM, SICHUAN), UTM, CGCS2000)


def test_a_site_of_one_name_and_unit_is_one() -> None:
    metres = CRS.from_wkt('LOCAL_CS["Quarry",UNIT["metre",1]]')
    same = CRS.from_wkt('LOCAL_CS["Quarry",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    feet = CRS.from_wkt('LOCAL_CS["Quarry",UNIT["foot",0.3048]]')
    there = np.array([shapely.box(5, 6, 5.01, 6.01)])
    assert shapely.equals_exact(reproject(there, metres, same), there).all()
    assert datum_note("a.shp", metres, same, there) is None
    with pytest.raises(InputError, match="Quarry is not tied to the Earth"):
        reproject(there, metres, feet)
