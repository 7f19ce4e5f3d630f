"""Samples of points by which a map is assessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.api.extraction import Extraction
from landslip.api.inventories import Inventory
from landslip.core.arguments import (
    PathArgument,
    ProgressArgument,
    checked,
    choose,
    optional_path,
)
from landslip.core.choices import BufferSide, ReferenceClass, SampleAllocation
from landslip.core.errors import InputError, argument, excerpt
from landslip.core.html import html_table
from landslip.core.progress import progress_bar

if TYPE_CHECKING:
    import geopandas

    from landslip.inventory.sampling.design import SampleRecord
    from landslip.inventory.sampling.estimate import SampleEstimate


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Points drawn by strata of a map, to be judged.

    Attributes:
        path: the GeoPackage.
        record: how they were drawn.
    """

    path: Path
    record: "SampleRecord"

    @classmethod
    @checked()
    def open(cls, path: PathArgument) -> "Sample":
        """Open a GeoPackage that `sample` or ``landslip sample`` wrote.

        Raises:
            InputError: it is no sample, or a damaged one.
        """
        from landslip.inventory.sampling.geopackage import read_sample

        return cls(path=Path(path), record=read_sample(Path(path)).record)

    @property
    def points(self) -> "geopandas.GeoDataFrame":
        """The points in their random order, with the column ``reference`` as it is now."""
        from landslip.inventory.sampling.geopackage import read_sample

        return read_sample(self.path).points

    @checked()
    def judge(
        self,
        point: int,
        reference: str | None,
        comment: str | None = None,
        *,
        author: str | None = None,
    ) -> None:
        """Write what was found at a point into the file, whole or not at all.

        Args:
            point: its id.
            reference: ``landslide``, ``background`` or ``unclear``; None takes a judgement back.
            comment: in your own words, one line.
            author: who judged.

        Raises:
            InputError: there is no such point, or an argument is none of these.

        Examples:
            >>> drawn.judge(1, "landslide", "scar and deposit are bare", author="Ann")
        """
        from landslip.inventory.sampling.judging import Judgement, judge_point

        found = None if reference is None else choose(ReferenceClass, reference, "reference")
        judgement = Judgement(
            reference=found, comment=comment, author=author, time=datetime.now(UTC)
        )
        judge_point(self.path, point, judgement)

    @checked()
    def estimate(
        self, source: Extraction | Inventory | PathArgument | None = None
    ) -> "SampleEstimate":
        """Return the landslide area and the map's accuracies by the points judged so far.

        Args:
            source: the map that the sample was drawn from, or its folder; None: as it was then.

        Raises:
            InputError: the sample or the map cannot be read.

        Examples:
            >>> drawn.estimate("INVENTORY").adjusted.adjusted_m2
        """
        from landslip.inventory.sampling.estimate import estimate_from_sample, read_sampled_map
        from landslip.inventory.sampling.geopackage import read_sample

        content, sampled = read_sample(self.path), None
        if source is not None:
            path = source.folder if isinstance(source, Extraction | Inventory) else Path(source)
            sampled = read_sampled_map(content, path)
        return estimate_from_sample(self.path, content, sampled)

    def _repr_html_(self) -> str:
        drawn = {one.name: f"{one.drawn:,} of {one.pixels:,} pixels" for one in self.record.strata}
        return html_table("landslip sample", {"map": self.record.map.name, **drawn})


@checked("file")
def sample(
    source: Extraction | Inventory | PathArgument,
    *,
    out: PathArgument,
    strata: str | Iterable[str] = "landslide,background,buffer",
    buffer_m: float | None = None,
    buffer_side: str = BufferSide.BOTH,
    probability_classes: str | Iterable[float] | None = None,
    threshold: float | None = None,
    size: int | None = None,
    standard_error: float | None = None,
    expected: str | Mapping[str, float] | None = None,
    min_per_stratum: int = 50,
    allocation: str = SampleAllocation.OPTIMAL,
    area: PathArgument | None = None,
    resolution: float | None = None,
    hide_map: bool = True,
    seed: int = 0,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> Sample:
    """Draw a stratified random sample of a map, whose points somebody then judges.

    Fill in the column ``reference`` with landslide, background or unclear, and give the file to
    `make_inventory` as ``sample``.

    Args:
        source: from `landslip.extract` or `make_inventory`, their folder, a raster of a mask or of
            probabilities, or a file of polygons.
        out: GeoPackage to write.
        strata: ``landslide``, ``background`` and, where wanted, ``buffer``: along the edges of
            mapped landslides.
        buffer_m: reach of the buffer from an edge, in metres; None: two pixels.
        buffer_side: ``both`` sides of the edge, or ``outside``.
        probability_classes: limits that divide landslide and background by probability.
        threshold: probability from which a pixel is landslide, of a raster of probabilities; None:
            0.5.
        size: number of points; None: 500, or by ``standard_error``.
        standard_error: wanted of the overall accuracy, as a fraction.
        expected: fraction of each stratum that is expected to be right, by its name, as a mapping
            or ``landslide=0.7,background=0.98``.
        min_per_stratum: least number of points of each stratum.
        allocation: ``optimal`` (Neyman), ``proportional`` or ``equal``.
        area: polygons that limit the searched area; polygons whose mapped area is not known need
            it.
        resolution: side of a pixel in metres, of polygons; None: the scene's.
        hide_map: leave stratum and map class out of the layer of points.
        seed: of the draw.
        overwrite: replace a file that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the map cannot be read, has no coordinate system, or does not fit the options.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.sample("MAP", out="sample.gpkg", size=400).points
    """
    from landslip.inventory.sampling.design import SamplingOptions
    from landslip.inventory.sampling.run import SamplingRequest, draw_sample

    path = source.folder if isinstance(source, Extraction | Inventory) else Path(source)
    words = strata.split(",") if isinstance(strata, str) else strata
    request = SamplingRequest(
        source=path,
        out=Path(out),
        area=optional_path(area),
        options=SamplingOptions(
            strata=tuple(word.strip() for word in words),
            buffer_m=buffer_m,
            buffer_side=choose(BufferSide, buffer_side, "buffer_side"),
            probability_classes=_limits(probability_classes),
            threshold=threshold,
            size=size,
            standard_error=standard_error,
            expected=_expected(expected) if isinstance(expected, str) else expected or {},
            min_per_stratum=min_per_stratum,
            allocation=choose(SampleAllocation, allocation, "allocation"),
            resolution_m=resolution,
            seed=seed,
        ),
        hide_map=hide_map,
        overwrite=overwrite,
    )
    with progress_bar("sample", "steps", show=progress) as shown:
        record = draw_sample(request, shown)
    return Sample(path=Path(out), record=record)


def _limits(given: str | Iterable[float] | None) -> tuple[float, ...]:
    words = given.split(",") if isinstance(given, str) else given or ()
    try:
        return tuple(float(word) for word in words)
    except (TypeError, ValueError):
        raise InputError(
            f"{argument('probability_classes')} are numbers like 0.1,0.3; got "
            f"{excerpt(repr(given), 60)}"
        ) from None


def _expected(text: str) -> dict[str, float]:
    pairs = [word.partition("=") for word in text.split(",")]
    try:
        return {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        raise InputError(
            f"{argument('expected')} are fractions like landslide=0.7,background=0.98; got "
            f"{excerpt(text, 60)}"
        ) from None
