"""Near-duplicate tiles without coordinates: changed copies of a picture, and overlapping crops.

Changed copies (re-encoded, brighter, noisy, flipped or rotated) are compared as small greyscale
images, locally normalised, so that every part counts the same and brightness, large shapes and
bright objects do not. On the 916 tiles of the Bijie data set no two tiles correlate over 0.25 in
any of the eight orientations. Of 200 copies each, the least similar correlate by 0.73 as JPEG of
quality 20, 0.89 at 1.5 times the brightness, and 0.58 with noise of a tenth of the range.

Overlapping crops (shifted, rotated or at another scale) are compared by SIFT keypoints (Lowe 2004,
doi 10.1023/B:VISI.0000029664.99615.94) of each tile, matched against those of all others. Where
several of two tiles match, one is warped onto the other by the similarity transform that most of
them agree on, and the overlap must correlate everywhere, not by one bright object. Objects of one
shape in several pictures, such as roofs, give a few agreeing points too, but seldom upright: so
rotated crops need more points.
"""

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import Tile, TileDataset

_MIN_COPY_CORRELATION = 0.5
_COPY_SIDE, _COPY_LOCAL_PX, _EDGE = 64, 3.0, 6
_SIGMAS = 6.0
_MIN_TEXTURE = 0.02
_CHUNK = 1024
_CROP_SIDE, _KEYPOINTS = 256, 100
_MIN_SIMILARITY = 0.85
_FEW_POINTS, _UPRIGHT_POINTS, _ROTATED_POINTS = 4, 8, 15
_CORRELATION_OF_FEW, _CORRELATION_OF_MANY = 0.7, 0.1
_UPRIGHT_DEG, _UPRIGHT_SCALE = 10.0, 2.0
_INLIER_PX, _TRIALS = 4.0, 500
_MAX_SCALE = 3.0
_FINE_PX, _CROP_LOCAL_PX, _MIN_OVERLAP_PX = 1.5, 5.0, 400
_ROWS, _COLS = 2048, 16384

GreyImage = NDArray[np.float32]
EightBitImage = NDArray[np.uint8]


def _greyscale(tile: Tile) -> GreyImage:
    """Return the mean of a tile's bands (height, width); invalid pixels get the valid mean."""
    mean = np.where(tile.valid, tile.stored.astype(np.float32).mean(axis=0), 0).astype(np.float32)
    if tile.valid.any():
        mean[~tile.valid] = mean[tile.valid].mean()
    return mean


