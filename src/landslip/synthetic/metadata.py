"""XML metadata of a synthetic image, tag by tag as in real products."""

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
class StatedMetadata:
    """Metadata of one image.

    Attributes:
        overpass: of the satellite.
        camera: the stated one.
        sun: over the image's middle.
        product_id: number of the product.
        bands: names.
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


def format_metadata(metadata: StatedMetadata) -> str:
    """Return the XML of one image."""
    overpass, camera, sun = metadata.overpass, metadata.camera, metadata.sun
    centre, count = overpass.beijing_time, len(metadata.bands)
    height, width = camera.shape
    half = timedelta(seconds=height / 2 * camera.line_time_s)
    azimuth, elevation = camera.view()
    zenith = sun.elevation_deg if metadata.zenith_as_elevation else sun.zenith_deg
    tags: dict[str, object] = {
        "SatelliteID": "GF1",
        "SensorID": overpass.sensor_name,
        "ReceiveTime": _second(overpass.utc),
        "OrbitID": 1 + (overpass.utc - datetime(2013, 4, 26)).days * 15,
        "ProduceType": "STANDARD",
        "SceneID": metadata.product_id + 3_759_580,
        "ProductID": metadata.product_id,
        "ProductLevel": "LEVEL1A",
        "ProductQuality": None,
        "ProductQualityReport": None,
        "ProductFormat": "GEOTIFF",
        "ProduceTime": _second(centre + _DAYS_TO_PRODUCT),
        "Bands": "5" if metadata.bands == ("pan",) else "1,2,3,4",
        "ScenePath": 12,
        "SceneRow": 104,
        "SatPath": 12,
        "SatRow": 104,
        "SceneCount": 1,
        "SceneShift": 1,
        "StartTime": _second(centre - half),
        "EndTime": _second(centre + half),
        "CenterTime": _second(centre),
        "ImageGSD": f"{camera.gsd_m:g}",
        "WidthInPixels": width,
        "HeightInPixels": height,
        "WidthInMeters": None,
        "HeightInMeters": None,
        "CloudPercent": 0,
        "QualityInfo": "",
        "PixelBits": "",
        "ValidPixelBits": "",
        "RollViewingAngle": 0,
        "PitchViewingAngle": 0,
        "RollSatelliteAngle": _number(camera.attitude.roll_deg),
        "PitchSatelliteAngle": _number(camera.attitude.pitch_deg),
        "YawSatelliteAngle": _number(camera.attitude.yaw_deg),
        "SolarAzimuth": _number(sun.azimuth_deg),
        "SolarZenith": _number(zenith),
        "SatelliteAzimuth": _number(azimuth),
        "SatelliteZenith": _number(elevation),
        "GainMode": ",".join(["G2"] * count),
        "IntegrationTime": _number(camera.line_time_s),
        "IntegrationLevel": ",".join(["S4"] * count),
        "MapProjection": None,
        "EarthEllipsoid": None,
        "ZoneNo": None,
        "ResamplingKernel": None,
        "HeightMode": None,
        "MtfCorrection": "LAB",
        "RelativeCorrectionData": "",
    }
    if metadata.coefficients is not None:
        gains = metadata.coefficients.gains
        tags["AbsCeof"] = ",".join(f"{gains[band]:g}" for band in metadata.bands)
    points = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    for name, (lon, lat) in zip(_CORNERS, camera.locate(points, 0.0).tolist(), strict=True):
        tags |= {f"{name}Latitude": _number(lat), f"{name}Longitude": _number(lon)}
    tags |= {f"{name}Map{axis}": None for name in _CORNERS for axis in "XY"}
    lines = [
        f"    <{tag} />" if value is None else f"    <{tag}>{value}</{tag}>"
        for tag, value in tags.items()
    ]
    return "\n".join([_HEAD, *lines, "</ProductMetaData>", ""])


def _second(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _number(value: float) -> str:
    return f"{value:.6g}"
