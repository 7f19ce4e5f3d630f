import numpy as np
import pytest

from landslip.core.bands import BandRadiometry, Bands, Radiometry
from landslip.core.choices import TerrainUnits, Units
from landslip.core.errors import InputError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("red,green", ("red", "green"), id="as they are"),
        pytest.param(" B, G ,r,N", ("blue", "green", "red", "nir"), id="short forms and case"),
        pytest.param("Near-Infrared,Red Edge", ("nir", "rededge"), id="blanks and hyphens"),
        pytest.param("b8a,swir_1", ("b8a", "swir_1"), id="names nobody lists"),
    ],
)
def test_parse_evens_names_out(text: str, names: tuple[str, ...]) -> None:
    assert Bands.parse(text).names == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("red,,nir", "lower-case word such as red or nir; got ''", id="empty name"),
        pytest.param("1,2,3", "got '1'", id="numbers"),
        pytest.param("red,R", "each band is named once; got red,red", id="twice by a short form"),
    ],
)
def test_parse_refuses(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Bands.parse(text)


def test_no_band_is_refused() -> None:
    with pytest.raises(InputError, match="at least one band"):
        Bands(())


@pytest.mark.parametrize(
    "descriptions",
    [
        pytest.param(["red", None], id="one missing"),
        pytest.param(["red", "Red"], id="one twice"),
        pytest.param(["red", "band 1 (665 nm)"], id="no name"),
        pytest.param([], id="none at all"),
    ],
)
def test_descriptions_count_only_if_all_are_names(descriptions: list[str | None]) -> None:
    assert Bands.from_descriptions(descriptions) is None


def test_descriptions_are_read_in_order() -> None:
    assert Bands.from_descriptions(["Blue", "Green", "NIR"]) == Bands(("blue", "green", "nir"))


def test_positions_follow_the_wanted_order() -> None:
    assert Bands.parse("blue,green,red,nir").positions_of(Bands.parse("nir,blue")) == (3, 0)


def test_a_missing_band_is_named() -> None:
    with pytest.raises(InputError, match="bands red,nir are needed and nir is not in blue,red"):
        Bands.parse("blue,red").positions_of(Bands.parse("red,nir"))


def test_values_are_stored_times_scale_plus_offset() -> None:
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype="int16", scale=0.0001, offset=-0.1)
    values = radiometry.values(np.array([[0, 1000], [10_000, -500]], dtype=np.int16))
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, [[-0.1, 0.0], [0.9, -0.15]], atol=1e-7)


def test_values_leave_the_stored_numbers_alone() -> None:
    stored = np.array([1.0, 2.0], dtype=np.float32)
    Radiometry(units=Units.DN, dtype="float32", scale=3).values(stored)
    assert stored.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("scale", "offset"),
    [
        pytest.param(0.0, 0.0, id="scale 0"),
        pytest.param(float("nan"), 0.0, id="scale not a number"),
        pytest.param(1.0, float("inf"), id="offset infinite"),
    ],
)
def test_senseless_scaling_is_refused(scale: float, offset: float) -> None:
    with pytest.raises(InputError, match="finite and scale is not 0"):
        Radiometry(units=Units.DN, dtype="uint8", scale=scale, offset=offset)


@pytest.mark.parametrize(
    ("dtype", "is_8bit"), [("uint8", True), ("int8", True), ("uint16", False), ("float32", False)]
)
def test_is_8bit(dtype: str, is_8bit: bool) -> None:
    assert Radiometry(units=Units.DN, dtype=dtype).is_8bit is is_8bit


MIXED = Radiometry.of_bands(
    "uint16",
    [
        BandRadiometry(units=Units.REFLECTANCE, scale=1e-4),
        BandRadiometry(units=TerrainUnits.DEGREE, scale=0.01, offset=-1.0, nodata=65535),
        BandRadiometry(units=Units.REFLECTANCE, scale=1e-4),
    ],
)


def test_each_band_has_its_own_radiometry() -> None:
    stored = np.array([[1000, 65535], [1000, 65535], [5, 6]], dtype=np.uint16)
    values = MIXED.values(stored)
    np.testing.assert_allclose(values[0], [0.1, 6.5535], rtol=1e-6)
    np.testing.assert_allclose(values[1], [9.0, np.nan], rtol=1e-6)
    assert (MIXED.units, MIXED.scale) == (Units.REFLECTANCE, 1e-4)
    assert MIXED.select((1, 0)).bands == (MIXED.bands[1], MIXED.bands[0])
    with pytest.raises(ValueError, match="the radiometry of 3 bands; got 2"):
        MIXED.values(stored[:2])


def test_bands_that_are_alike_need_no_list() -> None:
    own = MIXED.select((2, 0))
    assert own == Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1e-4)
    assert [band.units for band in own.each(2)] == [Units.REFLECTANCE] * 2


def test_own_bands_are_those_of_no_other_source() -> None:
    bands = Bands(("slope", "red", "before_red", "nir"))
    assert bands.own == (1, 3)
    assert bands.at(bands.own) == Bands(("red", "nir"))
    assert Bands(("slope", "elevation")).own == (0, 1)
