"""Spectral bands by name, and the radiometry of their stored numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Units
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

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return ",".join(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiometry:
    """How stored numbers become values: ``value = stored * scale + offset``, in ``units``."""

    units: Units
    dtype: str
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale != 0 and np.isfinite(self.offset)):
            raise InputError(
                f"scale and offset are finite and scale is not 0; "
                f"got scale {self.scale}, offset {self.offset}"
            )

    @property
    def is_8bit(self) -> bool:
        """Whether the stored numbers have 8 bits, as in pictures for display."""
        return np.dtype(self.dtype).itemsize == 1

    def values(self, stored: NDArray[np.generic]) -> NDArray[np.float32]:
        """Turn stored numbers of any shape into float32 values."""
        values = stored.astype(np.float32)
        if self.scale != 1.0:
            values *= np.float32(self.scale)
        if self.offset != 0.0:
            values += np.float32(self.offset)
        return values


def canonical_name(text: str) -> str:
    """Return a band's name as it is used here: lower case, common short forms in full."""
    name = re.sub(r"[\s-]+", "_", text.strip().lower())
    return _ALIASES.get(name, name)
