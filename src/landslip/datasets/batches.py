"""Whole tiles in batches of one shape, padded to a network's multiple."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation


def padded_shape(shape: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Round height and width up to a multiple."""
    return -(-shape[0] // multiple) * multiple, -(-shape[1] // multiple) * multiple


def plan_batches(
    dataset: TileDataset, positions: Sequence[int], *, multiple: int, batch_px: int
) -> list[list[int]]:
    """Group tiles of one padded shape into batches of at most ``batch_px`` pixels, or one tile."""
    by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
    for position in positions:
        by_shape[padded_shape(dataset.shape(position), multiple)].append(position)
    batches = []
    for (height, width), members in by_shape.items():
        size = max(1, batch_px // (height * width))
        batches += [members[start : start + size] for start in range(0, len(members), size)]
    return batches


def whole_tile(
    dataset: TileDataset,
    position: int,
    normalisation: Normalisation,
    multiple: int,
    order: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Return a tile normalised and padded below and to the right with 0, the bands' means.

    ``order``: positions of the bands to read, in the order of ``normalisation``; None: all.
    """
    tile = dataset.tile(position)
    stored = tile.stored if order is None else tile.stored[list(order)]
    padded = np.zeros((len(stored), *padded_shape(tile.label.shape, multiple)), dtype=np.float32)
    height, width = tile.label.shape
    padded[:, :height, :width] = normalisation.apply(stored, tile.valid)
    return padded


def batches_of_tiles(
    dataset: TileDataset,
    batches: Sequence[Sequence[int]],
    normalisation: Normalisation,
    multiple: int,
    order: Sequence[int] | None = None,
) -> Iterator[tuple[Sequence[int], NDArray[np.float32]]]:
    """Yield each batch's positions and its tiles (n, bands, height, width); see `whole_tile`."""
    for batch in batches:
        tiles = [whole_tile(dataset, at, normalisation, multiple, order) for at in batch]
        yield batch, np.stack(tiles)
