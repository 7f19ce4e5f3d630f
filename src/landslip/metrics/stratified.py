"""Estimates from units drawn at random, without replacement, within strata.

The strata need not be the classes of the map: each figure is the mean of an indicator, or the
ratio of two means (Stehman 2014, International Journal of Remote Sensing 35: 4923-4939, doi
10.1080/01431161.2014.930207). Where they are the classes of the map, the estimates are those of
Olofsson et al. 2013 (doi 10.1016/j.rse.2012.10.031, equations 9 to 11) and 2014
(`landslip.metrics.area`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate and its standard error; NaN where undefined."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StratifiedSample:
    """Units drawn within strata.

    Attributes:
        strata: (n,) int64 index of each unit's stratum.
        weights: (strata,) W_h, the fraction of the area that each stratum has; they sum to 1.
        sizes: (strata,) N_h, how many units each stratum has, of which these were drawn.

    Raises:
        ValueError: the shapes do not fit, the weights do not sum to 1, or more units were drawn
            from a stratum than it has.
    """

    strata: NDArray[np.int64]
    weights: Array
    sizes: Array

    def __post_init__(self) -> None:
        if self.weights.ndim != 1 or self.weights.shape != self.sizes.shape:
            raise ValueError(
                f"weights and sizes are (strata,); got {self.weights.shape} and {self.sizes.shape}"
            )
        if not np.isclose(self.weights.sum(), 1):
            raise ValueError(f"the weights of strata sum to 1; got {self.weights.sum():.6g}")
        if (self.drawn > self.sizes).any():
            raise ValueError("no more units can be drawn from a stratum than it has")

    @property
    def drawn(self) -> NDArray[np.int64]:
        """Numbers n_h of units (strata,)."""
        return np.bincount(self.strata, minlength=len(self.weights))

    def mean(self, values: ArrayLike) -> Estimate:
        """Return the mean of a variable over the area, from its values (n,).

        It is the sum over strata of W_h times the mean in the stratum; its variance is the sum of
        W_h^2 (1 - n_h / N_h) s_h^2 / n_h, with s_h^2 the sample variance. NaN where a stratum with
        a weight has no unit; the standard error needs two units of each that was not drawn whole.
        """
        numbers = np.asarray(values, np.float64)
        return Estimate(value=self._mean(numbers), standard_error=self._error(numbers))

    def ratio(self, above: ArrayLike, below: ArrayLike) -> Estimate:
        """Return the ratio R of the means of two variables, from their values (n,).

        The combined ratio estimator. Its variance is that of the mean of ``above - R below``
        divided by the squared mean of ``below``, to first order. NaN where that mean is 0.
        """
        upper, lower = np.asarray(above, np.float64), np.asarray(below, np.float64)
        total = self._mean(lower)
        if not total > 0:
            return Estimate(value=np.nan, standard_error=np.nan)
        ratio = self._mean(upper) / total
        return Estimate(value=ratio, standard_error=self._error(upper - ratio * lower) / total)

    def _mean(self, values: Array) -> float:
        return float(self._weighted(self._stratum_means(values)))

    def _stratum_means(self, values: Array) -> Array:
        sums = np.bincount(self.strata, values, minlength=len(self.weights))
        with np.errstate(divide="ignore", invalid="ignore"):
            means: Array = sums / self.drawn
        return means

    def _error(self, values: Array) -> float:
        drawn, weights = self.drawn, self.weights
        residuals = values - self._stratum_means(values)[self.strata]
        squares = np.bincount(self.strata, residuals**2, minlength=len(weights))
        with np.errstate(divide="ignore", invalid="ignore"):
            variances = (1 - drawn / self.sizes) * squares / (drawn - 1) / drawn
        variances[drawn == self.sizes] = 0  # all are known
        return float(np.sqrt(self._weighted(weights * variances)))

    def _weighted(self, values: Array) -> float:
        """Return the sum over strata of W_h times a value; strata without area count nothing."""
        return float(np.where(self.weights > 0, self.weights * values, 0).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideEstimates:
    """What a stratified sample says of landslides and of the map.

    Attributes:
        fraction: of the area that is landslide (Stehman 2014, equation 14).
        users: user's accuracy (equations 18 and 19): of what is mapped, the fraction that is right.
        producers: producer's accuracy (equations 22 and 23), which is the sensitivity: of the
            landslides, the fraction that is mapped.
        specificity: of what is no landslide, the fraction that is not mapped.
        overall: overall accuracy (equation 12).
        by_rates: fraction of the area that is landslide from sensitivity, specificity and the
            mapped fraction, see `fraction_by_rates`.
    """

    fraction: Estimate
    users: Estimate
    producers: Estimate
    specificity: Estimate
    overall: Estimate
    by_rates: Estimate


def landslide_estimates(
    sample: StratifiedSample,
    mapped: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    mapped_fraction: float,
    unit_areas: Array | None = None,
) -> LandslideEstimates:
    """Return area and accuracies from units whose map and reference class are known.

    Args:
        sample: how the units were drawn.
        mapped: (n,) whether a unit is mapped as landslide, by any map of the area.
        reference: (n,) whether it is landslide.
        mapped_fraction: W, the fraction of the area that this map has as landslide.
        unit_areas: (n,) area of each unit over the mean of its stratum, as of pixels in degrees;
            None: all are equal.
    """
    areas = np.ones(len(mapped)) if unit_areas is None else unit_areas
    found, true = mapped.astype(np.float64), reference.astype(np.float64)
    right, wrong = areas * found * true, areas * found * (1 - true)
    sensitivity = sample.ratio(right, areas * true)
    false_positives = sample.ratio(wrong, areas * (1 - true))
    fraction = sample.mean(areas * true)
    by_rates = fraction_by_rates(mapped_fraction, sensitivity.value, 1 - false_positives.value)
    # how the estimate varies with each unit, to first order
    with np.errstate(divide="ignore", invalid="ignore"):
        change = -(
            by_rates * (right - sensitivity.value * areas * true) / fraction.value
            + (1 - by_rates)
            * (wrong - false_positives.value * areas * (1 - true))
            / (1 - fraction.value)
        ) / (sensitivity.value - false_positives.value)
    return LandslideEstimates(
        fraction=fraction,
        users=sample.ratio(right, areas * found),
        producers=sensitivity,
        specificity=Estimate(
            value=1 - false_positives.value, standard_error=false_positives.standard_error
        ),
        overall=sample.mean(areas * (found == true)),
        by_rates=Estimate(value=by_rates, standard_error=sample.mean(change).standard_error),
    )


def fraction_by_rates(mapped_fraction: float, sensitivity: float, specificity: float) -> float:
    """Return the fraction of landslide from the mapped one and the map's error rates.

    (W + specificity - 1) / (sensitivity + specificity - 1), Rogan and Gladen 1978 (American Journal
    of Epidemiology 107: 71-76, doi 10.1093/oxfordjournals.aje.a112510), from W = sensitivity p +
    (1 - specificity)(1 - p). It is clipped to 0 and 1. The rates may come from any area in which
    landslides are found, and what is none mistaken for one, as often as here; how common landslides
    are there does not matter. NaN where the sum of the rates is at most 1: such a map says nothing.
    """
    informedness = sensitivity + specificity - 1
    if not informedness > 0:
        return np.nan
    return float(np.clip((mapped_fraction + specificity - 1) / informedness, 0, 1))
