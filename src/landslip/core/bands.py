"""Bands by name, of a scene and of its other sources, and what their stored numbers mean."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import TerrainUnits, Units
from landslip.core.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ALIASES = {
    "r": "red",
    "g": "green",
    "b": "blue",
    "n": "nir",
    "near_infrared": "nir",
    "nearinfrared": "nir",
    "panchromatic": "pan",
    "red_edge": "rededge",
}
BEFORE = "before_"
"""What the names of bands of another, earlier date begin with."""
TERRAIN_UNITS = {
    "slope": TerrainUnits.DEGREE,
    "northness": TerrainUnits.ONE,
    "eastness": TerrainUnits.ONE,
    "curvature": TerrainUnits.PER_METRE,
    "elevation": TerrainUnits.METRE,
}
"""Bands derived from an elevation model; defined in `landslip.preprocessing.stack.terrain`."""


def is_auxiliary(name: str) -> bool:
    """Whether a band is not of the scene itself, but of its terrain or of another date."""
    return name in TERRAIN_UNITS or name.startswith(BEFORE)


def after_name(name: str) -> str:
    """Return the name of the same band on the scene's own date: ``red`` of ``before_red``."""
    return name.removeprefix(BEFORE)


def normalised_difference(
    one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return (one - other) / (one + other) of any shape; NaN where their sum is not above 0."""
    total = one.astype(np.float64) + other
    difference = np.full(total.shape, np.nan)
    np.divide(one.astype(np.float64) - other, total, out=difference, where=total > 0)
    return difference


@dataclass(frozen=True, slots=True)
class Bands:
    """An ordered set of band names, such as ``Bands(("blue", "green", "red", "nir"))``."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise InputError("name at least one band; got none")
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"a band name is a lower-case word such as red or nir; got {name!r}"
                )
        if len(set(self.names)) != len(self.names):
            raise InputError(f"each band is named once; got {','.join(self.names)}")

    @classmethod
    def parse(cls, text: str) -> "Bands":
        """Parse names separated by commas; case, blanks and common short forms are normalised."""
        return cls(tuple(canonical_name(part) for part in text.split(",")))

    @classmethod
    def from_descriptions(cls, descriptions: Sequence[str | None]) -> "Bands | None":
        """Parse a file's band descriptions; None unless every one is a distinct name."""
        if any(description is None for description in descriptions):
            return None
        try:
            return cls(tuple(canonical_name(text) for text in descriptions if text is not None))
        except InputError:
            return None

    def positions_of(self, wanted: "Bands") -> tuple[int, ...]:
        """Return the position of each wanted band, counted from 0.

        Raises:
            InputError: a wanted band is missing.
        """
        missing = [name for name in wanted if name not in self.names]
        if missing:
            raise InputError(f"bands {wanted} are needed and {','.join(missing)} is not in {self}")
        return tuple(self.names.index(name) for name in wanted)

    @property
    def own(self) -> tuple[int, ...]:
        """The positions of the scene's own bands; all, where there are only auxiliary ones."""
        own = tuple(at for at, name in enumerate(self.names) if not is_auxiliary(name))
        return own or tuple(range(len(self.names)))

    def at(self, positions: Sequence[int]) -> "Bands":
        """Return the bands at these positions."""
        return Bands(tuple(self.names[at] for at in positions))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return ",".join(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRadiometry:
    """How stored numbers of one band become values: ``value = stored * scale + offset``.

    ``nodata`` marks a value that this band alone misses, at a pixel that is valid. A number that is
    not finite does so too.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - pydantic's name, in cards

    units: Units | TerrainUnits
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale != 0 and np.isfinite(self.offset)):
            raise InputError(
                f"scale and offset are finite and scale is not 0; "
                f"got scale {self.scale}, offset {self.offset}"
            )

    def stored(self, values: NDArray[np.floating], dtype: str) -> NDArray[Any]:
        """Turn values of any shape into stored numbers, rounded and clipped to an integer's range.

        What is not finite becomes the nodata value, or without one NaN in floats and 0 in integers;
        a value that would be stored as nodata gets the number beside it.
        """
        kind, known = np.dtype(dtype), np.isfinite(values)
        numbers = (np.where(known, values, 0.0) - self.offset) / self.scale
        if kind.kind == "f":
            fill = np.nan if self.nodata is None else self.nodata
            return np.where(known, numbers, fill).astype(kind)
        limits = np.iinfo(kind)
        numbers = np.clip(np.rint(numbers), limits.min, limits.max)
        if self.nodata is not None:
            beside = 1 if self.nodata < limits.max else -1
            numbers[numbers == self.nodata] += beside
        numbers[~known] = 0 if self.nodata is None else self.nodata
        return numbers.astype(kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiometry:
    """How stored numbers become values: ``value = stored * scale + offset``, in ``units``.

    Where bands differ, as those of several sources do, ``bands`` has the radiometry of each, and
    the others are those of the scene's first own band; () where all are alike.
    """

    units: Units
    dtype: str
    scale: float = 1.0
    offset: float = 0.0
    bands: tuple[BandRadiometry, ...] = ()

    def __post_init__(self) -> None:
        BandRadiometry(units=self.units, scale=self.scale, offset=self.offset)

    @classmethod
    def of_bands(cls, dtype: str, bands: Sequence[BandRadiometry]) -> Self:
        """Return the radiometry of bands, each with its own."""
        own = next((band for band in bands if isinstance(band.units, Units)), None)
        if own is None:
            return cls(units=Units.DN, dtype=dtype, bands=tuple(bands))
        alike = own.nodata is None and all(band == own for band in bands)
        return cls(
            units=Units(own.units),
            dtype=dtype,
            scale=own.scale,
            offset=own.offset,
            bands=() if alike else tuple(bands),
        )

    def select(self, positions: Sequence[int]) -> "Radiometry":
        """Return the radiometry of the bands at these positions, in this order."""
        if not self.bands:
            return self
        return Radiometry.of_bands(self.dtype, [self.bands[at] for at in positions])

    def each(self, count: int) -> tuple[BandRadiometry, ...]:
        """Return the radiometry of each of so many bands.

        Raises:
            ValueError: it is stated for another number of bands.
        """
        if not self.bands:
            alike = BandRadiometry(units=self.units, scale=self.scale, offset=self.offset)
            return (alike,) * count
        if len(self.bands) != count:
            raise ValueError(f"the radiometry of {len(self.bands)} bands; got {count} bands")
        return self.bands

    @property
    def is_8bit(self) -> bool:
        """Whether the stored numbers have 8 bits, as in pictures for display."""
        return np.dtype(self.dtype).itemsize == 1

    def values(self, stored: NDArray[np.generic]) -> NDArray[np.float32]:
        """Turn stored numbers (bands, ...) into float32 values; NaN where one band misses one.

        Where all bands are alike, numbers may have any shape, and none is missing.
        """
        values = stored.astype(np.float32)
        if not self.bands:
            return _scaled(values, self.scale, self.offset)
        for band, value, number in zip(self.each(len(stored)), values, stored, strict=True):
            _scaled(value, band.scale, band.offset)
            if band.nodata is not None:
                value[number == stored.dtype.type(band.nodata)] = np.nan
        return values


def _scaled(values: NDArray[np.float32], scale: float, offset: float) -> NDArray[np.float32]:
    """Scale values in place."""
    if scale != 1.0:
        values *= np.float32(scale)
    if offset != 0.0:
        values += np.float32(offset)
    return values


def canonical_name(text: str) -> str:
    """Return a band's name as it is used here: lower case, common short forms in full."""
    name = re.sub(r"[\s-]+", "_", text.strip().lower())
    return _ALIASES.get(name, name)
