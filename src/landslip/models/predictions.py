"""Probabilities of tiles in one file.

They are stored in levels of 1 / 65536, rounded down: a threshold that is a multiple of it, in
particular one half, divides the pixels exactly as before.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.arrays import read_arrays
from landslip.core.errors import InputError
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.metrics.pixels import ThresholdCurve

_LEVELS = 65536


def quantise(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return probabilities as quantisation levels, rounded down."""
    return np.clip(np.floor(probability * np.float64(_LEVELS)), 0, _LEVELS - 1).astype(np.uint16)


def lower_bound(levels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the probabilities of levels."""
    bound: NDArray[np.float32] = levels.astype(np.float32) / np.float32(_LEVELS)
    return bound


def write_tile_predictions(
    path: Path, probabilities: Iterable[tuple[str, NDArray[np.floating]]]
) -> None:
    """Write tiles' names and probabilities (height, width) as npz."""
    write_tile_levels(path, {tile_id: quantise(one) for tile_id, one in probabilities})


def write_tile_levels(
    path: Path, levels: Mapping[str, NDArray[np.uint16]], **columns: NDArray[np.generic]
) -> None:
    """Write levels (height, width) by tile; ``columns`` hold one more element for each tile."""
    tiles = {f"tile_{at}": tile for at, tile in enumerate(levels.values())}
    with path.open("wb") as file:
        np.savez_compressed(file, tile_ids=np.array(list(levels)), **columns, **tiles)  # type: ignore[arg-type]


def threshold_curve(
    dataset: TileDataset, probabilities: Iterable[tuple[int, NDArray[np.floating]]]
) -> ThresholdCurve:
    """Return the curve of tiles by their positions and probabilities (height, width)."""
    curve = ThresholdCurve()
    for position, probability in probabilities:
        tile = dataset.tile(position)
        curve.add(probability, tile.label == LANDSLIDE, tile.counted)
    return curve


class TilePredictions:
    """Stored probabilities, by tile."""

    def __init__(self, path: Path, remedy: str) -> None:
        """Open a file that `write_tile_levels` wrote.

        Raises:
            InputError: it is missing or damaged; the message ends with ``remedy``.
        """
        try:
            stored = read_arrays(path)
            names = [str(name) for name in stored["tile_ids"]]
            self._tiles = {name: stored[f"tile_{at}"] for at, name in enumerate(names)}
        except (InputError, TypeError, KeyError) as error:
            raise InputError(f"{path}: missing or damaged; {remedy}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._tiles)

    def __len__(self) -> int:
        return len(self._tiles)

    def probability(self, tile_id: str) -> NDArray[np.float32]:
        """Return a tile's probability (height, width), the lower bound of its level."""
        return lower_bound(self._tiles[tile_id])
