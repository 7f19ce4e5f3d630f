"""Tiles that are copies of one picture: re-encoded, brighter, with noise, flipped or turned.

Pictures are made small and grey, and taken as multiples of the spread around each pixel, so that
every place counts alike and brightness, large shapes and bright objects do not. On the 916 tiles of
the Bijie data set no two tiles correlate over 0.25 in any of the eight positions. Of 200 copies
each, the least alike correlate by 0.73 as JPEG of quality 20, 0.89 with half as much light again,
and 0.58 with noise of a tenth of the range.

Tiles that show parts of one picture, shifted, turned or at another scale.

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

from landslip.datasets.format import Tile, TileDataset

MIN_CORRELATION = 0.5
_COPY_SIDE, _COPY_LOCAL_PX, _EDGE = 64, 3.0, 6
_SIGMAS = 6.0
_TEXTURE = 0.02
_CHUNK = 1024

GreyImage = NDArray[np.float32]


def greyscale(tile: Tile) -> GreyImage:
    """Return the mean of a tile's bands (height, width); where not valid, that of the others."""
    mean = np.where(tile.valid, tile.stored.astype(np.float32).mean(axis=0), 0).astype(np.float32)
    if tile.valid.any():
        mean[~tile.valid] = mean[tile.valid].mean()
    return mean


