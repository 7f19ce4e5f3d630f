"""How much training tiles are varied; the rest of the program says when and how.

The versions of a tile in an augmented set that is made before training.

Li, Li & Ge (2023), doi 10.11834/jrs.20211020, make 25,776 tiles of 179: 144 of each, by rotation,
flips, stretch of up to 10 %, colour jitter and Gaussian noise. How they are drawn is not stated.
Here version v of a tile is made of the flip or quarter turn v % 8, and of the change k = v // 8:

- flip: v % 4 quarter turns, counter-clockwise, of the tile, mirrored left to right first where
  v % 8 is 4 or more;
- k = 0: nothing else; version 0 is the tile itself;
- k > 0: rotation by any angle and stretch of each axis about the centre, then contrast and
  brightness of all bands together and of each apart, then noise, all drawn from the seed, the
  tile's id and v, and uniform within the ranges of `AugmentationSettings`.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from landslip.core.records import StrictModel
from landslip.datasets.format import IGNORE, Tile
from landslip.datasets.normalisation import Normalisation

PAPER_VARIANTS = 144  # of each tile: 25,776 of 179


class AugmentationSettings(StrictModel):
    """Shares and ranges of a uniform draw; colour is in standard deviations of a band.

    ``flips`` and ``warp_share`` are of tiles varied each time they are seen; the versions of an
    offline set are flipped and warped by a rule, see `landslip.datasets.augmentation`.
    """

    flips: bool = Field(True, description="the eight flips and quarter turns, equally often")
    warp_share: float = Field(0.5, ge=0, le=1, description="tiles that are turned and stretched")
    rotation_deg: float = Field(180.0, ge=0, le=180, description="largest turn either way")
    stretch: float = Field(0.1, ge=0, lt=1, description="largest change of each axis")
    gain: float = Field(0.2, ge=0, lt=1, description="largest change of contrast")
    shift: float = Field(0.2, ge=0, description="largest change of brightness")
    band_gain: float = Field(0.05, ge=0, lt=1, description="the same, for each band apart")
    band_shift: float = Field(0.05, ge=0, description="the same, for each band apart")
    noise: float = Field(0.05, ge=0, description="largest standard deviation of Gaussian noise")


_FLIPS = 8
_LEAST_WEIGHT = 0.2  # where the nearest pixel is valid, valid pixels weigh 1/4 or more
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRule:
    """What versions are made by; the deviations of ``normalisation`` are the unit of colour."""

    normalisation: Normalisation
    amounts: AugmentationSettings
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TileVariant:
    """A version of a tile.

    Attributes:
        image: (bands, height, width) float32, normalised, 0 where not valid.
        label: (height, width) uint8, 255 where the version shows ground outside of the tile.
        valid: (height, width) bool, False there.
    """

    image: NDArray[np.float32]
    label: NDArray[np.uint8]
    valid: NDArray[np.bool_]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Where loss and metrics look: valid and labelled."""
        counted: NDArray[np.bool_] = self.valid & (self.label != IGNORE)
        return counted


def tile_variant(tile: Tile, version: int, rule: VariantRule) -> TileVariant:
    """Return a version of a tile, normalised; the same arguments always give the same.

    Image values are interpolated bilinearly between valid pixels alone; label and valid follow by
    nearest neighbour. A quarter turn of a tile that is not square swaps its sides.
    """
    image = rule.normalisation.apply(tile.stored, tile.valid)
    image, label = _flipped(image, version), _flipped(tile.label, version)
    valid = _flipped(tile.valid, version)
    if version >= _FLIPS:
        generator = np.random.default_rng((rule.seed, version, _number_of(tile.tile_id)))
        image, label, valid = _warped(image, label, valid, _drawn_map(rule.amounts, generator))
        image = _jittered(image, rule.amounts, generator)
        image[:, ~valid] = 0.0
    return TileVariant(
        image=np.ascontiguousarray(image),
        label=np.ascontiguousarray(label),
        valid=np.ascontiguousarray(valid),
    )


