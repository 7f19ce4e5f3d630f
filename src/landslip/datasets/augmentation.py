"""Augmentation of training tiles: its settings, and the variants of a tile made offline.

Li, Li & Ge (2023), doi 10.11834/jrs.20211020, make 25,776 tiles of 179: 144 of each, by rotation,
flips, stretch of up to 10 %, colour jitter and Gaussian noise. How they are drawn is not stated.
Here variant v of a tile consists of the flip or quarter turn v % 8, and of the change k = v // 8:

- flip: v % 4 counter-clockwise quarter turns of the tile, which is mirrored left to right first
  where v % 8 is 4 or more;
- k = 0: nothing else; variant 0 is the tile itself;
- k > 0: rotation by any angle and stretch of each axis about the centre, then contrast and
  brightness of all bands of a date together and of each by itself, then noise, all drawn from the
  seed, the tile's id and v, uniformly within the ranges of `AugmentationSettings`. Bands of terrain
  keep their values, and the directions northness and eastness turn with the tile.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from landslip.core.records import StrictModel
from landslip.datasets.band_groups import (
    BandGroups,
    Matrix,
    flip_matrix,
    turned,
    turned_stored,
)
from landslip.datasets.format import IGNORE, Tile
from landslip.datasets.normalisation import Normalisation

PAPER_VARIANTS = 144  # of each tile: 25,776 of 179
_FLIPS = 8
_MIN_WEIGHT = 0.2  # where the nearest pixel is valid, valid pixels weigh 1/4 or more
_Number = TypeVar("_Number", bound=np.generic)


class AugmentationSettings(StrictModel):
    """Probabilities and ranges of uniform draws; colour is in standard deviations of a band.

    ``flips`` and ``warp_share`` apply to tiles augmented on the fly; offline variants are flipped
    and warped by a rule, see `landslip.datasets.augmentation`. Tiles that are not warped keep
    their place and scale: where landslides are centred, a network then learns that as well, and to
    do without it where a tile is shifted.
    """

    flips: bool = Field(True, description="the eight flips and quarter turns, equally often")
    warp_share: float = Field(
        0.5, ge=0, le=1, description="fraction rotated, stretched, scaled and shifted"
    )
    rotation_deg: float = Field(180.0, ge=0, le=180, description="largest rotation either way")
    stretch: float = Field(0.1, ge=0, lt=1, description="largest change of each axis")
    scale: tuple[float, float] = Field(
        (1.0, 1.0), description="smallest and largest magnification; its logarithm is uniform"
    )
    translation: float = Field(
        0.0, ge=0, le=1, description="largest shift along each axis, in sides of the crop"
    )
    gain: float = Field(0.2, ge=0, lt=1, description="largest change of contrast")
    shift: float = Field(0.2, ge=0, description="largest change of brightness")
    band_gain: float = Field(0.05, ge=0, lt=1, description="the same, of each band by itself")
    band_shift: float = Field(0.05, ge=0, description="the same, of each band by itself")
    noise: float = Field(0.05, ge=0, description="largest standard deviation of Gaussian noise")

    date_shift_px: float = Field(
        2.0, ge=0, description="largest shift of an earlier date's image along each axis"
    )

    @field_validator("scale")
    @classmethod
    def _ordered(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0.1 <= scale[0] <= scale[1] <= 10:
            raise ValueError("two numbers from 0.1 to 10 are needed, the smaller one first")
        return scale


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRule:
    """How variants are made; ``normalisation`` gives the unit of colour changes.

    ``groups`` of bands besides the scene's own change otherwise; None: there are none.
    """

    normalisation: Normalisation
    amounts: AugmentationSettings
    seed: int
    groups: BandGroups | None = None

    @property
    def directions(self) -> tuple[int, int] | None:
        """Positions of the bands that turn with a tile."""
        return None if self.groups is None else self.groups.directions


@dataclass(frozen=True, slots=True, kw_only=True)
class TileVariant:
    """A variant of a tile: a normalised image (bands, height, width), 0 where not valid.

    Label and valid are (height, width); outside the original tile 255 and False.
    """

    image: NDArray[np.float32]
    label: NDArray[np.uint8]
    valid: NDArray[np.bool_]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Where loss and metrics apply: valid and labelled."""
        counted: NDArray[np.bool_] = self.valid & (self.label != IGNORE)
        return counted


def tile_variant(tile: Tile, version: int, rule: VariantRule) -> TileVariant:
    """Return a variant of a tile, normalised; the same arguments always give the same.

    Images are resampled bilinearly from valid pixels only; label and valid by nearest neighbour.
    A quarter turn of a tile that is not square swaps its sides.
    """
    image = rule.normalisation.apply(tile.stored, tile.valid)
    image = turned(_flipped(image, version), rule.directions, flip_matrix(version))
    label = _flipped(tile.label, version)
    valid = _flipped(tile.valid, version)
    if version >= _FLIPS:
        number = int.from_bytes(hashlib.sha256(tile.tile_id.encode()).digest()[:8], "little")
        generator = np.random.default_rng((rule.seed, version, number))
        image, label, valid, rotation = _warped(image, label, valid, rule.amounts, generator)
        image = turned(image, rule.directions, rotation)
        image = _jittered(image, rule.amounts, generator, rule.groups)
        image[:, ~valid] = 0.0
    return TileVariant(
        image=np.ascontiguousarray(image),
        label=np.ascontiguousarray(label),
        valid=np.ascontiguousarray(valid),
    )


