"""The one place that scikit-learn is come to; it is imported when first needed."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import MissingDependencyError
from landslip.models.svm.model import SvmModel


def scikit_svm() -> Any:
    """Return the module ``sklearn.svm``.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    return _imported("sklearn.svm")


def scikit_version() -> str:
    """Return the version of scikit-learn."""
    return str(_imported("sklearn").__version__)


def rebuilt(model: SvmModel) -> Any:
    """Return the fitted ``sklearn.svm.SVC`` that a model was made from.

    It gives the same decisions to the last bit: these are what ``SVC`` hands to its C code.
    """
    svc = scikit_svm().SVC(kernel="rbf", C=model.settings.c, gamma=model.gamma)
    background = int(np.count_nonzero(model.coefficients < 0))
    svc.classes_ = np.array([0, 1], dtype=np.uint8)
    svc.n_features_in_ = len(model.bands)
    svc.shape_fit_ = (2 * model.per_class, len(model.bands))
    svc.fit_status_ = 0
    svc.support_vectors_ = np.ascontiguousarray(model.support)
    svc.support_ = np.arange(len(model.support), dtype=np.int32)
    svc.dual_coef_ = model.coefficients[None, :].copy()
    svc.intercept_ = np.array([model.intercept])
    # SVC keeps what its C code takes under names of its own, with the other sign.
    svc._sparse = False
    svc._gamma = model.gamma
    svc._n_support = np.array([background, len(model.support) - background], dtype=np.int32)
    svc._dual_coef_ = -svc.dual_coef_
    svc._intercept_ = -svc.intercept_
    svc._probA = svc._probB = np.empty(0)
    return svc


def library_decisions(model: SvmModel, spectra: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ``SVC.decision_function`` of spectra (n, bands)."""
    found: NDArray[np.float64] = rebuilt(model).decision_function(spectra)
    return found


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "the SVM needs scikit-learn, which is not installed; install it with: "
            "pip install 'landslip[train]'"
        ) from error
