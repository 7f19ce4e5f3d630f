"""Cloud detection: thick clouds by thresholds, clouds and shadows by OmniCloudMask.

The thresholds classify single pixels by brightness and whiteness, with a filter by size; they know
nothing of texture or temperature. Snow, salt, bright roofs and fresh bare debris, landslides among
them, may be taken for cloud where they are as bright, white and large; thin cloud and cloud shadow
are missed. So they serve to leave out most of what is useless, not to make a scene clean.

OmniCloudMask is better, where it is installed and its weights are available: Wright et al. (2025),
doi 10.1016/j.rse.2025.114694. It was trained on Sentinel-2 and takes red, green and near infrared
at about 10 m, so finer scenes are averaged and its classes enlarged again. Nothing is downloaded:
the weights are read from a folder.
"""

import csv
import importlib
import importlib.util
import math
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, MissingDependencyError

CLOUD_BANDS = ("blue", "green", "red", "nir")
OMNICLOUD_BANDS = ("red", "green", "nir")
_INSTALL = "pip install omnicloudmask"
_INDEX = "model_download_links.csv"
_SMALLEST_WEIGHTS_BYTES = 1024 * 1024
_SMALLEST_SIDE_PX = 32
_PATCH_PX, _OVERLAP_PX = 1000, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudThresholds:
    """Thresholds of cloud; reflectances at the top of the atmosphere.

    Attributes:
        min_blue: lowest reflectance of cloud in blue.
        min_haze_index: lowest ``blue - 0.5 red``, a form of the haze-optimised transform
            (Zhang et al. 2002, doi 10.1016/S0034-4257(02)00034-2; this form and its 0.08 from Zhu
            and Woodcock 2012, doi 10.1016/j.rse.2011.10.028, equation 3): bare ground, which
            brightens towards red, stays under it.
        max_spread: highest ``(max - min) / mean`` of blue, green and red: a cloud is white.
        max_ndvi: a cloud is not green.
        min_area_m2: smaller connected regions are roofs and rocks, and dropped.
        buffer_m: by which the remaining regions are dilated.
    """

    min_blue: float = 0.25
    min_haze_index: float = 0.08
    max_spread: float = 0.35
    max_ndvi: float = 0.2
    min_area_m2: float = 40_000.0
    buffer_m: float = 50.0

    def __post_init__(self) -> None:
        thresholds = (self.min_blue, self.min_haze_index, self.max_spread, self.max_ndvi)
        if not all(map(math.isfinite, thresholds)):
            raise InputError(f"cloud thresholds must be finite; got {thresholds}")
        if not (0 <= self.min_area_m2 < math.inf and 0 <= self.buffer_m < math.inf):
            raise InputError(
                f"the minimum area of clouds and their buffer must be 0 or more; "
                f"got {self.min_area_m2} m2 and {self.buffer_m} m"
            )


def bright_cloud_pixels(
    reflectance: NDArray[np.float32], valid: NDArray[np.bool_], thresholds: CloudThresholds
) -> NDArray[np.bool_]:
    """Return which valid pixels (height, width) are as bright and white as cloud."""
    if reflectance.ndim != 3 or len(reflectance) != len(CLOUD_BANDS):
        raise InputError(
            f"clouds are detected in {','.join(CLOUD_BANDS)}; got an array of {reflectance.shape}"
        )
    blue, _, red, nir = reflectance
    visible = reflectance[:3]
    cloudy = valid & (blue >= thresholds.min_blue)
    cloudy &= blue - 0.5 * red >= thresholds.min_haze_index
    spread = visible.max(axis=0) - visible.min(axis=0)
    cloudy &= spread <= thresholds.max_spread * visible.mean(axis=0)
    cloudy &= nir - red <= thresholds.max_ndvi * (nir + red)
    return np.asarray(cloudy, dtype=np.bool_)