def stored_variant(tile: Tile, version: int, rule: VariantRule, nodata: float | None) -> Tile:
    """Return `tile_variant` in stored numbers, rounded and clipped to what their type holds.

    Pixels that are not valid hold ``nodata``, or 0 where it is None or beyond the type; a valid
    pixel that comes to hold ``nodata`` takes the next number. Versions 0 to 7 keep every number.
    """
    name = f"{tile.tile_id}#v{version:03d}"
    if version < _FLIPS:
        return Tile(
            tile_id=name,
            stored=_flipped(tile.stored, version),
            label=_flipped(tile.label, version),
            valid=_flipped(tile.valid, version),
        )
    made = tile_variant(tile, version, rule)
    stored = _stored_numbers(made.image, rule.normalisation, tile.stored.dtype)
    held = nodata if nodata is not None and _holds(stored.dtype, nodata) else None
    if held is not None:
        stored[stored == stored.dtype.type(held)] = _beside(held, stored.dtype)
    stored[:, ~made.valid] = 0 if held is None else held
    return Tile(tile_id=name, stored=stored, label=made.label, valid=made.valid)


def _flipped(pixels: NDArray[_Number], version: int) -> NDArray[_Number]:
    mirrored = pixels[..., ::-1] if version % _FLIPS >= 4 else pixels
    return np.rot90(mirrored, version % 4, axes=(-2, -1))


def _number_of(tile_id: str) -> int:
    return int.from_bytes(hashlib.sha256(tile_id.encode()).digest()[:8], "little")


def _drawn_map(
    amounts: AugmentationSettings, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a (2, 2) map from (x, y) of the version to (x, y) of the tile, about the centre."""
    angle = math.radians(_uniform(amounts.rotation_deg, generator))
    stretch = 1.0 + np.array([_uniform(amounts.stretch, generator) for _ in range(2)])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return turn / stretch[:, None]


def _warped(
    image: NDArray[np.float32],
    label: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    linear: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_]]:
    height, width = label.shape
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height)[:, None] - (height - 1) / 2
    columns = (linear[0, 0] * x + linear[0, 1] * y + (width - 1) / 2).astype(np.float32)
    rows = (linear[1, 0] * x + linear[1, 1] * y + (height - 1) / 2).astype(np.float32)

    def sample(pixels: NDArray[Any], method: int, outside: int) -> NDArray[Any]:
        contiguous = np.ascontiguousarray(pixels)
        frame: dict[str, Any] = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": outside}
        return np.asarray(cv2.remap(contiguous, columns, rows, method, **frame))

    weight = sample(valid.astype(np.float32), cv2.INTER_LINEAR, 0)
    bands = np.stack([sample(band, cv2.INTER_LINEAR, 0) for band in image])
    bands /= np.maximum(weight, np.float32(_LEAST_WEIGHT))
    near = sample(valid.astype(np.uint8), cv2.INTER_NEAREST, 0).astype(np.bool_)
    return bands, sample(label, cv2.INTER_NEAREST, IGNORE), near


def _jittered(
    image: NDArray[np.float32], amounts: AugmentationSettings, generator: np.random.Generator
) -> NDArray[np.float32]:
    count = len(image)
    gain = 1.0 + _uniform(amounts.gain, generator)
    gains = gain * (1.0 + np.array([_uniform(amounts.band_gain, generator) for _ in range(count)]))
    shift = _uniform(amounts.shift, generator)
    shifts = shift + np.array([_uniform(amounts.band_shift, generator) for _ in range(count)])
    level = generator.random() * amounts.noise
    noise = generator.standard_normal(image.shape, dtype=np.float32) * np.float32(level)
    varied = image * gains.astype(np.float32)[:, None, None]
    varied += shifts.astype(np.float32)[:, None, None]
    return varied + noise


def _uniform(largest: float, generator: np.random.Generator) -> float:
    return float(generator.uniform(-largest, largest))


def _stored_numbers(
    image: NDArray[np.float32], normalisation: Normalisation, dtype: np.dtype[Any]
) -> NDArray[Any]:
    mean, std = (np.array(part)[:, None, None] for part in (normalisation.mean, normalisation.std))
    known = normalisation.radiometry
    numbers: NDArray[np.float64] = (image * std + mean - known.offset) / known.scale
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        numbers = np.clip(np.rint(numbers), limits.min, limits.max)
    return numbers.astype(dtype, copy=False)


def _holds(dtype: np.dtype[Any], number: float) -> bool:
    if not np.issubdtype(dtype, np.integer):
        return True
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= number <= limits.max


def _beside(nodata: float, dtype: np.dtype[Any]) -> float:
    """Return the number next to nodata, above it where the type has one."""
    if np.issubdtype(dtype, np.integer):
        return nodata + 1 if nodata < np.iinfo(dtype).max else nodata - 1
    return float(np.nextafter(dtype.type(nodata), dtype.type(np.inf)))
