"""Volume of all landslides by relations between area and volume, V = alpha A^gamma.

Orders of magnitude. Such relations are lines through the logarithms of areas and volumes of other
landslides, whose volumes for one area span two orders of magnitude. Areas are those on the map,
source and deposit together, as they are mapped from images; relations of scars, the source alone,
give too much for such outlines.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.statistics.bootstrap import percentile_estimate
from landslip.inventory.statistics.result import VolumeTotal

EACH_LOG10 = 0.4
"""Assumed standard deviation of one landslide's log10 volume about the relation."""
ALL_LOG10 = 0.3
"""Assumed standard deviation, of one kind for all landslides of an inventory: a factor of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A published relation; V in m³ for A in m². Standard errors are 0 where none is at hand."""

    name: str
    reference: str
    alpha: float
    gamma: float
    log10_alpha_error: float = 0.0
    gamma_error: float = 0.0


RELATIONS = (
    Relation(
        name="Guzzetti et al. 2009, landslides of the slide type",
        reference="doi 10.1016/j.epsl.2009.01.005",
        alpha=0.074,
        gamma=1.450,
    ),
    Relation(
        name="Larsen et al. 2010, all landslides",
        reference="doi 10.1038/ngeo776",
        alpha=10**-0.836,
        gamma=1.332,
    ),
    Relation(
        name="Larsen et al. 2010, scars in soil",
        reference="doi 10.1038/ngeo776, table S1",
        alpha=10**-0.649,
        gamma=1.262,
        log10_alpha_error=0.021,
        gamma_error=0.009,
    ),
    Relation(
        name="Larsen et al. 2010, scars in bedrock",
        reference="doi 10.1038/ngeo776, table S1",
        alpha=10**-0.63,
        gamma=1.41,
        log10_alpha_error=0.06,
        gamma_error=0.02,
    ),
)


def volumes_of(
    areas_m2: NDArray[np.float64], draws: int, seed: int, level: float
) -> tuple[VolumeTotal, ...]:
    """Return the total volume by each relation; none without areas.

    The value is the sum of alpha A^gamma. The interval is that of draws of log10 alpha and gamma
    within their published standard errors, as if independent, and of two normal errors of log10
    V that are assumed: `ALL_LOG10`, shared by all landslides, and `EACH_LOG10`, of each, which
    counts as 1 over the root of the number of landslides that make up the volume.
    """
    if len(areas_m2) == 0:
        return ()
    return tuple(
        _total(
            relation, areas_m2, np.random.default_rng([seed, 4, at]).normal(size=(4, draws)), level
        )
        for at, relation in enumerate(RELATIONS)
    )


def _total(
    relation: Relation, areas_m2: NDArray[np.float64], errors: NDArray[np.float64], level: float
) -> VolumeTotal:
    logs = np.log(areas_m2)
    each = relation.alpha * np.exp(relation.gamma * logs)
    total = float(each.sum())
    several = total**2 / float(np.sum(each**2))
    by_alpha, by_gamma, of_all, of_each = errors
    gammas = relation.gamma_error * by_gamma
    # over so small a change of gamma, the logarithm of the sum is a parabola
    mean = float(np.average(logs, weights=each))
    spread = float(np.average((logs - mean) ** 2, weights=each))
    log10 = (
        np.log10(total)
        + relation.log10_alpha_error * by_alpha
        + (gammas * mean + gammas**2 * spread / 2) / np.log(10)
        + ALL_LOG10 * of_all
        + EACH_LOG10 / np.sqrt(several) * of_each
    )
    return VolumeTotal(
        relation=relation.name,
        reference=relation.reference,
        alpha=relation.alpha,
        gamma=relation.gamma,
        total_m3=percentile_estimate(total, 10**log10, level),
    )
