"""Three-parameter inverse gamma distribution of landslide areas.

p(A) = 1 / (a Gamma(rho)) (a / (A - s))^(rho + 1) exp(-a / (A - s)) for A > s (Malamud et al. 2004,
doi 10.1002/esp.1064).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv, gammaln

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseGamma:
    """The distribution: ``rho`` without unit and over 0, ``a_m2`` over 0, ``s_m2`` of any sign."""

    rho: float
    a_m2: float
    s_m2: float

    @property
    def rollover_m2(self) -> float:
        """The most frequent area, a / (rho + 1) + s."""
        return self.a_m2 / (self.rho + 1) + self.s_m2

    @property
    def mean_m2(self) -> float:
        """The mean area, a / (rho - 1) + s; infinite for rho up to 1."""
        return self.a_m2 / (self.rho - 1) + self.s_m2 if self.rho > 1 else np.inf

    def density(self, areas_m2: Array, least_m2: float = 0.0) -> Array:
        """Return p(A | A >= least) in 1/m²; 0 under the least area and up to s."""
        inside = (areas_m2 > self.s_m2) & (areas_m2 >= least_m2)
        above = np.where(inside, areas_m2 - self.s_m2, 1.0)
        log = self.rho * np.log(self.a_m2) - gammaln(self.rho) - (self.rho + 1) * np.log(above)
        density = np.exp(log - self.a_m2 / above) / self.fraction_over(np.array(least_m2))
        return np.where(inside, density, 0.0)

    def fraction_over(self, areas_m2: Array) -> Array:
        """Return the fraction of landslides that are larger than each area."""
        above = np.maximum(areas_m2 - self.s_m2, 0)
        with np.errstate(divide="ignore"):
            ratio = np.where(above > 0, self.a_m2 / above, np.inf)
        shares: Array = gammainc(self.rho, ratio)
        return shares

    def sample(
        self, landslides: int, generator: np.random.Generator, least_m2: float = 0.0
    ) -> Array:
        """Draw areas in m², all at least ``least_m2``."""
        shares = generator.uniform(size=landslides) * self.fraction_over(np.array(least_m2))
        return self.area_exceeded_by(shares)

    def area_exceeded_by(self, shares: Array) -> Array:
        """Return the areas in m² that these shares of all landslides are larger than."""
        areas: Array = self.s_m2 + self.a_m2 / gammaincinv(self.rho, shares)
        return areas


MALAMUD_2004 = InverseGamma(rho=1.40, a_m2=1.28e3, s_m2=-1.32e2)
"""Of three complete landslide events (Malamud et al. 2004); its mean is 3,068 m², as published."""
