"""Tiles of one scene that touch or overlap in its pixels."""

from collections import defaultdict

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.window import Window
from landslip.datasets.format import TileDataset

_PLACE = ("col_off", "row_off", "width", "height")


def window_of(dataset: TileDataset, position: int) -> Window:
    """Return a tile's window in its scene."""
    return Window(*(int(dataset.index[name][position]) for name in _PLACE))


def touching_windows(dataset: TileDataset) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return pairs (n, 2) of tiles of one scene that touch or overlap.

    With them comes which share of the smaller tile both show. There is none where the index does
    not tell scenes and windows.
    """
    pairs, shares = [np.zeros((0, 2), dtype=np.intp)], [np.zeros(0)]
    for members in _by_scene(dataset).values():
        windows = [window_of(dataset, at) for at in members]
        sides = np.array([(w.col_off, w.row_off, w.col_end, w.row_end) for w in windows])
        boxes = shapely.box(*sides.T)
        one, other = shapely.STRtree(boxes).query(boxes, predicate="intersects")
        one, other = one[one < other], other[one < other]
        area = shapely.area(boxes)
        shared = shapely.area(shapely.intersection(boxes[one], boxes[other]))
        pairs.append(np.column_stack([members[one], members[other]]))
        shares.append(shared / np.minimum(area[one], area[other]))
    return np.concatenate(pairs), np.concatenate(shares)


def _by_scene(dataset: TileDataset) -> dict[str, NDArray[np.intp]]:
    members: dict[str, list[int]] = defaultdict(list)
    if all(name in dataset.index for name in _PLACE):
        for at, scene in enumerate(dataset.column("scene")):
            if scene is not None:
                members[scene].append(at)
    return {scene: np.array(tiles) for scene, tiles in members.items()}