def detect_bright_clouds(
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
    thresholds: CloudThresholds,
    *,
    resolution_m: float,
) -> NDArray[np.bool_]:
    """Return where a scene, or an overview of it, is under thick cloud: (height, width).

    Connected regions are filtered by size within the array, so it should be the whole scene at a
    coarse resolution (10 to 20 m is enough) and not one window of many. Invalid pixels are not
    cloud, also inside the buffer.

    Args:
        reflectance: (4, height, width) at the top of the atmosphere, in the order `CLOUD_BANDS`.
        valid: (height, width).
        thresholds: of cloud, minimum area and buffer.
        resolution_m: a pixel's side.
    """
    if not 0 < resolution_m < math.inf:
        raise InputError(f"the side of a pixel must be above 0 m; got {resolution_m}")
    cloudy = bright_cloud_pixels(reflectance, valid, thresholds).astype(np.uint8)
    _, regions, statistics, _ = cv2.connectedComponentsWithStats(cloudy, connectivity=8)
    is_large = statistics[:, cv2.CC_STAT_AREA] >= thresholds.min_area_m2 / resolution_m**2
    is_large[0] = False
    clouds: NDArray[np.bool_] = is_large[regions]
    radius_px = thresholds.buffer_m / resolution_m
    if radius_px >= 1 and clouds.any():
        clear = (~clouds).astype(np.uint8)
        distance = cv2.distanceTransform(clear, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        clouds = np.asarray(distance <= radius_px)
    return clouds & valid


class CloudClass(IntEnum):
    """Classes of OmniCloudMask."""

    CLEAR = 0
    THICK_CLOUD = 1
    THIN_CLOUD = 2
    SHADOW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OmniCloudSettings:
    """Folder of OmniCloudMask's weights, classes masked as cloud, and device of torch.

    Scenes are averaged to ``resolution_m``.
    """

    weights: Path
    classes: tuple[CloudClass, ...] = (
        CloudClass.THICK_CLOUD,
        CloudClass.THIN_CLOUD,
        CloudClass.SHADOW,
    )
    resolution_m: float = 10.0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not 5 <= self.resolution_m <= 50:
            raise InputError(f"OmniCloudMask works at 5 to 50 m; got {self.resolution_m}")
        if not self.classes or CloudClass.CLEAR in self.classes:
            raise InputError("at least one class must be masked as cloud, and not the clear one")


def detect_clouds_omnicloud(
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
    settings: OmniCloudSettings,
    *,
    resolution_m: float,
) -> NDArray[np.bool_]:
    """Return where a scene is under cloud or its shadow: (height, width).

    Reflectance (3, height, width) is at the top of the atmosphere, in the order `OMNICLOUD_BANDS`;
    invalid pixels are not cloud.

    Raises:
        InputError: the weights are not in the folder, or the scene is too small.
        MissingDependencyError: OmniCloudMask is not installed.
    """
    version = latest_weights_version(settings.weights)
    coarse = downsample(reflectance, valid, settings.resolution_m / resolution_m)
    if min(coarse.shape[1:]) < _SMALLEST_SIDE_PX:
        raise InputError(
            f"OmniCloudMask needs {_SMALLEST_SIDE_PX} px of {settings.resolution_m:g} m on each "
            f"side; got {coarse.shape[2]} x {coarse.shape[1]}"
        )
    patch_px = min(_PATCH_PX, *coarse.shape[1:])
    try:
        predict: Any = importlib.import_module("omnicloudmask").predict_from_array
        classes: NDArray[np.uint8] = predict(
            coarse,
            patch_size=patch_px,
            patch_overlap=min(_OVERLAP_PX, patch_px // 2),
            no_data_value=0,
            inference_device=settings.device,
            destination_model_dir=settings.weights,
            model_version=version,
        )
    except ImportError as error:
        raise MissingDependencyError(
            f"OmniCloudMask does not start ({error}): {_INSTALL}"
        ) from error
    height, width = valid.shape
    fine = cv2.resize(classes[0], (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    cloudy: NDArray[np.bool_] = np.isin(fine, settings.classes) & valid
    return cloudy


def latest_weights_version(folder: Path) -> float:
    """Return the latest model version of which all files are in a folder."""
    package = importlib.util.find_spec("omnicloudmask")
    folders = package.submodule_search_locations if package is not None else None
    if not folders:
        raise MissingDependencyError(
            f"clouds by OmniCloudMask need the package omnicloudmask: {_INSTALL}"
        )
    files: dict[float, list[str]] = {}
    with (Path(next(iter(folders))) / _INDEX).open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            files.setdefault(float(row["version"]), []).append(row["file_name"])
    for version in sorted(files, reverse=True):
        paths = [folder / name for name in files[version]]
        if all(p.is_file() and p.stat().st_size > _SMALLEST_WEIGHTS_BYTES for p in paths):
            return version
    raise InputError(
        f"OmniCloudMask's weights are read from a folder and nothing is downloaded; {folder} has "
        f"not all of {', '.join(files[max(files)])}: put them there"
    )


def downsample(
    reflectance: NDArray[np.float32], valid: NDArray[np.bool_], factor: float
) -> NDArray[np.float32]:
    """Average valid pixels of bands over areas ``factor`` pixels wide; 0 where there are none.

    A factor of 1 or less leaves the size as it is; sizes are rounded, at least 1 x 1.
    """
    height, width = (max(round(side / max(factor, 1.0)), 1) for side in valid.shape)
    size = (width, height)
    weight = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    result = np.zeros((len(reflectance), height, width), dtype=np.float32)
    for band, values in zip(result, reflectance, strict=True):
        filled = np.where(valid, values, np.float32(0))
        total = cv2.resize(filled, size, interpolation=cv2.INTER_AREA)
        np.divide(total, weight, out=band, where=weight > 0)
    return result