def changed_copies(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that show one picture, in whichever position, and their correlation.

    They correlate by 0.5, or more where tiles of few pixels may do so by chance: 6 / (0.8 side), as
    the correlation of n independent pixels spreads by 1 / sqrt(n), and a rim is not compared. Tiles
    without texture are like no other. Time grows with the square of the number of tiles, a
    second for a thousand.
    """
    pictures = np.stack([_thumbnail(greyscale(dataset.tile(at))) for at in range(len(dataset))])
    kept = _standardised_rows(_textures(pictures))
    sides = np.array([min(*dataset.shape(at), _COPY_SIDE) for at in range(len(dataset))])
    limits = np.maximum(MIN_CORRELATION, _SIGMAS / (sides * (1 - 2 * _EDGE / _COPY_SIDE)))
    found: dict[tuple[int, int], float] = {}
    for turned in _orientations(pictures):
        others = _standardised_rows(_textures(turned))
        for start in range(0, len(kept), _CHUNK):
            alike = kept[start : start + _CHUNK] @ others[start:].T
            for row, col in np.argwhere(alike > MIN_CORRELATION).tolist():
                pair, measure = (start + row, start + col), float(alike[row, col])
                if row < col and measure > max(limits[[*pair]]):
                    found[pair] = max(found.get(pair, 0.0), measure)
    return [(one, other, measure) for (one, other), measure in sorted(found.items())]


def _thumbnail(picture: GreyImage) -> GreyImage:
    shrinks = min(picture.shape) > _COPY_SIDE
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(picture, (_COPY_SIDE, _COPY_SIDE), interpolation=way), dtype=np.float32
    )


def _orientations(pictures: GreyImage) -> list[GreyImage]:
    """Return the pictures (n, side, side) in the eight positions of a square."""
    flipped = pictures[:, :, ::-1]
    return [np.rot90(way, turns, axes=(1, 2)) for way in (pictures, flipped) for turns in range(4)]


def locally_normalised(
    picture: GreyImage, around_px: float, covered: NDArray[np.bool_] | None = None
) -> GreyImage:
    """Return a picture less the mean around each pixel, over the spread around it.

    Only pixels that are ``covered`` count, and the others become 0.
    """
    weight = np.ones_like(picture) if covered is None else covered.astype(np.float32)
    around = np.maximum(blurred(weight, around_px), 1e-6)
    rough = (picture - blurred(picture * weight, around_px) / around) * weight
    spread = np.sqrt(blurred(rough**2, around_px) / around)
    least = max(1e-3 * float(rough.std()), float(np.finfo(np.float32).tiny))
    return np.asarray(rough / np.maximum(spread, least), dtype=np.float32)


def blurred(picture: NDArray[np.generic], sigma_px: float) -> GreyImage:
    """Return a picture blurred by a Gaussian."""
    whole = picture.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), sigma_px), dtype=np.float32)


def _textures(pictures: GreyImage) -> GreyImage:
    """Even pictures out; one that is smooth all over becomes 0."""
    inner = slice(_EDGE, -_EDGE)
    found = []
    for picture in np.ascontiguousarray(pictures):
        rough = (picture - blurred(picture, _COPY_LOCAL_PX))[inner, inner]
        even = locally_normalised(picture, _COPY_LOCAL_PX)[inner, inner]
        found.append(even if rough.std() > _TEXTURE * picture.std() else np.zeros_like(even))
    return np.stack(found)


def _standardised_rows(pictures: GreyImage) -> GreyImage:
    """Return pictures as rows of mean 0 and length 1, so that products are correlations."""
    rows = pictures.reshape(len(pictures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: GreyImage = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit


_CROP_SIDE, _POINTS = 256, 100
_LIKE = 0.85
_FEWEST, _MANY, _MOST = 4, 8, 15
_SURE, _ENOUGH = 0.7, 0.1
_UPRIGHT_DEG, _UPRIGHT_SCALE = 10.0, 2.0
_OFF_PX, _TRIALS = 4.0, 500
_LARGEST_SCALE = 3.0
_FINE_PX, _CROP_LOCAL_PX, _LEAST_PX = 1.5, 5.0, 400
_ROWS, _COLS = 2048, 16384

EightBit = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Keypoints:
    """Points of all tiles: descriptors (n, 128) of length 1, places (n, 2), and their tiles."""

    descriptors: NDArray[np.float32]
    places: NDArray[np.float32]
    tiles: NDArray[np.intp]


def overlapping_crops(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that show parts of one picture, and the correlation of those.

    A pair needs 8 points that agree on a place, upright (turned by at most 10 degrees, up to twice
    as large), or 15 in any position, and a correlation of 0.1; or 4 upright and one of 0.7. On the
    916 tiles of the Bijie data set this finds 71 pairs, all of them neighbours in the numbering of
    the tiles; of those that it rejects and that are no neighbours none correlates over 0.13.
    Mirrored parts are not looked for. Time grows with the square of the number of tiles, a minute
    for a thousand.
    """
    pictures = [_eight_bit(greyscale(dataset.tile(at))) for at in range(len(dataset))]
    points = _detect_keypoints(pictures)
    found = []
    for (one, other), matches in sorted(_matches(points).items()):
        if len(matches) < _FEWEST:
            continue
        first, second = np.array(matches).T
        laid = _similarity(points.places[second], points.places[first])
        if laid is None:
            continue
        matrix, agreeing = laid
        alike = _correlation(pictures[one], pictures[other], matrix)
        if alike > _min_correlation(matrix, agreeing):
            found.append((one, other, alike))
    return found


def _eight_bit(picture: GreyImage) -> EightBit:
    """Return a picture as SIFT takes it: 0 to 255, its longer side at most 256 px."""
    low, high = np.percentile(picture, (1, 99))
    if high <= low:
        return np.zeros(picture.shape, dtype=np.uint8)
    stretched: EightBit = np.clip((picture - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    times = _CROP_SIDE / max(picture.shape)
    if times >= 1:
        return stretched
    smaller = cv2.resize(stretched, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, dtype=np.uint8)


def _detect_keypoints(pictures: list[EightBit]) -> _Keypoints:
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
    return _Keypoints(
        np.concatenate(descriptors),
        np.concatenate(places).astype(np.float32),
        np.array(tiles, dtype=np.intp),
    )


def _matches(points: _Keypoints) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the matching points of each two tiles: of each point the nearest in later tiles."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for start in range(0, len(points.tiles), _ROWS):
        nearest, likeness = _nearest(points, slice(start, start + _ROWS))
        for row in np.flatnonzero(likeness > _LIKE):
            match = (int(start + row), int(nearest[row]))
            found[int(points.tiles[match[0]]), int(points.tiles[match[1]])].append(match)
    return found


def _nearest(points: _Keypoints, rows: slice) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
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


def _similarity(
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


def _min_correlation(matrix: NDArray[np.float64], agreeing: int) -> float:
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
    first, second = (locally_normalised(part, _CROP_LOCAL_PX, covered)[covered] for part in laid)
    if min(first.std(), second.std()) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
