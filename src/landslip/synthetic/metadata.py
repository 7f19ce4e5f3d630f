"""The XML beside each image, tag by tag as real products have it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from landslip.preprocessing.radiometry.calibration import RadiometricCalibration
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.camera import PushbroomCamera
from landslip.synthetic.overpass import Overpass

_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n<ProductMetaData>'
_DAYS_TO_PRODUCT = timedelta(days=3)
_CORNERS = ("TopLeft", "TopRight", "BottomRight", "BottomLeft")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMetadataValues:
    """What the XML of one image says.

    Attributes:
        overpass: the look.
        camera: as the metadata have it.
        sun: over the image's middle.
        product_id: number of the product.
        bands: their names.
        zenith_as_elevation: whether SolarZenith holds the elevation, as in some older products.
        coefficients: calibration to be stated as AbsCeof; None for none.
    """

    overpass: Overpass
    camera: PushbroomCamera
    sun: SunPosition
    product_id: int
    bands: tuple[str, ...]
    zenith_as_elevation: bool = False
    coefficients: RadiometricCalibration | None = None


def format_metadata(facts: ImageMetadataValues) -> str:
    """Return the XML of one image."""
    groups = (
        _product(facts),
        _times(facts),
        _image(facts),
        _angles(facts),
        _settings(facts),
        _corners(facts.camera),
    )
    lines = [_line(tag, value) for group in groups for tag, value in group.items()]
    return "\n".join([_HEAD, *lines, "</ProductMetaData>", ""])


def _line(tag: str, value: object) -> str:
    return f"    <{tag} />" if value is None else f"    <{tag}>{value}</{tag}>"


def _product(facts: ImageMetadataValues) -> dict[str, object]:
    return {
        "SatelliteID": "GF1",
        "SensorID": facts.overpass.sensor_name,
        "ReceiveTime": _second(facts.overpass.utc),
        "OrbitID": 1 + (facts.overpass.utc - datetime(2013, 4, 26)).days * 15,
        "ProduceType": "STANDARD",
        "SceneID": facts.product_id + 3_759_580,
        "ProductID": facts.product_id,
        "ProductLevel": "LEVEL1A",
        "ProductQuality": None,
        "ProductQualityReport": None,
        "ProductFormat": "GEOTIFF",
        "ProduceTime": _second(facts.overpass.beijing_time + _DAYS_TO_PRODUCT),
        "Bands": "5" if facts.bands == ("pan",) else "1,2,3,4",
    }


def _times(facts: ImageMetadataValues) -> dict[str, object]:
    centre = facts.overpass.beijing_time
    half = timedelta(seconds=facts.camera.shape[0] / 2 * facts.camera.line_time_s)
    return {
        "ScenePath": 12,
        "SceneRow": 104,
        "SatPath": 12,
        "SatRow": 104,
        "SceneCount": 1,
        "SceneShift": 1,
        "StartTime": _second(centre - half),
        "EndTime": _second(centre + half),
        "CenterTime": _second(centre),
    }


def _image(facts: ImageMetadataValues) -> dict[str, object]:
    height, width = facts.camera.shape
    return {
        "ImageGSD": f"{facts.camera.gsd_m:g}",
        "WidthInPixels": width,
        "HeightInPixels": height,
        "WidthInMeters": None,
        "HeightInMeters": None,
        "CloudPercent": 0,
        "QualityInfo": "",
        "PixelBits": "",
        "ValidPixelBits": "",
    }


def _angles(facts: ImageMetadataValues) -> dict[str, object]:
    azimuth, elevation = facts.camera.view()
    attitude = facts.camera.attitude
    sun = facts.sun
    tagged = sun.elevation_deg if facts.zenith_as_elevation else sun.zenith_deg
    return {
        "RollViewingAngle": 0,
        "PitchViewingAngle": 0,
        "RollSatelliteAngle": _number(attitude.roll_deg),
        "PitchSatelliteAngle": _number(attitude.pitch_deg),
        "YawSatelliteAngle": _number(attitude.yaw_deg),
        "SolarAzimuth": _number(sun.azimuth_deg),
        "SolarZenith": _number(tagged),
        "SatelliteAzimuth": _number(azimuth),
        "SatelliteZenith": _number(elevation),
    }


def _settings(facts: ImageMetadataValues) -> dict[str, object]:
    count = len(facts.bands)
    settings: dict[str, object] = {
        "GainMode": ",".join(["G2"] * count),
        "IntegrationTime": _number(facts.camera.line_time_s),
        "IntegrationLevel": ",".join(["S4"] * count),
        "MapProjection": None,
        "EarthEllipsoid": None,
        "ZoneNo": None,
        "ResamplingKernel": None,
        "HeightMode": None,
        "MtfCorrection": "LAB",
        "RelativeCorrectionData": "",
    }
    if facts.coefficients is not None:
        gains = facts.coefficients.gains
        settings["AbsCeof"] = ",".join(f"{gains[band]:g}" for band in facts.bands)
    return settings


def _corners(camera: PushbroomCamera) -> dict[str, object]:
    height, width = camera.shape
    points = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    corners: dict[str, object] = {}
    for name, (lon, lat) in zip(_CORNERS, camera.locate(points, 0.0).tolist(), strict=True):
        corners |= {f"{name}Latitude": _number(lat), f"{name}Longitude": _number(lon)}
    return corners | {f"{name}Map{axis}": None for name in _CORNERS for axis in "XY"}


def _second(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _number(value: float) -> str:
    return f"{value:.6g}"
