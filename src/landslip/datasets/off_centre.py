"""Tiles seen off their centre: the same pixels at another place of the network's window.

Where landslides are in the middle of every tile, a network can learn the place in the window
instead of the ground; its scores then fall when the window moves. Each tile's window, of the tile's
size, is moved by a quarter to three eighths of the side along both axes, in a drawn direction. The
tile's middle is then an eighth to a quarter of the side from the window's edge, and 39 to 56 % of
the tile is in the window. What the window shows beyond the tile is, in this order,

- the neighbouring tiles of the scene, where all three that it reaches are in the dataset;
- another tile of the same size without landslides, at its own place in the window, drawn from those
  of the split: its edge with the tile is visible, and no second landslide comes into the window;
- the tile itself, mirrored at its edges.

None of that is counted: labels outside the tile are `IGNORE`, so that a mirrored landslide counts
neither as found nor as missed.
"""

from collections import Counter
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.datasets.band_groups import MirroredSide, directions_of, mirrored_stored
from landslip.datasets.format import IGNORE, Tile, TileDataset

MIN_MOVE, MAX_MOVE = 1 / 4, 3 / 8
"""Least and largest move of the window, in sides of the tile."""
_SEED = 0
_Place = tuple[str, int, int, tuple[int, int]]


class Surroundings(StrEnum):
    """What a window shows beyond its tile."""

    NEIGHBOURS = "neighbours"
    BACKGROUND = "background"
    MIRRORED = "mirrored"


class OffCentreTiles(TileDataset):
    """The tiles of a dataset, each through a window that is moved off its centre.

    `tile` returns what the window shows, with labels of the tile's own pixels only. Moves depend on
    a tile's position in the index alone, so that all models see the same windows.
    """

    def __init__(self, dataset: TileDataset, split: Split) -> None:
        """Look at a dataset whose tiles of a split are to be predicted; nothing is read."""
        self.__dict__.update(vars(dataset))
        self._dataset = dataset
        landslide, counted = dataset.column("landslide_px"), dataset.column("valid_px")
        self._background = [
            at
            for at in dataset.positions(split)
            if landslide[at] == 0 and counted[at] == np.prod(dataset.shape(at))
        ]

    def move(self, position: int) -> tuple[int, int]:
        """Return the rows and columns that a tile's window is moved down and to the right."""
        generator = np.random.default_rng((_SEED, position))
        moves = generator.uniform(MIN_MOVE, MAX_MOVE, 2) * generator.choice([-1, 1], 2)
        height, width = self.shape(position)
        return round(float(moves[0]) * height), round(float(moves[1]) * width)

    def own(self, position: int) -> tuple[slice, slice]:
        """Return the rows and columns of a tile that its window shows, counted in the tile."""
        pairs = zip(self.move(position), self.shape(position), strict=True)
        rows, cols = (slice(max(0, move), min(side, side + move)) for move, side in pairs)
        return rows, cols

    def shown(self, position: int) -> tuple[slice, slice]:
        """Return the same rows and columns, counted in the window."""
        pairs = zip(self.own(position), self.move(position), strict=True)
        rows, cols = (slice(part.start - move, part.stop - move) for part, move in pairs)
        return rows, cols

    def surroundings(self, position: int) -> Surroundings:
        """Return what a tile's window shows beyond the tile."""
        if self._neighbours(position) is not None:
            return Surroundings.NEIGHBOURS
        return Surroundings.MIRRORED if self._fill(position) is None else Surroundings.BACKGROUND

    def count_surroundings(self, positions: list[int]) -> dict[str, int]:
        """Return how many of some windows have which surroundings."""
        return dict(Counter(str(self.surroundings(position)) for position in positions))

    def tile(self, position: int) -> Tile:
        """Return what a tile's window shows; labels beyond the tile are `IGNORE`."""
        tile = self._dataset.tile(position)
        own, shown = self.own(position), self.shown(position)
        label = np.full(tile.label.shape, IGNORE, dtype=np.uint8)
        label[shown] = tile.label[own]
        neighbours = self._neighbours(position)
        if neighbours is not None:
            stored, valid = self._mosaic(position, neighbours)
        elif (fill := self._fill(position)) is not None:
            other = self._dataset.tile(fill)
            stored, valid = np.array(other.stored), np.array(other.valid)
            stored[:, *shown], valid[shown] = tile.stored[:, *own], tile.valid[own]
        else:
            rows, cols = (
                MirroredSide.of(move, side, side)
                for move, side in zip(self.move(position), tile.label.shape, strict=True)
            )
            directions = directions_of(self._dataset.bands)
            stored = mirrored_stored(
                tile.stored, self._dataset.card.radiometry, rows, cols, directions
            )
            valid = tile.valid[rows.index[:, None], cols.index]
        return Tile(tile_id=tile.tile_id, stored=stored, label=label, valid=valid)

    def _fill(self, position: int) -> int | None:
        """Return the tile without landslides that surrounds a tile; None where there is none."""
        shape = self.shape(position)
        others = [at for at in self._background if at != position and self.shape(at) == shape]
        if not others:
            return None
        return int(np.random.default_rng((_SEED, position, 1)).choice(others))

    @cached_property
    def _places(self) -> dict[_Place, int]:
        """Positions of tiles by scene, offsets and shape."""
        columns = (self.column(name) for name in ("scene", "row_off", "col_off"))
        return {
            (str(scene), row, col, self.shape(at)): at
            for at, (scene, row, col) in enumerate(zip(*columns, strict=True))
            if None not in (scene, row, col)
        }

    def _neighbours(self, position: int) -> list[tuple[int, int, int]] | None:
        """Return the tiles that a window reaches, with their offsets from its own tile.

        None where one of the three is missing.
        """
        height, width = self.shape(position)
        down, right = (int(np.sign(move)) for move in self.move(position))
        scene, row, col = (self.column(name)[position] for name in ("scene", "row_off", "col_off"))
        if None in (scene, row, col):
            return None
        found = []
        for rows, cols in ((down * height, 0), (0, right * width), (down * height, right * width)):
            at = self._places.get((str(scene), row + rows, col + cols, (height, width)))
            if at is None:
                return None
            found.append((at, rows, cols))
        return found

    def _mosaic(
        self, position: int, neighbours: list[tuple[int, int, int]]
    ) -> tuple[NDArray[np.number], NDArray[np.bool_]]:
        """Return numbers (bands, height, width) and valid (height, width) of a window in a scene.

        Tiles of a scene touch and never overlap, so that every pixel is written once.
        """
        height, width = self.shape(position)
        move = self.move(position)
        pieces = [
            (self._dataset.tile(at), rows, cols)
            for at, rows, cols in [(position, 0, 0), *neighbours]
        ]
        stored = np.empty_like(pieces[0][0].stored)
        valid = np.empty((height, width), dtype=np.bool_)
        for tile, rows, cols in pieces:
            starts = rows - move[0], cols - move[1]  # of the tile, counted in the window
            into, part = zip(
                *(
                    (
                        slice(max(0, start), min(side, start + side)),
                        slice(max(0, -start), min(side, side - start)),
                    )
                    for start, side in zip(starts, (height, width), strict=True)
                ),
                strict=True,
            )
            stored[:, *into], valid[*into] = tile.stored[:, *part], tile.valid[*part]
        return stored, valid