def stored_variant(tile: Tile, version: int, rule: VariantRule, nodata: float | None) -> Tile:
    """Return `tile_variant` in stored numbers, rounded and clipped to the range of their type.

    Invalid pixels are ``nodata``, or 0 where it is None or outside the type; a valid pixel that
    would equal ``nodata`` gets the next number. Variants 0 to 7 keep every number.
    """
    name = f"{tile.tile_id}#v{version:03d}"
    if version < _FLIPS:
        return Tile(
            tile_id=name,
            stored=turned_stored(
                _flipped(tile.stored, version),
                rule.normalisation.radiometry,
                rule.directions,
                flip_matrix(version),
            ),
            label=_flipped(tile.label, version),
            valid=_flipped(tile.valid, version),
        )
    variant, dtype, normalisation = (
        tile_variant(tile, version, rule),
        tile.stored.dtype,
        rule.normalisation,
    )
    mean, std = (np.array(part)[:, None, None] for part in (normalisation.mean, normalisation.std))
    each = normalisation.radiometry.each(len(mean))
    offset, scale = (
        np.array([getattr(band, name) for band in each])[:, None, None]
        for name in ("offset", "scale")
    )
    numbers: NDArray[Any] = (variant.image * std + mean - offset) / scale
    fill, beside = nodata, nodata  # the next number above nodata, or below where there is none
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        numbers = np.clip(np.rint(numbers), limits.min, limits.max)
        if fill is not None:
            is_number = float(fill).is_integer() and limits.min <= fill <= limits.max
            beside = fill + 1 if fill < limits.max else fill - 1
            fill = fill if is_number else None
    elif fill is not None:
        beside = float(np.nextafter(dtype.type(fill), dtype.type(np.inf)))
    stored = numbers.astype(dtype, copy=False)
    if fill is not None:
        stored[stored == dtype.type(fill)] = beside
    stored[:, ~variant.valid] = 0 if fill is None else fill
    return Tile(tile_id=name, stored=stored, label=variant.label, valid=variant.valid)


def _flipped(pixels: NDArray[_Number], version: int) -> NDArray[_Number]:
    mirrored = pixels[..., ::-1] if version % _FLIPS >= 4 else pixels
    return np.rot90(mirrored, version % 4, axes=(-2, -1))


def _warped(
    image: NDArray[np.float32],
    label: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    amounts: AugmentationSettings,
    generator: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_], Matrix]:
    """Rotate, stretch, scale and shift a tile about its centre by amounts drawn uniformly.

    The last is how directions turn.
    """
    angle = math.radians(_uniform(amounts.rotation_deg, generator))
    stretch = 1.0 + np.array([_uniform(amounts.stretch, generator) for _ in range(2)])
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shift_x = shift_y = 0.0
    if amounts.scale != (1.0, 1.0):
        low, high = amounts.scale
        stretch *= math.exp(generator.uniform(math.log(low), math.log(high)))
    if amounts.translation > 0:
        shift_x, shift_y = (
            _uniform(amounts.translation, generator) * side for side in reversed(label.shape)
        )
    linear = rotation / stretch[:, None]  # from (x, y) of the variant to (x, y) of the tile
    height, width = label.shape
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height)[:, None] - (height - 1) / 2
    columns = (linear[0, 0] * x + linear[0, 1] * y + (width - 1) / 2 + shift_x).astype(np.float32)
    rows = (linear[1, 0] * x + linear[1, 1] * y + (height - 1) / 2 + shift_y).astype(np.float32)

    def sample(pixels: NDArray[Any], method: int, outside: int) -> NDArray[Any]:
        contiguous = np.ascontiguousarray(pixels)
        frame: dict[str, Any] = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": outside}
        return np.asarray(cv2.remap(contiguous, columns, rows, method, **frame))

    weight = sample(valid.astype(np.float32), cv2.INTER_LINEAR, 0)
    bands = np.stack([sample(band, cv2.INTER_LINEAR, 0) for band in image])
    bands /= np.maximum(weight, np.float32(_MIN_WEIGHT))
    near = sample(valid.astype(np.uint8), cv2.INTER_NEAREST, 0).astype(np.bool_)
    return bands, sample(label, cv2.INTER_NEAREST, IGNORE), near, rotation.T


def _jittered(
    image: NDArray[np.float32],
    amounts: AugmentationSettings,
    generator: np.random.Generator,
    groups: BandGroups | None = None,
) -> NDArray[np.float32]:
    if groups is not None and groups.auxiliary:
        changed = image.copy()
        for dates in (groups.own, groups.before):  # each by itself; terrain keeps its values
            if dates:
                part = image[list(dates)]
                changed[list(dates)] = np.where(
                    part == 0, np.float32(0), _jittered(part, amounts, generator)
                )
        return changed
    count = len(image)
    gain = 1.0 + _uniform(amounts.gain, generator)
    gains = gain * (1.0 + np.array([_uniform(amounts.band_gain, generator) for _ in range(count)]))
    shift = _uniform(amounts.shift, generator)
    shifts = shift + np.array([_uniform(amounts.band_shift, generator) for _ in range(count)])
    level = generator.random() * amounts.noise
    noise = generator.standard_normal(image.shape, dtype=np.float32) * np.float32(level)
    augmented = image * gains.astype(np.float32)[:, None, None]
    augmented += shifts.astype(np.float32)[:, None, None]
    return augmented + noise


def _uniform(largest: float, generator: np.random.Generator) -> float:
    return float(generator.uniform(-largest, largest))
