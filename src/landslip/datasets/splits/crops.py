"""Tiles that show parts of one picture, shifted, turned or at another scale.

Points of each tile are described by SIFT (Lowe 2004, doi 10.1023/B:VISI.0000029664.99615.94) and
looked up among the points of all others. Where several of two tiles match, one is laid over the
other by the similarity that most of them agree on, and the overlap must correlate everywhere, not
by one bright object. Where objects of one shape stand in several pictures, such as roofs, a few
points agree too, but seldom upright: so turned parts need more points.
"""

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import TileDataset
from landslip.datasets.splits.copies import Grey, blurred, evened, grey

_SIDE, _POINTS = 256, 100
_LIKE = 0.85
_FEWEST, _MANY, _MOST = 4, 8, 15
_SURE, _ENOUGH = 0.7, 0.1
_UPRIGHT_DEG, _UPRIGHT_SCALE = 10.0, 2.0
_OFF_PX, _TRIALS = 4.0, 500
_LARGEST_SCALE = 3.0
_FINE_PX, _LOCAL_PX, _LEAST_PX = 1.5, 5.0, 400
_ROWS, _COLS = 2048, 16384

EightBit = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Points:
    """Points of all tiles: descriptors (n, 128) of length 1, places (n, 2), and their tiles."""

    descriptors: NDArray[np.float32]
    places: NDArray[np.float32]
    tiles: NDArray[np.intp]


def crops(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that show parts of one picture, and the correlation of those.

    A pair needs 8 points that agree on a place, upright (turned by at most 10 degrees, up to twice
    as large), or 15 in any position, and a correlation of 0.1; or 4 upright and one of 0.7. On the
    916 tiles of the Bijie data set this finds 71 pairs, all of them neighbours in the numbering of
    the tiles; of those that it rejects and that are no neighbours none correlates over 0.13.
    Mirrored parts are not looked for. Time grows with the square of the number of tiles, a minute
    for a thousand.
    """
    pictures = [_eight_bit(grey(dataset.tile(at))) for at in range(len(dataset))]
    points = _described(pictures)
    found = []
    for (one, other), matches in sorted(_matches(points).items()):
        if len(matches) < _FEWEST:
            continue
        first, second = np.array(matches).T
        laid = _laid_over(points.places[second], points.places[first])
        if laid is None:
            continue
        matrix, agreeing = laid
        alike = _correlation(pictures[one], pictures[other], matrix)
        if alike > _needed(matrix, agreeing):
            found.append((one, other, alike))
    return found


def _eight_bit(picture: Grey) -> EightBit:
    """Return a picture as SIFT takes it: 0 to 255, its longer side at most 256 px."""
    low, high = np.percentile(picture, (1, 99))
    if high <= low:
        return np.zeros(picture.shape, dtype=np.uint8)
    stretched: EightBit = np.clip((picture - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    times = _SIDE / max(picture.shape)
    if times >= 1:
        return stretched
    smaller = cv2.resize(stretched, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, dtype=np.uint8)


def _described(pictures: list[EightBit]) -> _Points:
    """Find the strongest points of each picture; descriptors as RootSIFT."""
    sift = cv2.SIFT.create(nfeatures=_POINTS, contrastThreshold=0.01)  # blurred tiles have few
    descriptors, places, tiles = [np.zeros((0, 128), np.float32)], [np.zeros((0, 2))], []
    for at, picture in enumerate(pictures):
        points, described = sift.detectAndCompute(picture, None)
        if not points:
            continue
        order = np.argsort([-point.response for point in points], kind="stable")[:_POINTS]
        share = described[order] / np.maximum(described[order].sum(axis=1, keepdims=True), 1e-6)
        descriptors.append(np.sqrt(share, dtype=np.float32))
        places.append(np.array([points[best].pt for best in order]))
        tiles += [at] * len(order)
    return _Points(
        np.concatenate(descriptors),
        np.concatenate(places).astype(np.float32),
        np.array(tiles, dtype=np.intp),
    )


def _matches(points: _Points) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the matching points of each two tiles: of each point the nearest in later tiles."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for start in range(0, len(points.tiles), _ROWS):
        nearest, likeness = _nearest(points, slice(start, start + _ROWS))
        for row in np.flatnonzero(likeness > _LIKE):
            match = (int(start + row), int(nearest[row]))
            found[int(points.tiles[match[0]]), int(points.tiles[match[1]])].append(match)
    return found


def _nearest(points: _Points, rows: slice) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return for some points the nearest in later tiles, and the product of the two."""
    mine, tiles = points.descriptors[rows], points.tiles[rows]
    nearest, likeness = np.zeros(len(mine), np.intp), np.full(len(mine), -1, np.float32)
    at = np.arange(len(mine))
    for start in range(rows.start, len(points.tiles), _COLS):
        cols = slice(start, start + _COLS)
        products = mine @ points.descriptors[cols].T
        if points.tiles[start] <= tiles[-1]:
            products[tiles[:, None] >= points.tiles[None, cols]] = -1
        best = products.argmax(axis=1)
        better = products[at, best] > likeness
        nearest[better] = start + best[better]
        likeness[better] = products[at, best][better]
    return nearest, likeness


def _laid_over(
    places: NDArray[np.float32], onto: NDArray[np.float32]
) -> tuple[NDArray[np.float64], int] | None:
    """Return the similarity (2, 3) that most points agree on, and how many; None without one."""
    matrix, agreeing = cv2.estimateAffinePartial2D(
        places, onto, method=cv2.RANSAC, ransacReprojThreshold=_OFF_PX, maxIters=_TRIALS
    )
    if matrix is None or agreeing.sum() < _FEWEST:  # type: ignore[redundant-expr]  # stub errs
        return None
    if not 1 / _LARGEST_SCALE < _scale(np.asarray(matrix)) < _LARGEST_SCALE:
        return None
    return np.asarray(matrix, dtype=np.float64), int(agreeing.sum())


def _needed(matrix: NDArray[np.float64], agreeing: int) -> float:
    """Return the correlation that so many points need, where they lay one tile so on another."""
    scale = _scale(matrix)
    turned = abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    upright = turned <= _UPRIGHT_DEG and 1 / _UPRIGHT_SCALE <= scale <= _UPRIGHT_SCALE
    if agreeing >= (_MANY if upright else _MOST):
        return _ENOUGH
    return _SURE if upright else 1.0


def _scale(matrix: NDArray[np.float64]) -> float:
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _correlation(one: EightBit, other: EightBit, matrix: NDArray[np.float64]) -> float:
    """Correlate one picture with another laid over it, at the coarser of their scales.

    Both are taken in multiples of the spread around each pixel, so that every place counts alike.
    """
    scale, size = _scale(matrix), (one.shape[1], one.shape[0])
    here = blurred(one, _FINE_PX * max(1.0, scale))
    there = cv2.warpAffine(blurred(other, _FINE_PX * max(1.0, 1 / scale)), matrix, size)
    covered = cv2.warpAffine(np.ones(other.shape, np.float32), matrix, size) > 0.99
    if covered.sum() < _LEAST_PX:
        return 0.0
    laid = (here, np.asarray(there, dtype=np.float32))
    first, second = (evened(part, _LOCAL_PX, covered)[covered] for part in laid)
    if min(first.std(), second.std()) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
