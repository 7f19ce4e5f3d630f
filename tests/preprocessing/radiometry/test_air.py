import math

import pytest

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.air import Aerosol, Air, StandardAir, standard_air


@pytest.mark.parametrize(
    ("lat", "month", "kind"),
    [
        (0.0, 1, StandardAir.TROPICAL),
        (-23.0, 7, StandardAir.TROPICAL),
        (31.0, 8, StandardAir.MIDLATITUDE_SUMMER),
        (31.0, 4, StandardAir.MIDLATITUDE_SUMMER),
        (31.0, 10, StandardAir.MIDLATITUDE_WINTER),
        (-31.0, 8, StandardAir.MIDLATITUDE_WINTER),
        (-31.0, 1, StandardAir.MIDLATITUDE_SUMMER),
        (62.0, 7, StandardAir.SUBARCTIC_SUMMER),
        (-62.0, 7, StandardAir.SUBARCTIC_WINTER),
    ],
)
def test_air_by_latitude_and_season(lat: float, month: int, kind: StandardAir) -> None:
    assert standard_air(lat, month) is kind


def test_a_standard_atmosphere_brings_its_gases() -> None:
    air = Air.standard(StandardAir.TROPICAL, optical_depth_550=0.4, aerosol=Aerosol.DESERT)
    assert air == Air(
        water_g_cm2=4.12, ozone_cm_atm=0.247, optical_depth_550=0.4, aerosol=Aerosol.DESERT
    )


def test_air_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"aerosol optical depth at 550 nm is 0 to 3; got -0\.1"):
        Air.standard(StandardAir.TROPICAL, optical_depth_550=-0.1)
    with pytest.raises(InputError, match=r"ozone in cm-atm is 0 to 1; got 300"):
        Air(water_g_cm2=1.0, ozone_cm_atm=300)
    with pytest.raises(InputError, match="water vapour in g/cm2 is 0 to 10; got nan"):
        Air(water_g_cm2=math.nan, ozone_cm_atm=0.3)
    with pytest.raises(InputError, match="latitude is -90 to 90 and month 1 to 12; got 91, 3"):
        standard_air(91, 3)
