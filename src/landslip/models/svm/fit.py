"""Fits the SVM: Gaussian kernel, on normalised pixel spectra."""

import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.models.svm.library import scikit_svm, scikit_version
from landslip.models.svm.model import SvmModel, SvmSettings, normalised_spectra
from landslip.models.svm.sample import sample_pixels


def fit_svm(dataset: TileDataset, positions: list[int], settings: SvmSettings) -> SvmModel:
    """Fit an SVM on pixels drawn from the tiles at ``positions``; see `landslip.models.svm.sample`.

    Bands are normalised by mean and standard deviation of all valid pixels of these tiles. The same
    dataset, positions and settings give the same model.

    Raises:
        InputError: a class has no pixel, or a band is the same everywhere.
        MissingDependencyError: scikit-learn is not installed.
    """
    svm = scikit_svm()
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
        library=scikit_version(),
    )


def _scale(spectra: NDArray[np.float64]) -> float:
    """Return what scikit-learn takes for ``gamma="scale"``."""
    variance = float(spectra.var())
    return 1.0 / (spectra.shape[1] * variance) if variance else 1.0
