import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.preprocessing.camera import SatelliteCamera
from landslip.preprocessing.radiometry.calibration import (
    CAMERA_BANDS,
    RadiometricCalibration,
    ReflectanceConversion,
    gf1_calibration_table,
    read_calibration_file,
    select_calibration,
    toa_conversion,
)

FILE = """
satellite: GF2
sensor: PMS1
gains:   {pan: 0.15, blue: 0.16, green: 0.17, red: 0.18, nir: 0.19}
offsets: {pan: 0, blue: 1, green: 0, red: -1, nir: 0}
esun:    {pan: 1370, blue: 1945, green: 1854, red: 1543, nir: 1081}
"""
GF2 = SatelliteCamera(satellite="GF2", sensor="PMS1")

# The published table, typed in a second time in its own order: PAN, B1 to B4.
PUBLISHED = {
    ("PMS1", 2013): (0.1886, 0.2082, 0.1672, 0.1748, 0.1883),
    ("PMS2", 2013): (0.1878, 0.2072, 0.1776, 0.1770, 0.1909),
    ("PMS1", 2014): (0.1963, 0.2247, 0.1892, 0.1889, 0.1939),
    ("PMS2", 2014): (0.2147, 0.2419, 0.2047, 0.2009, 0.2058),
    ("PMS1", 2015): (0.1956, 0.2110, 0.1802, 0.1806, 0.1870),
    ("PMS2", 2015): (0.2018, 0.2242, 0.1887, 0.1882, 0.1963),
    ("PMS1", 2016): (0.1982, 0.2320, 0.1870, 0.1795, 0.1960),
    ("PMS2", 2016): (0.1979, 0.2240, 0.1851, 0.1793, 0.1863),
    ("PMS1", 2017): (0.1228, 0.1424, 0.1177, 0.1194, 0.1135),
    ("PMS2", 2017): (0.1365, 0.1460, 0.1248, 0.1274, 0.1255),
    ("PMS1", 2018): (0.1428, 0.1530, 0.1356, 0.1366, 0.1272),
    ("PMS2", 2018): (0.1490, 0.1523, 0.1382, 0.1403, 0.1334),
    ("PMS1", 2019): (0.1381, 0.1490, 0.1328, 0.1311, 0.1217),
    ("PMS2", 2019): (0.1381, 0.1490, 0.1328, 0.1311, 0.1217),
    ("PMS1", 2022): (0.1306, 0.1458, 0.1213, 0.1230, 0.1185),
    ("PMS2", 2022): (0.1373, 0.1426, 0.1241, 0.1286, 0.1247),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gf2.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("sensor", "year"), PUBLISHED)
def test_the_table_holds_what_was_published(sensor: str, year: int) -> None:
    found = select_calibration(f"GF1 {sensor}", year)
    assert found.bands == CAMERA_BANDS == ("pan", "blue", "green", "red", "nir")
    assert tuple(found.gains[band] for band in CAMERA_BANDS) == PUBLISHED[sensor, year]
    assert found.year == year
    assert f"figures of {year} for GF1 {sensor}" in found.source
    if year > 2013:
        assert set(found.offsets.values()) == {0}


def test_the_table_holds_nothing_else() -> None:
    assert {(entry.sensor, entry.year) for entry in gf1_calibration_table().years} == set(PUBLISHED)
    assert len(gf1_calibration_table().years) == len(PUBLISHED)


@pytest.mark.parametrize(
    ("camera", "offsets", "esun"),
    [
        (
            "GF1 PMS1",
            (-13.1270, 4.6186, 4.8768, 4.8924, -9.4771),
            (1371.79, 1945.29, 1854.10, 1542.90, 1080.77),
        ),
        (
            "GF1 PMS2",
            (-7.9731, 7.5348, 3.9395, -1.7445, -7.2053),
            (1376.37, 1945.63, 1853.83, 1543.90, 1081.89),
        ),
    ],
)
def test_offsets_of_2013_and_esun(
    camera: str, offsets: tuple[float, ...], esun: tuple[float, ...]
) -> None:
    found = select_calibration(camera, 2013)
    assert tuple(found.offsets[band] for band in CAMERA_BANDS) == offsets
    assert tuple(found.esun[band] for band in CAMERA_BANDS) == esun
    assert "one public source" in found.source


@pytest.mark.parametrize("name", ["GF1 PMS1", "GF-1 PMS1", "gf1_pms1", "GF1_PMS1"])
def test_cameras_are_named_in_several_ways(name: str) -> None:
    assert SatelliteCamera.from_name(name) == SatelliteCamera(satellite="GF1", sensor="PMS1")


@pytest.mark.parametrize("year", [2012, 2020, 2021, 2023])
def test_a_year_without_figures_needs_a_choice(year: int) -> None:
    text = (
        rf"no calibration of GF1 PMS2 is known for {year}, only for 2013, 2014, 2015, 2016, 2017, "
        r"2018, 2019, 2022; choose calibration='nearest', or give .* with calibration='FILE'"
    )
    for choice in (None, "table"):
        with pytest.raises(InputError, match=text):
            select_calibration("GF1 PMS2", year, choice=choice)


@pytest.mark.parametrize(
    ("year", "taken"), [(2009, 2013), (2017, 2017), (2020, 2019), (2021, 2022), (2026, 2022)]
)
def test_the_nearest_year_is_taken_when_asked_for(year: int, taken: int) -> None:
    found = select_calibration("GF1 PMS1", year, choice="nearest")
    assert found.year == taken
    assert (f"nearest to {year}" in found.source) == (year != taken)


@pytest.mark.parametrize("camera", ["GF1B PMS", "GF-1C PMS", "GF2 PMS1", "GF6 PMS"])
def test_other_cameras_need_a_file(camera: str) -> None:
    text = "no calibration is known for camera .*; give gains, offsets and ESUN of pan, blue, green"
    for choice in (None, "nearest"):
        with pytest.raises(InputError, match=text):
            select_calibration(camera, 2019, choice=choice)


def own(scale: float = 1.0, **offsets: float) -> dict[str, Any]:
    gains = zip(CAMERA_BANDS, PUBLISHED["PMS1", 2022], strict=True)
    return {
        "gains": {band: gain * scale for band, gain in gains},
        "offsets": dict(offsets),
    }


def test_the_products_own_gains_come_first() -> None:
    found = select_calibration("GF1 PMS1", 2021, **own(1.1, nir=2.0))
    assert found.gains["red"] == pytest.approx(0.1230 * 1.1)
    assert found.offsets == {"pan": 0, "blue": 0, "green": 0, "red": 0, "nir": 2.0}
    assert found.esun["red"] == 1542.90
    assert found.year == 2021
    assert found.source == "AbsCeof of the product; ESUN in several public sources"
    assert select_calibration("GF1 PMS1", 2022, choice="nearest", **own(1.1)) == replace(
        found, year=2022, offsets=dict.fromkeys(CAMERA_BANDS, 0.0)
    )


@pytest.mark.parametrize("scale", [100.0, 3.5, 0.4])
def test_implausible_gains_of_the_product_stop_unless_they_are_left_out(scale: float) -> None:
    text = (
        r"AbsCeof must be within a factor of 2 of the published ones of GF1 PMS1, 0\.1228 to "
        r"0\.1982 for band pan; got [\d.]+: use calibration='table'"
    )
    with pytest.raises(InputError, match=text):
        select_calibration("GF1 PMS1", 2022, **own(scale))
    left_out = select_calibration("GF1 PMS1", 2022, choice="table", **own(scale))
    assert left_out == select_calibration("GF1 PMS1", 2022)


def test_gains_of_some_bands_only_are_not_mixed_with_the_tables() -> None:
    assert select_calibration("GF1 PMS1", 2018, gains={"pan": 0.14}).gains["pan"] == 0.1428
    assert select_calibration("GF1 PMS1", 2018, gains={}).year == 2018


def test_a_file_comes_before_all(file: Path) -> None:
    for choice in (file, str(file)):
        found = select_calibration("GF-2 PMS1", 2020, choice=choice, **own())
        assert found.gains == {"pan": 0.15, "blue": 0.16, "green": 0.17, "red": 0.18, "nir": 0.19}
        assert found.offsets["red"] == -1
        assert found.esun["nir"] == 1081
        assert (found.year, found.source) == (None, "calibration file gf2.yaml")


def test_year_and_source_of_a_file_are_told(file: Path) -> None:
    file.write_text(FILE + "year: 2020\nsource: vicarious, Dunhuang\n")
    found = read_calibration_file(file, GF2)
    assert found.source == "calibration file gf2.yaml, gains of 2020, vicarious, Dunhuang"
    assert found.year == 2020


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (", nir: 0.19", "", r"gf2\.yaml needs the gain of band nir$"),
        ("pan: 1370, blue: 1945, ", "", "needs the ESUN of band pan; needs the ESUN of band blue"),
        (
            "offsets: {",
            "surplus: {",
            "needs the offset of band pan, blue, green, red, nir; has sur",
        ),
        ("sensor: PMS1", "", "needs sensor$"),
        ("red: 0.18", "red: wide", r"has gains\.red: 'wide', which is not a valid number"),
        ("red: 0.18", "red: .nan", r"has gains\.red: nan, which is not a valid number"),
        (
            "red: 0.18",
            "red: 0",
            r"the gain of band red must be finite and above 0; got 0\.0 \(calib",
        ),
        ("blue: 1945", "blue: -5", "the ESUN of band blue must be finite and above 0"),
        ("GF2", "GF1", r"is of GF1 PMS1 and the scene of GF2 PMS1"),
        ("satellite: GF2", "satellite: [", "not YAML that can be read"),
    ],
)
def test_a_wrong_file_is_told_what_it_lacks(file: Path, before: str, after: str, text: str) -> None:
    assert before in FILE
    file.write_text(FILE.replace(before, after))
    with pytest.raises(InputError, match=text):
        read_calibration_file(file, GF2)


def test_a_file_that_is_no_mapping_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n")
    with pytest.raises(InputError, match="must hold satellite, sensor, gains, offsets and esun"):
        read_calibration_file(path, GF2)
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        select_calibration("GF2 PMS1", 2020, choice=tmp_path / "none.yaml")


def test_a_calibration_has_all_figures_of_the_same_bands() -> None:
    good = select_calibration("GF1 PMS1", 2019)
    with pytest.raises(InputError, match="must be given for the same bands; got gain of pan,"):
        replace(good, esun={"pan": 1.0})
    with pytest.raises(InputError, match="the offset of band nir must be finite; got nan"):
        replace(good, offsets={**good.offsets, "nir": math.nan})
    assert RadiometricCalibration(
        gains={"pan": 1.0}, offsets={"pan": -3.0}, esun={"pan": 1.0}, year=None, source="x"
    ).bands == ("pan",)
    with pytest.raises(InputError, match="satellite and sensor, GF1 PMS1; got 'GF1'"):
        SatelliteCamera.from_name("GF1")


CALIBRATION = RadiometricCalibration(
    gains={"red": 0.1230, "nir": 0.1885},
    offsets={"red": 0.0, "nir": -9.4771},
    esun={"red": 1542.90, "nir": 1080.77},
    year=2022,
    source="by hand",
)


def test_reflectance_worked_by_hand() -> None:
    """Red: L = 36.9, pi 36.9 1.0164^2 / (1542.9 cos 25.17) = 0.085762."""
    conversion = toa_conversion(
        CALIBRATION, ("nir", "red"), sun_zenith_deg=25.17, sun_distance_au=1.0164
    )
    dn = np.array([[[40]], [[300]]], dtype=np.uint16)
    found = conversion.apply(dn)
    assert found.dtype == np.float32
    assert found.shape == (2, 1, 1)
    assert found[1, 0, 0] == pytest.approx(0.085762, abs=2e-6)
    assert found[0, 0, 0] == pytest.approx(
        math.pi * (0.1885 * 40 - 9.4771) * 1.0164**2 / (1080.77 * 0.905049), rel=1e-5
    )
    assert found[0, 0, 0] < 0


def test_reading_the_sun_wrongly_would_double_it() -> None:
    calibration = select_calibration("GF1 PMS1", 2022)
    right, wrong = (
        toa_conversion(calibration, ("red",), sun_zenith_deg=angle, sun_distance_au=1.0)
        for angle in (25.0, 65.0)
    )
    assert wrong.scale[0] / right.scale[0] == pytest.approx(2.1445, abs=1e-4)


@given(scale=st.floats(1e-5, 1e-2), offset=st.floats(-0.1, 0.1), dn=st.integers(0, 1023))
def test_counts_become_reflectance_by_a_straight_line(scale: float, offset: float, dn: int) -> None:
    conversion = ReflectanceConversion(bands=("red",), scale=(scale,), offset=(offset,))
    reflectance = conversion.apply(np.full((1, 2, 3), dn, dtype=np.uint16))
    assert reflectance.dtype == np.float32
    assert reflectance.shape == (1, 2, 3)
    tolerance = 4e-7 * (abs(offset) + scale * dn)
    assert np.abs(reflectance - (scale * dn + offset)).max() <= tolerance


def test_the_input_is_left_as_it_is() -> None:
    conversion = ReflectanceConversion(bands=("red",), scale=(2.0,), offset=(1.0,))
    values = np.ones((1, 2, 2), dtype=np.float32)
    assert np.all(conversion.apply(values) == 3)
    assert np.all(values == 1)


def test_haze_is_taken_off_and_bands_are_chosen() -> None:
    conversion = ReflectanceConversion(
        bands=("blue", "red", "nir"), scale=(1.0, 2.0, 3.0), offset=(0.0, 0.1, 0.2)
    )
    lowered = conversion.less({"red": 0.3, "pan": 9.0})
    assert lowered.offset == pytest.approx((0.0, -0.2, 0.2))
    chosen = lowered.only("nir", "blue")
    assert chosen == ReflectanceConversion(
        bands=("nir", "blue"), scale=(3.0, 1.0), offset=(0.2, 0.0)
    )
    with pytest.raises(InputError, match="the conversion is of blue,red,nir; got pan"):
        conversion.only("pan")


@pytest.mark.parametrize(
    ("zenith", "distance"), [(90.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (30.0, 149.6e6)]
)
def test_a_sun_that_cannot_be_is_refused(zenith: float, distance: float) -> None:
    with pytest.raises(InputError, match="zenith angle is 0 to below 90 degrees"):
        toa_conversion(CALIBRATION, ("red",), sun_zenith_deg=zenith, sun_distance_au=distance)


def test_bands_without_figures_are_named() -> None:
    with pytest.raises(InputError, match=r"\(by hand\) has red,nir; band blue is needed"):
        toa_conversion(CALIBRATION, ("red", "blue"), sun_zenith_deg=30, sun_distance_au=1)
    with pytest.raises(InputError, match="one scale and offset for each band"):
        ReflectanceConversion(bands=("red",), scale=(1.0, 2.0), offset=(0.0,))
    with pytest.raises(InputError, match=r"got 0\.0, 0\.0 for band red"):
        ReflectanceConversion(bands=("red",), scale=(0.0,), offset=(0.0,))
