"""Fits the SVM: Gaussian kernel, on normalised spectra of sampled pixels.

Sampling is balanced: of each class the same number of pixels, drawn without replacement, every
valid and labelled pixel of the class in the training tiles with the same probability. The number is
``per_class``, or that of the rarer class where it has fewer.

Balanced classes make the SVM expect as much landslide as background. Scenes hold far less of it, so
recall is higher and precision lower than with pixels sampled in the scene's own proportion.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.datasets.format import BACKGROUND, LANDSLIDE, TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.models.svm.decision import import_sklearn
from landslip.models.svm.model import SvmModel, SvmSettings, normalised_spectra

_CLASSES = {BACKGROUND: "background", LANDSLIDE: "landslide"}  # 0 and 1, columns of the counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PixelSample:
    """Sampled pixels, those of the background first, each class in the order of the tiles.

    ``stored`` (bands, n) are numbers as stored; ``label`` (n,) is 0 for background and 1 for
    landslide, ``position`` (n,) of the tile in its dataset, ``pixel`` (n,) its row-major index.
    """

    stored: NDArray[Any]
    label: NDArray[np.uint8]
    position: NDArray[np.int64]
    pixel: NDArray[np.int64]


def fit_svm(dataset: TileDataset, positions: list[int], settings: SvmSettings) -> SvmModel:
    """Fit an SVM on pixels sampled from the tiles at ``positions``; see `sample_pixels`.

    Bands are normalised by mean and standard deviation of all valid pixels of these tiles. The same
    dataset, positions and settings give the same model.

    Raises:
        InputError: a class has no pixel, or a band is constant.
        MissingDependencyError: scikit-learn is not installed.
    """
    sklearn = import_sklearn()
    sample = sample_pixels(dataset, positions, settings.pixels_per_class, settings.seed)
    statistics = band_statistics(dataset, positions)
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=statistics.mean, std=statistics.std
    )
    spectra = normalised_spectra(normalisation, sample.stored).astype(np.float64)
    svc = sklearn.svm.SVC(kernel="rbf", C=settings.c, gamma=settings.gamma)
    svc.fit(spectra, sample.label)
    return SvmModel(
        bands=dataset.bands,
        normalisation=normalisation,
        gamma=float(svc._gamma),
        intercept=float(svc.intercept_[0]),
        support=svc.support_vectors_,
        coefficients=svc.dual_coef_[0],
        per_class=len(sample.label) // 2,
        settings=settings,
        library=str(sklearn.__version__),
    )


def sample_pixels(
    dataset: TileDataset, positions: list[int], per_class: int, seed: int
) -> PixelSample:
    """Sample pixels of the tiles at ``positions``, as many of each class.

    Tiles are read one at a time, twice: to count and to take.
    """
    counts = np.zeros((len(positions), len(_CLASSES)), dtype=np.int64)
    for row, position in zip(counts, positions, strict=True):
        tile = dataset.tile(position)
        row[:] = [np.count_nonzero(tile.valid & (tile.label == of)) for of in _CLASSES]
    for of, total in enumerate(counts.sum(axis=0)):
        if total == 0:
            raise InputError(
                f"{dataset.path}: an SVM needs pixels of both classes and the {len(positions)} "
                f"training tiles hold none of {_CLASSES[of]}; train on more tiles or split "
                "otherwise"
            )
    number = min(per_class, int(counts.sum(axis=0).min()))
    parts = []
    for of in _CLASSES:
        ends = np.cumsum(counts[:, of])
        generator = np.random.default_rng((seed, of))
        drawn = np.sort(generator.choice(ends[-1], number, replace=False, shuffle=False))
        of_tiles = np.split(drawn, np.searchsorted(drawn, ends[:-1]))
        starts = ends - counts[:, of]
        for position, ranks, start in zip(positions, of_tiles, starts, strict=True):
            if len(ranks):
                tile = dataset.tile(position)
                pixel = np.flatnonzero(tile.valid & (tile.label == of))[ranks - start]
                stored = tile.stored.reshape(len(tile.stored), -1)[:, pixel]
                parts.append((stored, np.full(len(pixel), position), pixel))
    numbers, at, pixels = zip(*parts, strict=True)
    return PixelSample(
        stored=np.concatenate(numbers, axis=1),
        label=np.repeat(np.array(list(_CLASSES), dtype=np.uint8), number),
        position=np.concatenate(at).astype(np.int64),
        pixel=np.concatenate(pixels).astype(np.int64),
    )
