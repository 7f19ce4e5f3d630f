r"""The decision function of an SVM with Gaussian kernel: fast, with an error bound.

.. math:: d(x) = \sum_i a_i \exp(-\gamma |x - s_i|^2) + b

libsvm, which scikit-learn runs, takes one pair of pixel and support vector at a time. Here blocks
of support vectors meet blocks of pixels in float32 matrix products. Decisions closer to 0 than
their error bound are repeated in float64; what that leaves undecided goes to scikit-learn. So the
sign is always scikit-learn's.

**The bound.** Let u be the unit roundoff of the format (2^-24 or 2^-53), k the number of bands,
m the size of a block and g(m) = m u / (1 - m u), which bounds the relative error of a sum of m
products in any order (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
All a_i of a block have one sign.

1. The exponent is a product of k + 2 terms, 2 gamma s_j x_j, -gamma |s|^2 and -gamma |x|^2, whose
   factors carry a relative error of at most (k + 2) u. Their absolute values sum up to at most
   gamma (|x| + |s|)^2, so the exponent's error is at most
   t = 2 (k + 3) u gamma (|x| + |s|)^2, where for |s| the largest of the block is taken.
2. NumPy's ``exp`` is accurate to 4 units in the last place; 8 are allowed here, 16 u. Rounding a_i
   adds u. The relative error of a product a_i K_i is then a factor within exp(+-(t + 18 u)).
3. A block's sum S = sum a_i K_i has terms of one sign: the sum of their absolute values is at most
   |S| / (1 - g(m)). So the error of S is at most |S| (exp(t + 18 u) - 1 + g(m)) / (1 - g(m)). With
   t + 18 u <= 0.1 that is less than 1.08 |S| (t + 18 u + g(m)); where it is larger the bound is
   infinite.
4. Block sums are added in float64, and libsvm's own result has errors too: (k + 4) 2^-53 relative
   in the squared distance, hence, as y exp(-y) < 1, (k + 6) 2^-53 in each K_i, and g(n) in the sum
   over all n support vectors. Together less than 2 (n + k + 16) 2^-53 (sum |a_i| + |b|).
5. Underflow, in whichever product, adds less than 4 (sum |a_i| + n) times the smallest normal
   number.
"""

from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import MissingDependencyError, ModelError
from landslip.models.svm.model import SvmModel

_BLOCK, _PIXELS = 64, 2048  # a block's kernel values fit the processor's cache
_LARGEST_EXPONENT_ERROR = 0.09

Float = type[np.float32] | type[np.float64]


class Decisions(NamedTuple):
    """Decisions (n,), at least 0 for landslide as with scikit-learn.

    Of them ``in_float64`` were repeated in float64, and ``by_library`` decided by scikit-learn.
    """

    values: NDArray[np.float64]
    in_float64: int
    by_library: int


def decide(model: SvmModel, spectra: NDArray[np.float32]) -> Decisions:
    """Decide spectra (n, bands) with scikit-learn's sign, within rounding errors of its values."""
    values, bound = bounded_decisions(model, spectra, np.float32)
    unclear = np.flatnonzero(~(np.abs(values) > bound))
    values[unclear], bound64 = bounded_decisions(model, spectra[unclear], np.float64)
    still_unclear = ~(np.abs(values[unclear]) > bound64)
    last = unclear[still_unclear]
    if len(last):
        decisions = sklearn_classifier(model).decision_function(spectra[last])
        if np.any(np.abs(decisions - values[last]) > bound64[still_unclear]):
            raise ModelError(
                f"scikit-learn {import_sklearn().__version__} gives other decisions than the SVM, "
                f"which was fitted with {model.library}; install that version or fit it again"
            )
        values[last] = decisions
    return Decisions(values=values, in_float64=len(unclear), by_library=len(last))


def bounded_decisions(
    model: SvmModel, spectra: NDArray[np.float32], dtype: Float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return decisions of spectra (n, bands) and the bound on how far scikit-learn's are from them.

    Both are (n,) float64. A bound is infinite or NaN where none holds.
    """
    values, bounds = np.empty((2, len(spectra)))
    with np.errstate(all="ignore"):  # what overflows has no finite bound
        blocks = _blocks(model, dtype)
        for first in range(0, len(spectra), _PIXELS):
            at = slice(first, first + _PIXELS)
            squares = (spectra[at].astype(np.float64) ** 2).sum(axis=1)
            columns = np.empty((spectra.shape[1] + 2, len(squares)), dtype=dtype)
            columns[:-2] = spectra[at].T
            columns[-2] = 1
            columns[-1] = -model.gamma * squares
            sums = np.empty((len(blocks), len(squares)))
            for block_sum, (factors, weights, _) in zip(sums, blocks, strict=True):
                kernel = factors @ columns
                np.exp(kernel, out=kernel)
                block_sum[:] = weights @ kernel
            values[at] = sums.sum(axis=0) + model.intercept
            norms = np.array([norm for *_, norm in blocks])
            bounds[at] = _bound(model, dtype, norms, np.sqrt(squares), np.abs(sums))
    return values, bounds


def _blocks(model: SvmModel, dtype: Float) -> list[tuple[NDArray[Any], NDArray[Any], float]]:
    """Split the support vectors into blocks of one sign of coefficients, by their norms.

    Of each block: factors of the exponent (m, bands + 2), coefficients (m,), and largest norm.
    """
    number, bands = model.support.shape
    squares = (model.support**2).sum(axis=1)
    norm = np.sqrt(squares)
    order = np.lexsort((norm, model.coefficients > 0))
    negative = int(np.count_nonzero(model.coefficients < 0))
    starts = [*range(0, negative, _BLOCK), *range(negative, number, _BLOCK)]
    factors = np.empty((number, bands + 2), dtype=dtype)
    factors[:, :bands] = 2 * model.gamma * model.support
    factors[:, bands] = -model.gamma * squares
    factors[:, bands + 1] = 1
    weights = model.coefficients.astype(dtype)
    parts = np.split(order, starts[1:])
    return [(factors[part], weights[part], float(norm[part[-1]])) for part in parts]


def _bound(
    model: SvmModel,
    dtype: Float,
    block_norms: NDArray[np.float64],
    norms: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Bound the error of pixels by their norms (n,) and absolute block sums (blocks, n).

    Step 3 with t written as a square in the pixel's norm; steps 4 and 5 are the last term.
    """
    number, bands = model.support.shape
    unit, total = float(np.finfo(dtype).eps) / 2, float(np.abs(model.coefficients).sum())
    per_exponent = 2 * (bands + 3) * unit * model.gamma
    per_sum = 18 * unit + _BLOCK * unit / (1 - _BLOCK * unit)
    rounding = 2 * (number + bands + 16) * 2.0**-53 * (total + abs(model.intercept))
    underflow = 4 * (total + number) * float(np.finfo(dtype).tiny)
    flat, linear, square = np.stack((block_norms**2, 2 * block_norms, block_norms**0)) @ sums
    exponents = per_exponent * (flat + norms * linear + norms**2 * square)
    bound = 1.08 * (exponents + per_sum * square) + rounding + underflow
    worst = per_exponent * (norms + block_norms.max()) ** 2
    return np.where(worst <= _LARGEST_EXPONENT_ERROR, bound, np.inf)


def import_sklearn() -> Any:
    """Return scikit-learn with its module ``svm``, or raise MissingDependencyError."""
    try:
        import_module("sklearn.svm")
        return import_module("sklearn")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "the SVM needs scikit-learn, which is not installed; install it with: "
            "pip install 'landslip[train]'"
        ) from error


def sklearn_classifier(model: SvmModel) -> Any:
    """Return the fitted ``sklearn.svm.SVC`` that a model was made from.

    It gives the same decisions to the last bit: these are what ``SVC`` passes to its C code.
    """
    svc = import_sklearn().svm.SVC(kernel="rbf", C=model.settings.c, gamma=model.gamma)
    background = int(np.count_nonzero(model.coefficients < 0))
    svc.classes_ = np.array([0, 1], dtype=np.uint8)
    svc.n_features_in_ = len(model.bands)
    svc.shape_fit_ = (2 * model.per_class, len(model.bands))
    svc.fit_status_ = 0
    svc.support_vectors_ = np.ascontiguousarray(model.support)
    svc.support_ = np.arange(len(model.support), dtype=np.int32)
    svc.dual_coef_ = model.coefficients[None, :].copy()
    svc.intercept_ = np.array([model.intercept])
    # the C code takes private attributes, of the opposite sign
    svc._sparse = False
    svc._gamma = model.gamma
    svc._n_support = np.array([background, len(model.support) - background], dtype=np.int32)
    svc._dual_coef_ = -svc.dual_coef_
    svc._intercept_ = -svc.intercept_
    svc._probA = svc._probB = np.empty(0)
    return svc
