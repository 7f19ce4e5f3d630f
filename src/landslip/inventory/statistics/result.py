"""``statistics.json``: what an inventory says as a whole. Areas are on the map."""

from pydantic import model_validator

from landslip.core.messages import Message, complete_notes
from landslip.core.records import StrictModel
from landslip.metrics.bootstrap import IntervalEstimate


class LandslideSizes(StrictModel):
    """The areas of the landslides, in m²."""

    smallest_m2: float
    median_m2: float
    mean_m2: float
    p90_m2: float
    largest_m2: float


class AreaHistogram(StrictModel):
    """Landslides by area, in classes of equal width of the logarithm.

    Attributes:
        edges_m2: (classes + 1,).
        landslides: (classes,).
        density_per_m2: (classes,) probability density: share of all landslides over the width.
    """

    edges_m2: tuple[float, ...]
    landslides: tuple[int, ...]
    density_per_m2: tuple[float, ...]


class InverseGammaFit(StrictModel):
    """Three-parameter inverse gamma of area (Malamud et al. 2004, doi 10.1002/esp.1064).

    p(A) = 1 / (a Gamma(rho)) (a / (A - s))^(rho + 1) exp(-a / (A - s)), with A, a and s in m²,
    conditioned on A at least ``least_m2`` where the inventory is cut off there. Where areas do not
    bound rho and s (``is_bounded`` false), use the curve and neither of the two alone.
    """

    rho: IntervalEstimate
    a_m2: IntervalEstimate
    s_m2: IntervalEstimate
    rollover_m2: IntervalEstimate
    least_m2: float
    landslides: int
    log_likelihood: float
    ks_distance: float
    is_bounded: bool = True


class PowerLawFit(StrictModel):
    """Power law of the tail: p(A) proportional to A^-exponent from ``from_m2`` on.

    Clauset et al. 2009 (doi 10.1137/070710111); exponent is rho + 1 of an inverse gamma's tail.
    """

    exponent: IntervalEstimate
    from_m2: IntervalEstimate
    landslides: int
    ks_distance: float
    p_value: float | None


class AreaFrequency(StrictModel):
    """How often landslides of which area are."""

    histogram: AreaHistogram | None
    inverse_gamma: InverseGammaFit | None
    power_law: PowerLawFit | None


class EventMagnitude(StrictModel):
    """Landslide-event magnitude (Malamud et al. 2004): log10 of the number of landslides.

    ``from_count`` takes the number mapped; ``from_large`` the number that the standard
    distribution asks for, given the large ones, which are missed least.
    """

    from_count: float | None
    from_large: IntervalEstimate | None
    large_from_m2: float | None


class VolumeTotal(StrictModel):
    """Volume of all landslides by one relation V = alpha A^gamma; an order of magnitude."""

    relation: str
    reference: str
    alpha: float
    gamma: float
    total_m3: IntervalEstimate


class SampledStratum(StrictModel):
    """A stratum of a sample that was drawn by the map; see `landslip.inventory.sampling`.

    ``drawn`` points were drawn of ``pixels``; of the ``judged`` ones, ``landslides`` are one.
    """

    kind: str
    low: float | None = None
    high: float | None = None
    pixels: int
    area_m2: float
    drawn: int
    judged: int
    landslides: int


class AdjustedLandslideArea(StrictModel):
    """Area of landslide adjusted for the map's errors, by two estimators.

    Attributes:
        method: what the errors come from, and the estimator of ``adjusted_m2``.
        samples: points or tiles.
        mapped_m2: area of the landslides that are mapped.
        adjusted_m2: of points by their strata (Olofsson et al. 2014, Stehman 2014); of tiles by
            user's accuracies, which takes landslides to be as common on the tiles as here.
        by_rates_m2: by sensitivity and specificity (Rogan and Gladen 1978), which takes neither
            to depend on how common landslides are; None in files of earlier versions.
        users_accuracy: of what is mapped, the fraction that is right.
        producers_accuracy: of the landslides, the fraction that is mapped.
        overall_accuracy: of the area, the fraction that is mapped right.
        sensitivity: the producer's accuracy that ``by_rates_m2`` takes.
        specificity: of what is no landslide, the fraction that is not mapped.
        strata: of a sample that was drawn by the map.
    """

    method: str
    samples: int
    mapped_m2: float
    adjusted_m2: IntervalEstimate
    users_accuracy: IntervalEstimate
    producers_accuracy: IntervalEstimate
    overall_accuracy: IntervalEstimate
    level: float
    by_rates_m2: IntervalEstimate | None = None
    sensitivity: IntervalEstimate | None = None
    specificity: IntervalEstimate | None = None
    strata: tuple[SampledStratum, ...] = ()


class DateTotal(StrictModel):
    """The landslides of a date, as precise as it is stated; None: those without one."""

    date: str | None
    landslides: int
    area_m2: float | None


class InventoryStatistics(StrictModel):
    """The whole of ``statistics.json``; ``dates`` where landslides have their own."""

    landslides: int
    area_m2: float | None
    surface_m2: float | None
    mapped_m2: float | None
    landslides_per_km2: float | None
    area_share: float | None
    sizes: LandslideSizes | None
    area_frequency: AreaFrequency | None
    magnitude: EventMagnitude | None
    volumes: tuple[VolumeTotal, ...]
    adjusted: AdjustedLandslideArea | None
    dates: tuple[DateTotal, ...] = ()
    interval_level: float
    draws: int
    seed: int
    notes: tuple[str, ...]
    messages: tuple[Message, ...] = ()
    _complete = model_validator(mode="before")(complete_notes)
