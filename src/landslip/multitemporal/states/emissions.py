"""What a date saw of a pixel, as the likelihood of each state: by probability map and by NDVI."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.multitemporal.states.hidden_markov import (
    FRESH,
    RECOVERED,
    RECOVERING,
    STATES,
    VEGETATED,
    Likelihood,
)
from landslip.multitemporal.vegetation_index import BARE_NDVI

LEAST_DEVIATIONS = 0.12, 0.15

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

    error: float = 0.005
    recovering_labelled: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class VegetationEmission:
    """How NDVI is believed.

    It is normal in each state, around what the date shows of vegetated and of bare ground
    (`DayVegetation`); of recovering ground midway.

    Attributes:
        recovering_deviation: standard deviation of recovering ground.
        outliers: share that is uniform over 1.5, such as crops, shadows, haze and misregistration.
        outliers_beside_map: the same on a date that has a map too: it has seen the same colours,
            and so the two are not independent.
        least_reference: a pixel that no date shows with that much of the day's vegetation has no
            reference of its own.
    """

    recovering_deviation: float = 0.20
    outliers: float = 0.1
    outliers_beside_map: float = 0.4
    least_reference: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class DayVegetation:
    """What a date shows of vegetation.

    Attributes:
        level: NDVI of the day's vegetation; NaN: NDVI says nothing on it, as under snow.
        vegetated: median and deviation of the index (`vegetation_index`) of vegetated ground.
        bare: the same of bare ground.
    """

    level: float
    vegetated: tuple[float, float] = (0.9, LEAST_DEVIATIONS[0])
    bare: tuple[float, float] = (0.1, LEAST_DEVIATIONS[1])


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


def vegetation_index(
    ndvi: Pixels, levels: NDArray[np.float64], least_reference: float
) -> tuple[Pixels, Flags]:
    """Return the vegetation index (dates, n) and which pixels have a reference of their own (n,).

    NDVI over bare ground is divided by that of the day's vegetation, which removes the season, and
    then by the pixel's reference, the highest of its dates, if that is ``least_reference`` or more:
    0 is bare ground, 1 the reference, or else the day's vegetation.

    Args:
        ndvi: (dates, n), NaN where not seen.
        levels: (dates,) NDVI of vegetation; NaN where it is not known, as is then the index.
        least_reference: see `VegetationEmission`.
    """
    bare = np.float32(BARE_NDVI)
    index = (ndvi - bare) / (levels.astype(np.float32) - bare)[:, np.newaxis]
    reference = np.where(np.isnan(index), -np.inf, index).max(axis=0)
    has_reference = reference >= least_reference
    index /= np.where(has_reference, reference, np.float32(1))
    return index, has_reference


def vegetation_likelihood(
    ndvi: Pixels,
    days: Sequence[DayVegetation],
    emission: VegetationEmission,
    has_map: Sequence[bool],
) -> Likelihood:
    """Return the likelihood (dates, 4, n) of states by NDVI (dates, n); NaN was not seen.

    Recovered ground is as vegetated ground. Without a reference of its own, a pixel is expected to
    recover to the day's vegetation, and whether it is vegetated is not judged by its NDVI: it may
    be a road.
    """
    levels = np.array([day.level for day in days])
    index, has_reference = vegetation_index(ndvi, levels, emission.least_reference)
    known = ~np.isnan(index)
    uniform = np.float32(1 / 1.5)
    likelihood = np.ones((len(ndvi), len(STATES), *ndvi.shape[1:]), dtype=np.float32)
    for at, day in enumerate(days):
        share = np.float32(emission.outliers_beside_map if has_map[at] else emission.outliers)
        midway = (day.vegetated[0] + day.bare[0]) / 2
        for state, (mean, deviation) in (
            (RECOVERED, day.vegetated),
            (FRESH, day.bare),
            (RECOVERING, (midway, emission.recovering_deviation)),
        ):
            distance = (index[at] - np.float32(mean)) / np.float32(deviation)
            density = np.exp(np.float32(-0.5) * distance**2)
            density *= (1 - share) / np.float32(deviation * np.sqrt(2 * np.pi))
            density += share * uniform
            likelihood[at, state] = np.where(known[at], density, np.float32(1))
        as_vegetated = np.where(has_reference, likelihood[at, RECOVERED], uniform)
        likelihood[at, VEGETATED] = np.where(known[at], as_vegetated, np.float32(1))
    return likelihood
