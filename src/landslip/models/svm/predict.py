"""Predicts tiles, with scikit-learn's decision for every pixel."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import parallel_map
from landslip.datasets.format import TileDataset
from landslip.models.folder import check_input
from landslip.models.svm.decision import decide
from landslip.models.svm.model import SvmModel

THRESHOLD = 0.5
BELOW_THRESHOLD = 0.5 - 2.0**-16  # below one half in steps of 1 / 65536 too
_KEY_BYTES = 8


def predict_tile(
    model: SvmModel, stored: NDArray[Any], valid: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Predict a tile of stored numbers (bands, height, width), in the model's bands.

    Returns the score (height, width), the logistic function of the decision: at least one half
    where ``SVC.predict`` returns landslide, at most `BELOW_THRESHOLD` elsewhere; 0 where not valid.
    It is not a calibrated probability. Raises InputError where a valid pixel is not finite.
    """
    pixels, index = unique_pixels(stored[:, valid])
    spectra = model.spectra(pixels)
    if not np.isfinite(spectra).all():
        raise InputError(
            "a valid pixel holds a value that is not finite or too large; declare it as nodata and "
            "make the dataset again"
        )
    score = np.zeros(valid.shape, dtype=np.float32)
    score[valid] = scores(decide(model, spectra).values)[index]
    return score


def predicted_tiles(
    model: SvmModel, dataset: TileDataset, positions: list[int], progress: Progress = no_progress
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each tile's position and score (height, width), in order, with one thread per core."""
    radiometry = dataset.card.radiometry
    expected = model.bands, model.normalisation.radiometry
    check_input("the SVM", expected, (dataset.bands, radiometry), str(dataset.path))
    if not positions:
        raise InputError(f"{dataset.path}: there is no tile to predict; choose another split")
    order = list(dataset.bands.positions_of(model.bands))
    own = radiometry.select(order)
    converted = replace(model, normalisation=replace(model.normalisation, radiometry=own))

    def predicted(position: int) -> NDArray[np.float32]:
        tile = dataset.tile(position)
        try:
            return predict_tile(converted, tile.stored[order], tile.valid)
        except InputError as error:
            raise InputError(f"{dataset.path}: tile {tile.tile_id}: {error}") from error

    for done, (position, score) in enumerate(parallel_map(predicted, positions), start=1):
        yield position, score
        progress(done, len(positions))


def unique_pixels(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the unique ones of pixels (bands, n), and the index among them of each pixel.

    Packs pixels into 64-bit keys, four times as fast as ``np.unique(axis=1)``. Pixels
    of more than 8 bytes, such as three bands of float32, seldom repeat and are returned unchanged.
    """
    bands, number = pixels.shape
    width = bands * pixels.itemsize
    if width > _KEY_BYTES:
        return pixels, np.arange(number)
    keys = np.zeros((number, _KEY_BYTES), dtype=np.uint8)
    keys[:, :width] = np.ascontiguousarray(pixels.T).view(np.uint8)
    _, first, index = np.unique(keys.view(np.uint64)[:, 0], return_index=True, return_inverse=True)
    return pixels[:, first], index


def scores(decisions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the logistic function of decisions, on the same side of one half as the decision."""
    logistic: NDArray[np.float32] = expit(decisions).astype(np.float32)
    above, below = np.float32(THRESHOLD), np.float32(BELOW_THRESHOLD)
    return np.where(decisions >= 0, np.maximum(logistic, above), np.minimum(logistic, below))
