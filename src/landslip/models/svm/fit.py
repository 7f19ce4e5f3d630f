"""Fits the SVM: Gaussian kernel, on normalised pixel spectra.

Draws the pixels that an SVM is trained on.

The rule: of each class the same number of pixels, drawn without replacement, each valid and
labelled pixel of the class in the training tiles with the same probability. The number is
``per_class``, or that of the scarcer class where it has fewer.

Equal numbers make the SVM expect as much landslide as background. Scenes hold far less of it, so
recall is favoured and precision is lower than with pixels drawn in the scene's own proportion.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.datasets.format import BACKGROUND, LANDSLIDE, Tile, TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.models.svm.decision import sklearn_svm, sklearn_version
from landslip.models.svm.model import SvmModel, SvmSettings, normalised_spectra

_CLASSES = {BACKGROUND: "background", LANDSLIDE: "landslide"}  # 0 and 1, columns of the counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PixelSample:
    """Drawn pixels, those of the background first, each class in the order of the tiles.

    Attributes:
        stored: (bands, n) numbers as stored.
        label: (n,) uint8, 0 background and 1 landslide.
        position: (n,) of the tile in its dataset.
        pixel: (n,) index in the tile, row by row.
    """

    stored: NDArray[Any]
    label: NDArray[np.uint8]
    position: NDArray[np.int64]
    pixel: NDArray[np.int64]


def fit_svm(dataset: TileDataset, positions: list[int], settings: SvmSettings) -> SvmModel:
    """Fit an SVM on pixels drawn from the tiles at ``positions``; see `landslip.models.svm.fit`.

    Bands are normalised by mean and standard deviation of all valid pixels of these tiles. The same
    dataset, positions and settings give the same model.

    Raises:
        InputError: a class has no pixel, or a band is the same everywhere.
        MissingDependencyError: scikit-learn is not installed.
    """
    svm = sklearn_svm()
    sample = sample_pixels(dataset, positions, settings.pixels_per_class, settings.seed)
    known = band_statistics(dataset, positions)
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=known.mean, std=known.std
    )
    spectra = normalised_spectra(normalisation, sample.stored).astype(np.float64)
    gamma = _scale(spectra) if settings.gamma == "scale" else settings.gamma
    fitted = svm.SVC(kernel="rbf", C=settings.c, gamma=gamma).fit(spectra, sample.label)
    return SvmModel(
        bands=dataset.bands,
        normalisation=normalisation,
        gamma=gamma,
        intercept=float(fitted.intercept_[0]),
        support=fitted.support_vectors_,
        coefficients=fitted.dual_coef_[0],
        per_class=len(sample.label) // 2,
        settings=settings,
        library=sklearn_version(),
    )


def _scale(spectra: NDArray[np.float64]) -> float:
    """Return what scikit-learn takes for ``gamma="scale"``."""
    variance = float(spectra.var())
    return 1.0 / (spectra.shape[1] * variance) if variance else 1.0


def sample_pixels(
    dataset: TileDataset, positions: list[int], per_class: int, seed: int
) -> PixelSample:
    """Draw pixels of the tiles at ``positions`` by the rule of this module.

    Tiles are read one at a time, twice: to count and to take.

    Raises:
        InputError: a class has no pixel.
    """
    counts = _counts(dataset, positions)
    number = min(per_class, int(counts.sum(axis=0).min()))
    parts = []
    for of in _CLASSES:
        shares = _drawn(counts[:, of], number, np.random.default_rng((seed, of)))
        parts += [
            _taken(dataset, position, of, ranks)
            for position, ranks in zip(positions, shares, strict=True)
            if len(ranks)
        ]
    return PixelSample(
        stored=np.concatenate([part.stored for part in parts], axis=1),
        label=np.concatenate([part.label for part in parts]),
        position=np.concatenate([part.position for part in parts]),
        pixel=np.concatenate([part.pixel for part in parts]),
    )


def _counts(dataset: TileDataset, positions: list[int]) -> NDArray[np.int64]:
    """Count the pixels (tiles, classes), and refuse a class without any."""
    counts = np.zeros((len(positions), len(_CLASSES)), dtype=np.int64)
    for row, position in zip(counts, positions, strict=True):
        row[:] = [np.count_nonzero(_of_class(dataset.tile(position), of)) for of in _CLASSES]
    for of, total in enumerate(counts.sum(axis=0)):
        if total == 0:
            raise InputError(
                f"{dataset.path}: an SVM needs pixels of both classes and the {len(positions)} "
                f"tiles to train on hold none of {_CLASSES[of]}; train on more tiles or split "
                "otherwise"
            )
    return counts


def _drawn(
    counts: NDArray[np.int64], number: int, generator: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Draw a number of pixels from tiles that hold ``counts``; give the ranks in each tile."""
    ends = np.cumsum(counts)
    drawn = np.sort(generator.choice(ends[-1], number, replace=False, shuffle=False))
    shares = np.split(drawn, np.searchsorted(drawn, ends[:-1]))
    return [share - start for share, start in zip(shares, ends - counts, strict=True)]


def _of_class(tile: Tile, of: int) -> NDArray[np.bool_]:
    """Return where (height, width) a tile's pixels may be drawn for a class."""
    found: NDArray[np.bool_] = tile.valid & (tile.label == of)
    return found


def _taken(dataset: TileDataset, position: int, of: int, ranks: NDArray[np.int64]) -> PixelSample:
    """Take the pixels of a tile that stand at some ranks among those of a class."""
    tile = dataset.tile(position)
    pixel = np.flatnonzero(_of_class(tile, of))[ranks]
    return PixelSample(
        stored=tile.stored.reshape(len(tile.stored), -1)[:, pixel],
        label=np.full(len(pixel), of, dtype=np.uint8),
        position=np.full(len(pixel), position, dtype=np.int64),
        pixel=pixel.astype(np.int64),
    )
