"""Tiles that are copies of one picture: re-encoded, brighter, with noise, flipped or turned.

Pictures are made small and grey, and what is smooth in them is taken off, as brightness and large
shapes are alike in many pictures. On the 916 tiles of the Bijie data set no two tiles correlate
over 0.45 in any of the eight positions. Of 200 copies each, the least alike correlate by 0.74 as
JPEG of quality 20, 0.79 with half as much light again, 0.63 with noise of a tenth of the range, and
0.92 with a gamma of 2.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.dataset.format import Tile, TileDataset

SAME = 0.6
_SIDE, _SMOOTH_PX, _EDGE = 64, 3.0, 6
_TEXTURE = 0.02
_CHUNK = 1024

Grey = NDArray[np.float32]


def grey(tile: Tile) -> Grey:
    """Return the mean of a tile's bands (height, width); where not valid, that of the others."""
    mean = np.where(tile.valid, tile.stored.astype(np.float32).mean(axis=0), 0).astype(np.float32)
    if tile.valid.any():
        mean[~tile.valid] = mean[tile.valid].mean()
    return mean


def copies(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that show one picture, in whichever position, and their correlation.

    Tiles without texture are like no other. Time grows with the square of the number of tiles, a
    second for a thousand.
    """
    pictures = np.stack([_small(grey(dataset.tile(at))) for at in range(len(dataset))])
    kept = _unit(_textures(pictures))
    found: dict[tuple[int, int], float] = {}
    for turned in _positions(pictures):
        others = _unit(_textures(turned))
        for start in range(0, len(kept), _CHUNK):
            alike = kept[start : start + _CHUNK] @ others[start:].T
            for row, col in np.argwhere(alike > SAME).tolist():
                if row < col:
                    pair = (start + row, start + col)
                    found[pair] = max(found.get(pair, 0.0), float(alike[row, col]))
    return [(one, other, measure) for (one, other), measure in sorted(found.items())]


def _small(picture: Grey) -> Grey:
    shrinks = min(picture.shape) > _SIDE
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=way), dtype=np.float32)


def _positions(pictures: Grey) -> list[Grey]:
    """Return the pictures (n, side, side) in the eight positions of a square."""
    flipped = pictures[:, :, ::-1]
    return [np.rot90(way, turns, axes=(1, 2)) for way in (pictures, flipped) for turns in range(4)]


def _textures(pictures: Grey) -> Grey:
    """Take off what is smooth; a picture that has hardly more becomes 0."""
    rough = []
    for picture in np.ascontiguousarray(pictures):
        whole = picture - cv2.GaussianBlur(picture, (0, 0), _SMOOTH_PX)
        fine = whole[_EDGE:-_EDGE, _EDGE:-_EDGE]
        rough.append(fine if fine.std() > _TEXTURE * picture.std() else np.zeros_like(fine))
    return np.stack(rough)


def _unit(pictures: Grey) -> Grey:
    """Return pictures as rows of mean 0 and length 1, so that products are correlations."""
    rows = pictures.reshape(len(pictures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Grey = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit
