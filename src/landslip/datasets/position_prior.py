"""Position prior: how well the place in a tile predicts landslides, without looking at the image.

Tiles that were cut around landslides have them in the middle. A network may then learn the place
instead of the ground, and scores on such tiles include what it learned of the place. The measure
is the mean mask: at each place of a tile, the fraction of other tiles that have landslide there.
Tiles that were cut on a regular grid have landslides anywhere, and their mean mask says nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.labels import LANDSLIDE
from landslip.core.messages import Message, message
from landslip.core.records import StrictModel

GRID = 32
"""Side of the grid of cells that each tile is divided into for the measure."""
MIN_GAIN = 0.2
"""F1 of the mean mask over chance from which a prior is strong."""
MIN_TILES = 10
_MOST_TILES = 4096
_DRAWS = 9
_LEVELS = 1000
_SEED = 0

Fractions = NDArray[np.float32]


class PositionPrior(StrictModel):
    """How well the place in a tile predicts landslides, on the tiles that show some.

    Attributes:
        tiles: number of tiles that show landslides.
        groups: number of their groups.
        f1: of the mean mask of the tiles of all other groups, cut at its best threshold: 2 tp /
            (2 tp + fp + fn) of the pixels of all these tiles together.
        f1_by_chance: the highest such F1 of 9 draws in which each tile's mask is moved by a random
            offset, what leaves the tile on one side entering on the other.
        centre_share: fraction of the tiles whose centre pixel is landslide.
        border_px: smallest distance of a landslide pixel to the border of its tile; 0 at it.
    """

    tiles: int
    groups: int
    f1: float
    f1_by_chance: float
    centre_share: float
    border_px: int

    @property
    def is_strong(self) -> bool:
        """Whether the mean mask is at least `MIN_GAIN` over chance, on `MIN_TILES` or more."""
        return self.tiles >= MIN_TILES and self.f1 >= self.f1_by_chance + MIN_GAIN

    @property
    def warning(self) -> Message | None:
        """What a strong prior means, and the remedy; None of a weak one."""
        if not self.is_strong:
            return None
        return message(
            "dataset.position_prior",
            f1=self.f1,
            chance=self.f1_by_chance,
            centre=self.centre_share,
            border=self.border_px,
            tiles=self.tiles,
        )


class PositionPriorSurvey:
    """Collects the masks of tiles, on a grid of cells, and measures their position prior.

    Tiles of any size are put onto one grid. Of more than 4096 tiles with landslides the first ones
    are measured.
    """

    def __init__(self) -> None:
        """Start without tiles."""
        self._landslide: list[Fractions] = []
        self._counted: list[Fractions] = []
        self._groups: list[str] = []
        self._at_centre: list[bool] = []
        self._border_px: list[int] = []

    def add(self, label: NDArray[np.uint8], counted: NDArray[np.bool_], group: str) -> None:
        """Add a tile: its label and where it is valid and labelled, both (height, width)."""
        landslide = counted & (label == LANDSLIDE)
        rows, cols = (np.flatnonzero(landslide.any(axis=axis)) for axis in (1, 0))
        if not len(rows) or len(self._groups) == _MOST_TILES:
            return
        height, width = landslide.shape
        ends = rows[0], cols[0], height - 1 - rows[-1], width - 1 - cols[-1]
        self._border_px.append(int(min(ends)))
        self._at_centre.append(bool(landslide[height // 2, width // 2]))
        self._landslide.append(resized(landslide, (GRID, GRID)))
        self._counted.append(resized(counted, (GRID, GRID)))
        self._groups.append(group)

    def measure(self) -> PositionPrior | None:
        """Return the prior; None of fewer than two tiles with landslides."""
        if len(self._groups) < 2:
            return None
        landslide, counted = np.stack(self._landslide), np.stack(self._counted)
        names, units = np.unique(self._groups, return_inverse=True)
        if len(names) < 2:
            units = np.arange(len(landslide))
        generator, chance = np.random.default_rng(_SEED), 0.0
        for _ in range(_DRAWS):
            offsets = generator.integers(GRID, size=(len(landslide), 2))
            moved = _moved(landslide, offsets), _moved(counted, offsets)
            chance = max(chance, _left_out_f1(moved[0], moved[1], units))
        return PositionPrior(
            tiles=len(landslide),
            groups=len(names),
            f1=_left_out_f1(landslide, counted, units),
            f1_by_chance=chance,
            centre_share=float(np.mean(self._at_centre)),
            border_px=min(self._border_px),
        )


def mean_mask(
    masks: Iterable[tuple[NDArray[np.bool_], NDArray[np.bool_]]], shapes: Sequence[tuple[int, int]]
) -> Fractions:
    """Return the fraction of tiles that have landslide at each place, of those that count it.

    Args:
        masks: of each tile where it is landslide, and where it is valid and labelled, both
            (height, width); the first within the second.
        shapes: (height, width) of each tile. The result has the commonest one; masks of another
            shape are resized to it.

    Returns:
        Fractions (height, width), 0 where no tile counts.
    """
    shape = Counter(shapes).most_common(1)[0][0]
    landslide, number = np.zeros(shape), np.zeros(shape)
    for mask, counted in masks:
        landslide += resized(mask, shape)
        number += resized(counted, shape)
    fractions: Fractions = (landslide / np.maximum(number, 1e-9)).astype(np.float32)
    return fractions


def resized(mask: NDArray[np.bool_] | Fractions, shape: tuple[int, int]) -> Fractions:
    """Return a mask or fractions (height, width) in another shape: means of what a cell covers."""
    values = mask.astype(np.float32)
    if mask.shape == shape:
        return values
    is_smaller = shape[0] <= mask.shape[0] and shape[1] <= mask.shape[1]
    way = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=way), dtype=np.float32)


def _moved(cells: Fractions, offsets: NDArray[np.int64]) -> Fractions:
    """Return the cells (tiles, rows, cols) of each tile moved cyclically by its offset."""
    tiles, rows, cols = cells.shape
    row = (np.arange(rows) - offsets[:, :1]) % rows
    col = (np.arange(cols) - offsets[:, 1:]) % cols
    moved: Fractions = cells[np.arange(tiles)[:, None, None], row[:, :, None], col[:, None, :]]
    return moved


def _left_out_f1(landslide: Fractions, counted: Fractions, units: NDArray[np.intp]) -> float:
    """Return the best F1 of the mean mask of all tiles but those of the same unit.

    Args:
        landslide: (tiles, rows, cols) fraction of each cell that is landslide.
        counted: (tiles, rows, cols) fraction of each cell that is valid and labelled.
        units: (tiles,) number of each tile's unit.
    """
    order = np.argsort(units, kind="stable")
    starts = np.searchsorted(units[order], np.arange(units.max() + 1))
    sums = np.stack([np.add.reduceat(cells[order], starts) for cells in (landslide, counted)])
    others = sums.sum(axis=1, keepdims=True) - sums
    fractions = others[0] / np.maximum(others[1], 1e-9)
    levels = np.clip(fractions * _LEVELS, 0, _LEVELS - 1).astype(np.intp)[units].ravel()
    found, mapped = (
        np.bincount(levels, weights=cells.ravel(), minlength=_LEVELS)[::-1].cumsum()
        for cells in (landslide, counted)
    )
    return float((2 * found / (mapped + landslide.sum(dtype=np.float64))).max())
