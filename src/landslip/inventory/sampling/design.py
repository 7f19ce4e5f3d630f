"""What a sample is asked for, and how one was drawn."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from landslip.core.choices import BufferSide, SampleAllocation
from landslip.core.errors import InputError, argument, excerpt
from landslip.core.records import StrictModel

LANDSLIDE, BACKGROUND, BUFFER = "landslide", "background", "buffer"
KINDS = (LANDSLIDE, BACKGROUND, BUFFER)
DEFAULT_EXPECTED = {LANDSLIDE: 0.7, BACKGROUND: 0.98, BUFFER: 0.7}
DEFAULT_SIZE, DEFAULT_LEAST, MAX_SIZE = 500, 50, 100_000
MIN_STANDARD_ERROR, MAX_LIMITS = 1e-4, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingOptions:
    """How a sample is drawn.

    Attributes:
        strata: ``landslide`` and ``background``, and ``buffer`` where wanted.
        buffer_m: pixels whose centre is at most so far from the edge of a mapped landslide are in
            the buffer; None: two pixels.
        buffer_side: on which side of the edge.
        probability_classes: limits that divide landslide and background by probability.
        threshold: probability from which a pixel is landslide, of a raster of probabilities.
        size: number of points; None: `DEFAULT_SIZE`, or by ``standard_error``.
        standard_error: wanted of the overall accuracy, as a fraction.
        expected: fraction of each kind of stratum whose map class is expected to be right.
        min_per_stratum: least number of points of each.
        allocation: of the points to the strata.
        resolution_m: side of a pixel, of polygons.
        seed: of the draw.
    """

    strata: tuple[str, ...] = KINDS
    buffer_m: float | None = None
    buffer_side: BufferSide = BufferSide.BOTH
    probability_classes: tuple[float, ...] = ()
    threshold: float | None = None
    size: int | None = None
    standard_error: float | None = None
    expected: Mapping[str, float] = field(default_factory=dict)
    min_per_stratum: int = DEFAULT_LEAST
    allocation: SampleAllocation = SampleAllocation.OPTIMAL
    resolution_m: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_strata()
        self._check_size()
        for name, value in (("buffer_m", self.buffer_m), ("resolution", self.resolution_m)):
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{argument(name)} is over 0 metres; got {value:g}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InputError(
                f"{argument('threshold')} is over 0 and at most 1; got {self.threshold:g}"
            )
        for kind, value in self.expected.items():
            if kind not in KINDS or not 0 <= value <= 1:
                raise InputError(
                    f"{argument('expected')} states fractions from 0 to 1 of {', '.join(KINDS)}; "
                    f"got {kind}={value}"
                )

    def _check_strata(self) -> None:
        unknown = {*self.strata} - {*KINDS}
        if unknown or not {LANDSLIDE, BACKGROUND} <= {*self.strata}:
            raise InputError(
                f"{argument('strata')} are landslide, background and, where wanted, buffer, which "
                f"together are the whole area; got {', '.join(self.strata)}"
            )
        limits = self.probability_classes
        texts = [f"{one:g}" for one in limits]  # as the strata are called
        ascends = list(limits) == sorted(limits) and len({*texts}) == len(texts)
        if not ascends or len(limits) > MAX_LIMITS or not all(0 < one < 1 for one in limits):
            raise InputError(
                f"{argument('probability_classes')} are at most {MAX_LIMITS} limits over 0 and "
                f"under 1 that ascend; got {excerpt(', '.join(texts), 60)}"
            )

    def _check_size(self) -> None:
        if self.size is not None and self.standard_error is not None:
            raise InputError(
                f"{argument('size')} and {argument('standard_error')} both fix how many points "
                "there are; give one"
            )
        if self.size is not None and not 2 <= self.size <= MAX_SIZE:
            raise InputError(f"{argument('size')} is 2 to {MAX_SIZE:,} points; got {self.size}")
        error = self.standard_error
        if error is not None and not MIN_STANDARD_ERROR <= error < 0.5:
            raise InputError(
                f"{argument('standard_error')} is {MIN_STANDARD_ERROR:g} to under 0.5, a "
                f"fraction; got {error:g}"
            )
        if not 2 <= self.min_per_stratum <= MAX_SIZE:
            raise InputError(
                f"{argument('min_per_stratum')} is at least 2 points, without which a stratum has "
                f"no standard error, and at most {MAX_SIZE:,}; got {self.min_per_stratum}"
            )


class DrawnStratum(StrictModel):
    """A stratum, and how many points were drawn of its pixels.

    ``low`` and ``high`` are the limits of its probabilities where classes of these were asked for.
    ``expected`` is the fraction whose map class was expected to be right.
    """

    kind: Literal["landslide", "background", "buffer"]
    low: float | None = None
    high: float | None = None
    pixels: int
    area_m2: float
    expected: float
    drawn: int

    @property
    def name(self) -> str:
        """``landslide``, or ``background_0.1_0.3`` of a class of probabilities."""
        limits = () if self.low is None or self.high is None else (self.low, self.high)
        return "_".join((self.kind, *(f"{one:g}" for one in limits)))


class MapReference(StrictModel):
    """The map that a sample was drawn from.

    ``digest`` is that of the extraction's job, of the polygons, or of the raster file.
    """

    kind: Literal["extraction", "polygons", "raster"]
    name: str
    place: str
    digest: str


class SampleRecord(StrictModel):
    """How a sample was drawn; a table of the sample's file holds it.

    ``transform`` maps columns and rows of the map's grid to its coordinates.
    """

    format: Literal["landslip-sample"] = "landslip-sample"
    version: Literal[1] = 1
    code_version: str
    map: MapReference
    crs: str
    width: int
    height: int
    transform: tuple[float, float, float, float, float, float]
    resolution_m: float
    buffer_m: float | None
    buffer_side: BufferSide | None
    threshold: float | None
    allocation: SampleAllocation
    min_per_stratum: int
    standard_error: float | None
    seed: int
    strata: tuple[DrawnStratum, ...]
