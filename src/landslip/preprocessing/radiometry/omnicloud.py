"""Clouds and their shadows by OmniCloudMask, where it is installed and its weights are at hand.

Wright et al. (2025), doi 10.1016/j.rse.2025.114694. It was trained on Sentinel-2 and takes red,
green and near infrared at about 10 m, so finer scenes are averaged down and its classes spread out
again. Nothing is downloaded: the weights are read from a folder.
"""

import csv
import importlib
import importlib.util
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, MissingDependencyError

OMNICLOUD_BANDS = ("red", "green", "nir")
_INSTALL = "pip install omnicloudmask"
_INDEX = "model_download_links.csv"
_SMALLEST_WEIGHTS_BYTES = 1024 * 1024
_SMALLEST_SIDE_PX = 32
_PATCH_PX, _OVERLAP_PX = 1000, 300


class CloudClass(IntEnum):
    """What OmniCloudMask tells apart."""

    CLEAR = 0
    THICK_CLOUD = 1
    THIN_CLOUD = 2
    SHADOW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OmniCloud:
    """How OmniCloudMask is used.

    Attributes:
        weights: folder with the files of one of its model versions.
        classes: which classes are left out as cloud.
        resolution_m: what scenes are averaged down to.
        device: what torch computes on.
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
            raise InputError("what is left out as cloud is at least one class, and not the clear")


def find_clouds(
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
    settings: OmniCloud,
    *,
    resolution_m: float,
) -> NDArray[np.bool_]:
    """Return where a scene is under cloud or its shadow: (height, width).

    Args:
        reflectance: (3, height, width) at the top of the atmosphere, in the order
            `OMNICLOUD_BANDS`.
        valid: (height, width); other pixels are not cloud.
        settings: weights, classes and resolution.
        resolution_m: a pixel's side.

    Raises:
        InputError: the weights are not in the folder, or the scene is too small.
        MissingDependencyError: OmniCloudMask is not installed.
    """
    version = weights_version(settings.weights)
    coarse = coarsened(reflectance, valid, settings.resolution_m / resolution_m)
    if min(coarse.shape[1:]) < _SMALLEST_SIDE_PX:
        raise InputError(
            f"OmniCloudMask needs {_SMALLEST_SIDE_PX} px of {settings.resolution_m:g} m on each "
            f"side; got {coarse.shape[2]} x {coarse.shape[1]}"
        )
    classes = _predict(coarse, settings, version)
    height, width = valid.shape
    spread = cv2.resize(classes[0], (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    cloudy: NDArray[np.bool_] = np.isin(spread, settings.classes) & valid
    return cloudy


def _predict(coarse: NDArray[np.float32], settings: OmniCloud, version: float) -> NDArray[np.uint8]:
    """Return the class of each coarse pixel as (1, height, width)."""
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
    return classes


def weights_version(folder: Path) -> float:
    """Return the latest model version of which all files are in a folder.

    Raises:
        InputError: there is none.
        MissingDependencyError: OmniCloudMask is not installed.
    """
    files = _weight_files()
    for version in sorted(files, reverse=True):
        if all(_is_whole(folder / name) for name in files[version]):
            return version
    raise InputError(
        f"OmniCloudMask's weights are read from a folder and nothing is downloaded; {folder} has "
        f"not all of {', '.join(files[max(files)])}: put them there"
    )


def coarsened(
    reflectance: NDArray[np.float32], valid: NDArray[np.bool_], factor: float
) -> NDArray[np.float32]:
    """Average valid pixels over areas ``factor`` pixels wide; 0 where there are none.

    Args:
        reflectance: (bands, height, width).
        valid: (height, width).
        factor: 1 or less leaves the size as it is.

    Returns:
        (bands, height / factor, width / factor), rounded, at least 1 x 1.
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


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > _SMALLEST_WEIGHTS_BYTES


def _weight_files() -> dict[float, list[str]]:
    """Return the names of the weights by model version, as the installed package lists them."""
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
    return files
