"""How large an image must be to show a stretch of ground."""

from dataclasses import replace

import numpy as np

from landslip.core.window import Window
from landslip.synthetic.ground import Ground
from landslip.synthetic.overpass import Overpass, Target

_TRIAL_PX = 64


def target_over(
    ground: Ground, overpass: Overpass, window: Window | None = None, margin_px: int = 16
) -> Target:
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
    trial = Target(lon_deg=lon, lat_deg=lat, height_m=(low + high) / 2, mss_shape=shape)
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
