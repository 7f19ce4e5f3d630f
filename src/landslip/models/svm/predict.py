"""Predicts whole tiles, with scikit-learn's decision for every pixel."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import InputError, ModelError
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import parallel_map
from landslip.datasets.format import TileDataset
from landslip.models.svm.decision import decide
from landslip.models.svm.model import SvmModel

THRESHOLD = 0.5
BELOW_THRESHOLD = 0.5 - 2.0**-16  # under one half when stored in steps of 1 / 65536 too
_KEY_BYTES = 8


def predict_tile(
    model: SvmModel, stored: NDArray[Any], valid: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Predict a tile.

    Args:
        model: a fitted SVM.
        stored: (bands, height, width) numbers as stored, in the model's bands.
        valid: (height, width) where there is data.

    Returns:
        Score (height, width), the logistic function of the decision: at least one half where
        ``SVC.predict`` says landslide, at most `BELOW_THRESHOLD` elsewhere; 0 where not valid. It
        is no calibrated probability.

    Raises:
        InputError: a valid pixel is not finite.
    """
    pixels, places = unique_pixels(stored[:, valid])
    spectra = model.spectra(pixels)
    if not np.isfinite(spectra).all():
        raise InputError(
            "a pixel that counts as valid holds a value that is not finite or too large; "
            "declare it as nodata and make the tiles again"
        )
    score = np.zeros(valid.shape, dtype=np.float32)
    score[valid] = scores(decide(model, spectra).values)[places]
    return score


def predicted_tiles(
    model: SvmModel,
    dataset: TileDataset,
    positions: list[int],
    progress: Progress = no_progress,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each tile's position and score (height, width), in order, from one thread a core.

    Raises:
        InputError: there is no tile, or a valid pixel is not finite; the tile is named.
        ModelError: the dataset's bands or units are not the model's.
    """
    _check_fit(model, dataset.bands, dataset.card.radiometry, str(dataset.path))
    if not positions:
        raise InputError(f"{dataset.path}: there is no tile to predict; choose another split")
    order = list(dataset.bands.positions_of(model.bands))
    fitting = replace(
        model, normalisation=replace(model.normalisation, radiometry=dataset.card.radiometry)
    )

    def predicted(position: int) -> NDArray[np.float32]:
        tile = dataset.tile(position)
        try:
            return predict_tile(fitting, tile.stored[order], tile.valid)
        except InputError as error:
            raise InputError(f"{dataset.path}: tile {tile.tile_id}: {error}") from error

    for done, (position, score) in enumerate(parallel_map(predicted, positions), start=1):
        yield position, score
        progress(done, len(positions))


def unique_pixels(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct ones of pixels (bands, n), and the index among them of each pixel.

    Pixels of more than 8 bytes, such as floats of three bands and more, seldom repeat and come back
    as they are.
    """
    bands, number = pixels.shape
    width = bands * pixels.itemsize
    if width > _KEY_BYTES:
        return pixels, np.arange(number)
    keys = np.zeros((number, _KEY_BYTES), dtype=np.uint8)
    keys[:, :width] = np.ascontiguousarray(pixels.T).view(np.uint8)
    _, first, places = np.unique(keys.view(np.uint64)[:, 0], return_index=True, return_inverse=True)
    return pixels[:, first], places


def scores(decisions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the logistic function of decisions, on the decision's side of one half."""
    found: NDArray[np.float32] = expit(decisions).astype(np.float32)
    landslide = np.maximum(found, np.float32(THRESHOLD))
    other = np.minimum(found, np.float32(BELOW_THRESHOLD))
    return np.where(decisions >= 0, landslide, other)


def _check_fit(model: SvmModel, bands: Bands, radiometry: Radiometry, name: str) -> None:
    known = model.normalisation.radiometry
    missing = [band for band in model.bands if band not in bands.names]
    if missing:
        raise ModelError(
            f"{name}: the SVM takes the bands {model.bands} and {','.join(missing)} is not among "
            f"{bands}; give tiles with these bands"
        )
    if radiometry.units is not known.units:
        raise ModelError(
            f"{name}: the SVM takes values in {known.units} and these are in {radiometry.units}; "
            "make the tiles from a scene in these units"
        )
    if radiometry.units is Units.DN and radiometry.is_8bit != known.is_8bit:
        raise ModelError(
            f"{name}: the SVM was fitted on digital numbers stored as {known.dtype} and these are "
            f"{radiometry.dtype}; 8-bit pictures and sensor counts do not mix"
        )
