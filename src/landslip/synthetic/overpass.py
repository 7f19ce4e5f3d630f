"""Overpasses of the satellite, and the errors of their metadata."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.radiometry.sun import SunPosition, sun_position
from landslip.synthetic.camera import Attitude, Orbit, PushbroomCamera, aim_at, mispoint
from landslip.synthetic.ground_model import GroundModel

PAN_GSD_M, MSS_GSD_M = 2.0, 8.0
_MSS_AHEAD_RAD = 3e-5
_BEIJING = timedelta(hours=8)
_TRIAL_PX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTarget:
    """The point that the middle of the image looks at, and the size of the multispectral image."""

    lon_deg: float
    lat_deg: float
    height_m: float
    mss_shape: tuple[int, int]


class CameraModels(NamedTuple):
    """The camera of one image: the actual one, and the one stated by its metadata."""

    actual: PushbroomCamera
    stated: PushbroomCamera


@dataclass(frozen=True, slots=True, kw_only=True)
class Overpass:
    """One overpass; ``utc`` is the time of the middle line, without a time zone.

    Attributes:
        camera: 1 or 2, for PMS1 or PMS2.
        attitude: actual one of the platform.
        bias_m: (east, north) error of geolocation in the middle of both images.
        shift_px: (col, row) by which the multispectral image is displaced besides, in its pixels.
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
            raise InputError(f"camera must be 1 or 2; got {self.camera}")
        if self.utc.tzinfo is not None:
            raise InputError(
                f"the time of an overpass must be UTC without a time zone; got {self.utc}"
            )

    @property
    def sensor_name(self) -> str:
        """PMS1 or PMS2."""
        return f"PMS{self.camera}"

    @property
    def beijing_time(self) -> datetime:
        """CenterTime of the metadata."""
        return self.utc + _BEIJING

    def sun(self, target: ImageTarget) -> SunPosition:
        """Return the position of the sun over a target."""
        return sun_position(self.utc, target.lon_deg, target.lat_deg)

    def camera_models(self, target: ImageTarget) -> tuple[CameraModels, CameraModels]:
        """Return the multispectral and the panchromatic camera, looking at a target."""
        height, width = target.mss_shape
        start = PushbroomCamera(
            orbit=Orbit(lon_deg=target.lon_deg, lat_deg=target.lat_deg),
            attitude=self.attitude,
            shape=(4 * height, 4 * width),
            gsd_m=PAN_GSD_M,
        )
        pan = aim_at(start, (target.lon_deg, target.lat_deg), target.height_m)
        stated_pan = mispoint(pan, self.bias_m, target.height_m)
        stated_mss, mss = (
            replace(one, shape=target.mss_shape, gsd_m=MSS_GSD_M, ahead_rad=_MSS_AHEAD_RAD)
            for one in (stated_pan, pan)
        )
        shifted = replace(mss, shift_px=self.shift_px, drift_px=self.drift_px)
        return CameraModels(shifted, stated_mss), CameraModels(pan, stated_pan)


def target_over(
    ground: GroundModel, overpass: Overpass, window: Window | None = None, margin_px: int = 16
) -> ImageTarget:
    """Return the target whose images, by both cameras, show a window of the ground at all heights.

    The window is on the ground's grid, None is all of it; the margin is in multispectral pixels.
    """
    window = window or ground.grid.window
    low, high = ground.height_range_m
    middle = np.array([[window.col_off + window.width / 2, window.row_off + window.height / 2]])
    lon, lat = ground.lonlat(middle)[0].tolist()
    shape = (_TRIAL_PX, _TRIAL_PX)
    trial = ImageTarget(lon_deg=lon, lat_deg=lat, height_m=(low + high) / 2, mss_shape=shape)
    models, _ = overpass.camera_models(trial)
    cols, rows = (window.col_off, window.col_end), (window.row_off, window.row_end)
    corners = np.array([(col, row) for col in cols for row in rows], dtype=np.float64)
    lonlat = ground.lonlat(corners)
    offsets = [
        camera.project(lonlat, height) - camera.centre
        for camera in (models.actual, models.stated)
        for height in (low, high)
    ]
    half_width, half_height = np.ceil(np.abs(np.concatenate(offsets)).max(axis=0)) + margin_px
    return replace(trial, mss_shape=(2 * int(half_height), 2 * int(half_width)))
