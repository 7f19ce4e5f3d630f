"""What a date saw of a pixel, as the likelihood of each state: by probability map and by NDVI."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.multitemporal.states.hidden_markov import (
    FRESH,
    RECOVERING,
    STATES,
    VEGETATED,
    Likelihood,
)
from landslip.multitemporal.vegetation_index import BARE_NDVI

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityEmission:
    """How a map of probabilities is believed.

    Attributes:
        error: share of pixels that the map has wrong however sure it is; it bounds what one date
            can say to ``(1 - error) / error``.
        recovering_labelled: share of recovering ground that the training labels call landslide.
    """

    error: float = 0.05
    recovering_labelled: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class VegetationEmission:
    """Distribution of the relative vegetation index in each state: normal, with outliers.

    The index is 0 for bare ground and 1 for the pixel's vegetated reference.

    Attributes:
        means, deviations: by state, in their order.
        outliers: share that is uniform over 1.5, such as shadows, haze and misregistration.
        bare_ndvi: NDVI of bare debris.
        least_reference: a pixel that no date shows with that much of the day's vegetation has no
            reference of its own.
    """

    means: tuple[float, float, float, float] = (1.0, 0.1, 0.5, 0.9)
    deviations: tuple[float, float, float, float] = (0.12, 0.15, 0.20, 0.15)
    outliers: float = 0.05
    bare_ndvi: float = BARE_NDVI
    least_reference: float = 0.4


def probability_likelihood(
    probability: Pixels, prior: float, emission: ProbabilityEmission
) -> Likelihood:
    """Return the likelihood (4, n) of states by the calibrated probability (n,) of landslide.

    Bayes' rule gives the likelihood ratio of landslide against other ground, in which the share of
    landslides among the training pixels has no part: p / (1 - p) (1 - prior) / prior. Where p is
    NaN, the map says nothing and all states are equal.
    """
    p = np.clip(probability, 1e-6, 1 - 1e-6, dtype=np.float32)
    ratio = p / (1 - p) * np.float32((1 - prior) / prior)
    error = np.float32(emission.error)
    ratio = ((1 - error) * ratio + error) / ((1 - error) + error * ratio)
    ratio = np.where(np.isnan(p), np.float32(1), ratio)
    labelled = np.float32(emission.recovering_labelled)
    likelihood = np.ones((len(STATES), *ratio.shape), dtype=np.float32)
    likelihood[FRESH] = ratio
    likelihood[RECOVERING] = labelled * ratio + (1 - labelled)
    return likelihood


def vegetation_likelihood(
    ndvi: Pixels, levels: NDArray[np.float64], emission: VegetationEmission
) -> Likelihood:
    """Return the likelihood (dates, 4, n) of states by NDVI (dates, n); NaN was not seen.

    NDVI is set in relation to the day's vegetated ``levels`` (dates,), which removes the season:
    0 is bare ground, 1 that level. The pixel's own reference is the highest of its dates. Where it
    is under ``least_reference``, landslides are expected to recover to the day's level, and whether
    the ground is vegetated is not judged by its NDVI: it may be a road. On a day whose level is NaN
    NDVI says nothing.
    """
    bare = emission.bare_ndvi
    scale = (1 / (levels - bare)).astype(np.float32)[:, np.newaxis]
    relative = (ndvi - np.float32(bare)) * scale
    known = ~np.isnan(relative)
    reference = np.where(known, relative, -np.inf).max(axis=0)
    has_reference = reference >= emission.least_reference
    index = relative / np.where(has_reference, reference, np.float32(1))
    uniform = np.float32(1 / 1.5)
    share = np.float32(emission.outliers)
    likelihood = np.empty((len(ndvi), len(STATES), *ndvi.shape[1:]), dtype=np.float32)
    for state in range(len(STATES)):
        deviation = np.float32(emission.deviations[state])
        distance = (index - np.float32(emission.means[state])) / deviation
        density = np.exp(np.float32(-0.5) * distance**2)
        density *= (1 - share) / (deviation * np.float32(np.sqrt(2 * np.pi)))
        density += share * uniform
        if state == VEGETATED:
            density = np.where(has_reference, density, uniform)
        likelihood[:, state] = np.where(known, density, np.float32(1))
    return likelihood
