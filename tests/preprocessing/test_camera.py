import pytest

from landslip.core.errors import InputError
from landslip.preprocessing.camera import SatelliteCamera, camera_from_product_name


@pytest.mark.parametrize(
    ("satellite", "sensor", "name"),
    [
        ("GF1", "PMS1", "GF1 PMS1"),
        ("gf-1 ", "pms2", "GF1 PMS2"),
        ("GF1B", "PMS", "GF1B PMS"),
        ("GF2", "PMS1", "GF2 PMS1"),
        ("GF6", "PMS", "GF6 PMS"),
    ],
)
def test_cameras_of_one_panchromatic_and_four_bands_are_known(
    satellite: str, sensor: str, name: str
) -> None:
    camera = SatelliteCamera.parse(satellite, sensor)
    assert camera.name == str(camera) == name


@pytest.mark.parametrize(
    ("satellite", "sensor"), [("GF1", "WFV3"), ("GF1", "PMS"), ("GF6", "PMS1"), ("ZY3", "MUX")]
)
def test_other_cameras_are_refused(satellite: str, sensor: str) -> None:
    with pytest.raises(
        InputError, match=f"GF1 PMS1, GF1 PMS2.*this one is of {satellite} {sensor}"
    ):
        SatelliteCamera(satellite=satellite, sensor=sensor)


def test_a_name_tells_the_camera() -> None:
    named = camera_from_product_name("GF1C_PMS_E51.9_N49.6_20240329_L1A1022230270.tar.gz")
    assert named == SatelliteCamera(satellite="GF1C", sensor="PMS")
    assert camera_from_product_name("valley_2022_before.zip") is None
    with pytest.raises(InputError, match="GF1 WFV1"):
        camera_from_product_name("GF1_WFV1_E69.4_N33.3_20220624_L1A0006547030.tar.gz")
