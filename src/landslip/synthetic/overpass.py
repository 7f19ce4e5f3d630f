"""When and how the satellite looks, and how far its metadata are wrong about it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.radiometry.sun import SunPosition, sun_position
from landslip.synthetic.camera import Attitude, Orbit, PushbroomCamera, aim_at, mispoint
from landslip.synthetic.ground_model import GroundModel

PAN_GSD_M, MSS_GSD_M = 2.0, 8.0
_MSS_AHEAD_RAD = 3e-5
_BEIJING = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTarget:
    """What the middle of the image looks at: a point of the ground, and how much around it.

    Attributes:
        lon_deg, lat_deg: on WGS 84.
        height_m: over the ellipsoid.
        mss_shape: (height, width) of the multispectral image; the other has 4 times as many pixels
            each way.
    """

    lon_deg: float
    lat_deg: float
    height_m: float
    mss_shape: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraModels:
    """One image's camera as it is, and as its metadata have it."""

    seen: PushbroomCamera
    told: PushbroomCamera


@dataclass(frozen=True, slots=True, kw_only=True)
class Overpass:
    """One look at the ground.

    Attributes:
        utc: time of the middle line, without a time zone.
        camera: 1 or 2, for PMS1 or PMS2.
        attitude: of the platform as it is.
        bias_m: (east, north) by which the metadata place the ground beside where it is, as seen in
            the middle of the image; the same for both images.
        shift_px: (col, row) by which the multispectral image lies beside where its metadata have
            it, next to the bias, in its own pixels.
        drift_px: how much that changes from its first line to its last.
    """

    utc: datetime
    camera: int = 1
    attitude: Attitude = field(default_factory=Attitude)
    bias_m: tuple[float, float] = (0.0, 0.0)
    shift_px: tuple[float, float] = (0.0, 0.0)
    drift_px: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.camera not in {1, 2}:
            raise InputError(f"Gaofen-1 has the cameras 1 and 2; got {self.camera}")
        if self.utc.tzinfo is not None:
            raise InputError(f"the time of an overpass is UTC without a time zone; got {self.utc}")

    @property
    def sensor_name(self) -> str:
        """PMS1 or PMS2."""
        return f"PMS{self.camera}"

    @property
    def beijing_time(self) -> datetime:
        """What the metadata call CenterTime."""
        return self.utc + _BEIJING

    def sun(self, target: ImageTarget) -> SunPosition:
        """Return where the sun stands over a target."""
        return sun_position(self.utc, target.lon_deg, target.lat_deg)

    def views(self, target: ImageTarget) -> tuple[CameraModels, CameraModels]:
        """Return the multispectral and the panchromatic view of a target."""
        height, width = target.mss_shape
        start = PushbroomCamera(
            orbit=Orbit(lon_deg=target.lon_deg, lat_deg=target.lat_deg),
            attitude=self.attitude,
            shape=(4 * height, 4 * width),
            gsd_m=PAN_GSD_M,
        )
        pan = aim_at(start, (target.lon_deg, target.lat_deg), target.height_m)
        told_pan = mispoint(pan, self.bias_m, target.height_m)
        told_mss, mss = (
            replace(one, shape=target.mss_shape, gsd_m=MSS_GSD_M, ahead_rad=_MSS_AHEAD_RAD)
            for one in (told_pan, pan)
        )
        shifted = replace(mss, shift_px=self.shift_px, drift_px=self.drift_px)
        return CameraModels(seen=shifted, told=told_mss), CameraModels(seen=pan, told=told_pan)


_TRIAL_PX = 64


def target_over(
    ground: GroundModel, overpass: Overpass, window: Window | None = None, margin_px: int = 16
) -> ImageTarget:
    """Return the target whose images show a window of the ground at all its heights.

    Both the image as it is and as its metadata have it show the whole window.

    Args:
        ground: what is looked at.
        overpass: how it is looked at.
        window: on the ground's grid; None is all of it.
        margin_px: what the image shows around it, in multispectral pixels.
    """
    window = window or ground.grid.window
    low, high = ground.height_range_m
    middle = np.array([[window.col_off + window.width / 2, window.row_off + window.height / 2]])
    lon, lat = ground.lonlat(middle)[0].tolist()
    shape = (_TRIAL_PX, _TRIAL_PX)
    trial = ImageTarget(lon_deg=lon, lat_deg=lat, height_m=(low + high) / 2, mss_shape=shape)
    view, _ = overpass.views(trial)
    corners = [
        (col, row)
        for col in (window.col_off, window.col_end)
        for row in (window.row_off, window.row_end)
    ]
    lonlat = ground.lonlat(np.array(corners, dtype=np.float64))
    seen = [
        camera.project(lonlat, height) - camera.centre
        for camera in (view.seen, view.told)
        for height in (low, high)
    ]
    half_width, half_height = np.ceil(np.abs(np.concatenate(seen)).max(axis=0)) + margin_px
    return replace(trial, mss_shape=(2 * int(half_height), 2 * int(half_width)))
