"""A cell's probabilities of its test tiles, kept on disk so that scores can be taken anew.

Probabilities are stored in steps of 1 / 65536, rounded down: a threshold that is a multiple of it,
one half above all, divides the pixels exactly as before.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError

FILE = "predictions.npz"
_STEPS = 65536


def quantised(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return probabilities in whole steps, rounded down."""
    return np.clip(np.floor(probability * np.float64(_STEPS)), 0, _STEPS - 1).astype(np.uint16)


class PredictionsWriter:
    """Collects probabilities by tile and writes them as one file."""

    def __init__(self) -> None:
        """Start with no tile."""
        self._tiles: dict[str, NDArray[np.uint16]] = {}

    def add(self, tile_id: str, probability: NDArray[np.floating]) -> None:
        """Keep a tile's probability (height, width)."""
        self._tiles[tile_id] = quantised(probability)

    def write(self, folder: Path) -> None:
        """Write ``predictions.npz`` into a folder."""
        names = np.array(list(self._tiles))
        tiles = {f"tile_{at}": tile for at, tile in enumerate(self._tiles.values())}
        with (folder / FILE).open("wb") as file:
            np.savez_compressed(file, tile_ids=names, **tiles)  # type: ignore[arg-type]


class Predictions:
    """Probabilities read back, by tile."""

    def __init__(self, folder: Path) -> None:
        """Open ``predictions.npz`` of a folder.

        Raises:
            InputError: it is missing or damaged.
        """
        try:
            with (folder / FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                names = [str(name) for name in stored["tile_ids"]]
                self._tiles = {name: stored[f"tile_{at}"] for at, name in enumerate(names)}
        except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as error:
            raise InputError(
                f"{folder / FILE}: missing or damaged; remove the folder to have the cell made "
                "again"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._tiles)

    def __len__(self) -> int:
        return len(self._tiles)

    def probability(self, tile_id: str) -> NDArray[np.float32]:
        """Return a tile's probability (height, width), on the lower edge of its step."""
        lower: NDArray[np.float32] = self._tiles[tile_id].astype(np.float32) / np.float32(_STEPS)
        return lower
