import pytest

from landslip.errors import InputError
from landslip.radiometry.view import view_zenith_deg


@pytest.mark.parametrize(
    ("tag", "zenith"), [(86.267, 3.733), (51.0, 39.0), (90.0, 0.0), (3.733, 3.733), (0.0, 0.0)]
)
def test_both_readings_of_the_tag(tag: float, zenith: float) -> None:
    assert view_zenith_deg(tag) == pytest.approx(zenith)


@pytest.mark.parametrize("tag", [-1.0, 91.0, float("nan")])
def test_other_angles_are_refused(tag: float) -> None:
    with pytest.raises(InputError, match=r"SatelliteZenith lies .*; got .* in scene\.xml"):
        view_zenith_deg(tag, "scene.xml")