def changed_copies(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that show one picture, in any orientation, and their correlation.

    The least correlation is 0.5, or 6 / (0.8 side) where small tiles may exceed 0.5 by chance: the
    correlation of n independent pixels has a standard deviation of 1 / sqrt(n), and the edges are
    not compared. Tiles without texture match none. Time grows with the square of the number of
    tiles, a second for a thousand.
    """
    thumbnails = []
    for at in range(len(dataset)):
        picture = _greyscale(dataset.tile(at))
        way = cv2.INTER_AREA if min(picture.shape) > _COPY_SIDE else cv2.INTER_LINEAR
        thumbnails.append(cv2.resize(picture, (_COPY_SIDE, _COPY_SIDE), interpolation=way))
    pictures = np.stack(thumbnails).astype(np.float32, copy=False)
    rows = _standardised_rows(_textures(pictures))
    sides = np.array([min(*dataset.shape(at), _COPY_SIDE) for at in range(len(dataset))])
    limits = np.maximum(_MIN_COPY_CORRELATION, _SIGMAS / (sides * (1 - 2 * _EDGE / _COPY_SIDE)))
    found: dict[tuple[int, int], float] = {}
    flipped = pictures[:, :, ::-1]
    for oriented in (
        np.rot90(one, turns, axes=(1, 2)) for one in (pictures, flipped) for turns in range(4)
    ):
        others = _standardised_rows(_textures(oriented))
        for start in range(0, len(rows), _CHUNK):
            correlation = rows[start : start + _CHUNK] @ others[start:].T
            for row, col in np.argwhere(correlation > _MIN_COPY_CORRELATION).tolist():
                pair, measure = (start + row, start + col), float(correlation[row, col])
                if row < col and measure > max(limits[[*pair]]):
                    found[pair] = max(found.get(pair, 0.0), measure)
    return [(one, other, measure) for (one, other), measure in sorted(found.items())]


def _locally_normalised(
    picture: GreyImage, around_px: float, covered: NDArray[np.bool_] | None = None
) -> GreyImage:
    """Subtract the local mean and divide by the local standard deviation.

    Only ``covered`` pixels count; the others become 0.
    """
    weight = np.ones_like(picture) if covered is None else covered.astype(np.float32)
    around = np.maximum(_blurred(weight, around_px), 1e-6)
    rough = (picture - _blurred(picture * weight, around_px) / around) * weight
    spread = np.sqrt(_blurred(rough**2, around_px) / around)
    least = max(1e-3 * float(rough.std()), float(np.finfo(np.float32).tiny))
    return np.asarray(rough / np.maximum(spread, least), dtype=np.float32)


def _blurred(picture: NDArray[np.generic], sigma_px: float) -> GreyImage:
    blurred = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma_px)
    return np.asarray(blurred, dtype=np.float32)


def _textures(pictures: GreyImage) -> GreyImage:
    """Normalise pictures locally; one without texture becomes 0."""
    inner = slice(_EDGE, -_EDGE)
    textures = []
    for picture in np.ascontiguousarray(pictures):
        rough = (picture - _blurred(picture, _COPY_LOCAL_PX))[inner, inner]
        normalised = _locally_normalised(picture, _COPY_LOCAL_PX)[inner, inner]
        has_texture = rough.std() > _MIN_TEXTURE * picture.std()
        textures.append(normalised if has_texture else np.zeros_like(normalised))
    return np.stack(textures)


def _standardised_rows(pictures: GreyImage) -> GreyImage:
    """Return pictures as rows of mean 0 and length 1, so that products are correlations."""
    rows = pictures.reshape(len(pictures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: GreyImage = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit


@dataclass(frozen=True, slots=True)
class _Keypoints:
    """Of all tiles: descriptors (n, 128) of length 1, coordinates (n, 2), tile positions (n,)."""

    descriptors: NDArray[np.float32]
    xy: NDArray[np.float32]
    tiles: NDArray[np.intp]


def overlapping_crops(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that show parts of one picture, and the correlation of the overlap.

    A pair needs 8 agreeing points if upright (rotated by at most 10 degrees, up to twice as large),
    or 15 otherwise, and a correlation of 0.1; or 4 upright ones and a correlation of 0.7. On the
    916 tiles of the Bijie data set this finds 71 pairs, all of them neighbours in the numbering of
    the tiles; of the rejected pairs that are no neighbours none correlates over 0.13. Mirrored
    crops are not detected. Time grows with the square of the number of tiles, a minute for a
    thousand.
    """
    pictures = [_eight_bit(_greyscale(dataset.tile(at))) for at in range(len(dataset))]
    points = _detect_keypoints(pictures)
    found = []
    for (one, other), matches in sorted(_matches(points).items()):
        if len(matches) < _FEW_POINTS:
            continue
        first, second = np.array(matches).T
        similarity = _similarity(points.xy[second], points.xy[first])
        if similarity is None:
            continue
        matrix, min_correlation = similarity
        correlation = _correlation(pictures[one], pictures[other], matrix)
        if correlation > min_correlation:
            found.append((one, other, correlation))
    return found


def _eight_bit(picture: GreyImage) -> EightBitImage:
    """Return a picture as SIFT takes it: 0 to 255, its longer side at most 256 px."""
    low, high = np.percentile(picture, (1, 99))
    if high <= low:
        return np.zeros(picture.shape, dtype=np.uint8)
    stretched: EightBitImage = np.clip((picture - low) / (high - low) * 255, 0, 255).astype(
        np.uint8
    )
    times = _CROP_SIDE / max(picture.shape)
    if times >= 1:
        return stretched
    smaller = cv2.resize(stretched, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, dtype=np.uint8)


def _detect_keypoints(pictures: list[EightBitImage]) -> _Keypoints:
    """Return the strongest keypoints of each picture, with RootSIFT descriptors."""
    sift = cv2.SIFT.create(nfeatures=_KEYPOINTS, contrastThreshold=0.01)  # blurred tiles have few
    descriptors, xy, tiles = [np.zeros((0, 128), np.float32)], [np.zeros((0, 2))], []
    for at, picture in enumerate(pictures):
        points, described = sift.detectAndCompute(picture, None)
        if not points:
            continue
        order = np.argsort([-point.response for point in points], kind="stable")[:_KEYPOINTS]
        share = described[order] / np.maximum(described[order].sum(axis=1, keepdims=True), 1e-6)
        descriptors.append(np.sqrt(share, dtype=np.float32))
        xy.append(np.array([points[best].pt for best in order]))
        tiles += [at] * len(order)
    return _Keypoints(
        np.concatenate(descriptors),
        np.concatenate(xy).astype(np.float32),
        np.array(tiles, dtype=np.intp),
    )


def _matches(points: _Keypoints) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the matching keypoints of pairs of tiles: each with its nearest in later tiles.

    Nearest is the one with the largest product of descriptors.
    """
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for first in range(0, len(points.tiles), _ROWS):
        mine = points.descriptors[first : first + _ROWS]
        tiles, at = points.tiles[first : first + _ROWS], np.arange(len(mine))
        nearest, similarity = np.zeros(len(mine), np.intp), np.full(len(mine), -1, np.float32)
        for start in range(first, len(points.tiles), _COLS):
            cols = slice(start, start + _COLS)
            products = mine @ points.descriptors[cols].T
            if points.tiles[start] <= tiles[-1]:
                products[tiles[:, None] >= points.tiles[None, cols]] = -1
            best = products.argmax(axis=1)
            better = products[at, best] > similarity
            nearest[better] = start + best[better]
            similarity[better] = products[at, best][better]
        for row in np.flatnonzero(similarity > _MIN_SIMILARITY):
            match = (int(first + row), int(nearest[row]))
            found[int(points.tiles[match[0]]), int(points.tiles[match[1]])].append(match)
    return found


def _similarity(
    xy: NDArray[np.float32], onto: NDArray[np.float32]
) -> tuple[NDArray[np.float64], float] | None:
    """Return the similarity transform (2, 3) that most points agree on, and the correlation needed.

    Upright crops need fewer points; None where too few agree.
    """
    matrix, inliers = cv2.estimateAffinePartial2D(
        xy, onto, method=cv2.RANSAC, ransacReprojThreshold=_INLIER_PX, maxIters=_TRIALS
    )
    if matrix is None or inliers.sum() < _FEW_POINTS:  # type: ignore[redundant-expr]  # stub errs
        return None
    transform = np.asarray(matrix, dtype=np.float64)
    scale = _scale(transform)
    if not 1 / _MAX_SCALE < scale < _MAX_SCALE:
        return None
    rotation_deg = abs(np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))
    upright = rotation_deg <= _UPRIGHT_DEG and 1 / _UPRIGHT_SCALE <= scale <= _UPRIGHT_SCALE
    if inliers.sum() >= (_UPRIGHT_POINTS if upright else _ROTATED_POINTS):
        return transform, _CORRELATION_OF_MANY
    return transform, _CORRELATION_OF_FEW if upright else 1.0


def _scale(matrix: NDArray[np.float64]) -> float:
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _correlation(one: EightBitImage, other: EightBitImage, matrix: NDArray[np.float64]) -> float:
    """Correlate a picture with another warped onto it, locally normalised, at the coarser scale."""
    scale, size = _scale(matrix), (one.shape[1], one.shape[0])
    here = _blurred(one, _FINE_PX * max(1.0, scale))
    there = cv2.warpAffine(_blurred(other, _FINE_PX * max(1.0, 1 / scale)), matrix, size)
    covered = cv2.warpAffine(np.ones(other.shape, np.float32), matrix, size) > 0.99
    if covered.sum() < _MIN_OVERLAP_PX:
        return 0.0
    pair = (here, np.asarray(there, dtype=np.float32))
    first, second = (_locally_normalised(part, _CROP_LOCAL_PX, covered)[covered] for part in pair)
    if min(first.std(), second.std()) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
