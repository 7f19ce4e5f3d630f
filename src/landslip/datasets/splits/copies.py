"""Tiles that are copies of one picture: re-encoded, brighter, with noise, flipped or turned.

Pictures are made small and grey, and taken as multiples of the spread around each pixel, so that
every place counts alike and brightness, large shapes and bright objects do not. On the 916 tiles of
the Bijie data set no two tiles correlate over 0.25 in any of the eight positions. Of 200 copies
each, the least alike correlate by 0.73 as JPEG of quality 20, 0.89 with half as much light again,
and 0.58 with noise of a tenth of the range.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import Tile, TileDataset

SAME = 0.5
_SIDE, _LOCAL_PX, _EDGE = 64, 3.0, 6
_SIGMAS = 6.0
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

    They correlate by 0.5, or more where tiles of few pixels may do so by chance: 6 / (0.8 side), as
    the correlation of n independent pixels spreads by 1 / sqrt(n), and a rim is not compared. Tiles
    without texture are like no other. Time grows with the square of the number of tiles, a
    second for a thousand.
    """
    pictures = np.stack([_small(grey(dataset.tile(at))) for at in range(len(dataset))])
    kept = _unit(_textures(pictures))
    sides = np.array([min(*dataset.shape(at), _SIDE) for at in range(len(dataset))])
    limits = np.maximum(SAME, _SIGMAS / (sides * (1 - 2 * _EDGE / _SIDE)))
    found: dict[tuple[int, int], float] = {}
    for turned in _positions(pictures):
        others = _unit(_textures(turned))
        for start in range(0, len(kept), _CHUNK):
            alike = kept[start : start + _CHUNK] @ others[start:].T
            for row, col in np.argwhere(alike > SAME).tolist():
                pair, measure = (start + row, start + col), float(alike[row, col])
                if row < col and measure > max(limits[[*pair]]):
                    found[pair] = max(found.get(pair, 0.0), measure)
    return [(one, other, measure) for (one, other), measure in sorted(found.items())]


def _small(picture: Grey) -> Grey:
    shrinks = min(picture.shape) > _SIDE
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=way), dtype=np.float32)


def _positions(pictures: Grey) -> list[Grey]:
    """Return the pictures (n, side, side) in the eight positions of a square."""
    flipped = pictures[:, :, ::-1]
    return [np.rot90(way, turns, axes=(1, 2)) for way in (pictures, flipped) for turns in range(4)]


def evened(picture: Grey, around_px: float, covered: NDArray[np.bool_] | None = None) -> Grey:
    """Return a picture less the mean around each pixel, over the spread around it.

    Only pixels that are ``covered`` count, and the others become 0.
    """
    weight = np.ones_like(picture) if covered is None else covered.astype(np.float32)
    around = np.maximum(blurred(weight, around_px), 1e-6)
    rough = (picture - blurred(picture * weight, around_px) / around) * weight
    spread = np.sqrt(blurred(rough**2, around_px) / around)
    least = max(1e-3 * float(rough.std()), float(np.finfo(np.float32).tiny))
    return np.asarray(rough / np.maximum(spread, least), dtype=np.float32)


def blurred(picture: NDArray[np.generic], sigma_px: float) -> Grey:
    """Return a picture blurred by a Gaussian."""
    whole = picture.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), sigma_px), dtype=np.float32)


def _textures(pictures: Grey) -> Grey:
    """Even pictures out; one that is smooth all over becomes 0."""
    inner = slice(_EDGE, -_EDGE)
    found = []
    for picture in np.ascontiguousarray(pictures):
        rough = (picture - blurred(picture, _LOCAL_PX))[inner, inner]
        even = evened(picture, _LOCAL_PX)[inner, inner]
        found.append(even if rough.std() > _TEXTURE * picture.std() else np.zeros_like(even))
    return np.stack(found)


def _unit(pictures: Grey) -> Grey:
    """Return pictures as rows of mean 0 and length 1, so that products are correlations."""
    rows = pictures.reshape(len(pictures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Grey = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit
