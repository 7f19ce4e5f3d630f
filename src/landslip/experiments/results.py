"""``results.json``: the results of an experiment, and the content of its report; no torch here."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from landslip.core.choices import Tta
from landslip.core.files import atomic_file
from landslip.core.records import StrictModel
from landslip.datasets.position_prior import PositionPrior
from landslip.datasets.splits.tile_groups import GroupKind
from landslip.metrics.pixels import PixelCounts

FILE = "results.json"
FORMAT_VERSION = 1


class DatasetFacts(StrictModel):
    """A data set of the experiment."""

    title: str
    source: str
    tiles: int
    tile_size: int
    bands: tuple[str, ...]
    units: str
    resolution_m: float | None
    landslide_share: float | None
    pixels_sha256: str
    position_prior: PositionPrior | None = None
    tile_groups: GroupKind | None = Field(
        None,
        description="what the groups of tiles are that intervals are over; None: unknown, in "
        "results of earlier versions",
    )
    scenes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    notes: tuple[str, ...] = Field((), description="on its making, e.g. renamed bands")


class FoldFacts(StrictModel):
    """One division of a data set's tiles."""

    sha256: str
    tiles: dict[str, int] = Field(description="number of tiles by side: train, val, test, unused")
    notes: tuple[str, ...] = ()


class SplitFacts(StrictModel):
    """A split of a data set, with its folds."""

    dataset: str
    split: str
    method: str = Field(description="random, groups, blocks, scene or event")
    description: str = Field(description="in words")
    folds: tuple[FoldFacts, ...]


class MethodFacts(StrictModel):
    """A method and its costs."""

    label: str
    arch: str = Field(description="svm, or a network's")
    encoder: str | None = None
    transferred: bool = False
    weights: str | None = Field(None, description="file name or origin of the encoder's weights")
    first_layer: str | None = None
    tta: Tta = Field(Tta.NONE, description="test-time augmentation of its probabilities")
    parameters: int | None = None
    gflop_per_tile: float | None = Field(None, description="of 256 x 256 pixels, forward")
    mpix_per_s: float | None = Field(None, description="inference, median of rounds side by side")
    engine: str | None = None
    notes: tuple[str, ...] = Field((), description="e.g. on unpublished details")


class Deviation(StrictModel):
    """A setting that differs from the paper's, and the methods, splits or data sets with it."""

    setting: str
    paper: str
    here: str
    where: tuple[str, ...]


class TileCounts(StrictModel):
    """The pixels of one tile, and the group of tiles that it depends on.

    Without a group, as in results of earlier versions, it is its own.
    """

    tile_id: str
    group: str | None = None
    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def counts(self) -> PixelCounts:
        """The same as a `PixelCounts`."""
        return PixelCounts(tp=self.tp, fp=self.fp, fn=self.fn, tn=self.tn)


class SizeClassScores(StrictModel):
    """Objects from ``at_least_px`` to under ``under_px`` pixels (None: no limit)."""

    at_least_px: int
    under_px: int | None
    landslides: int
    detected: int
    found: int | None = Field(
        None, description="predicted objects of this size; None in files of earlier versions"
    )
    false: int | None = None


class ObjectScores(StrictModel):
    """Landslides as objects; see `landslip.metrics.objects`."""

    by_size: tuple[SizeClassScores, ...]
    found: int = Field(description="predicted objects")
    false: int = Field(description="of them, those that match no landslide")
    searched_px: int
    searched_km2: float | None = Field(description="None where the resolution is unknown")


class BoundaryScores(StrictModel):
    """Boundary pixels with a match within the tolerance, summed over tiles."""

    tolerance_px: int
    found: int
    found_near: int
    known: int
    known_near: int


class ProbabilityHistogram(StrictModel):
    """Pixels of the test tiles by probability, in equal bins from 0 to 1.

    ``ranking`` has landslide and other pixels in bins that tell the order of probabilities near 0
    and 1 too; see `landslip.metrics.curves.ranking_bins`. None in files of earlier versions.
    """

    landslide: tuple[int, ...]
    other: tuple[int, ...]
    mean_probability: tuple[float, ...] = Field(description="of each bin's pixels; 0 where empty")
    ranking: tuple[tuple[int, ...], tuple[int, ...]] | None = None


class TileHistogram(StrictModel):
    """Pixels of a test tile by probability, in fewer bins, for intervals over groups of tiles."""

    landslide: tuple[int, ...]
    other: tuple[int, ...]


class AdjustedArea(StrictModel):
    """Error-adjusted landslide fraction of the test tiles, with its standard error.

    ``adjusted_share`` is by user's accuracies (Olofsson et al. 2014), ``rates_share`` by
    sensitivity and specificity (Rogan and Gladen 1978), None where undefined or not computed; see
    `landslip.metrics.area`.
    """

    mapped_share: float
    adjusted_share: float
    standard_error: float
    reference_share: float
    rates_share: float | None = None
    rates_error: float | None = None


class OffCentreScores(StrictModel):
    """Pixels of test tiles that a moved window shows; see `landslip.datasets.off_centre`."""

    centred: tuple[TileCounts, ...] = Field(description="where the window is the tile")
    off_centre: tuple[TileCounts, ...] = Field(description="the same pixels, in the moved window")
    surroundings: dict[str, int] = Field(
        description="number of windows that show neighbours, background or mirrored ground"
    )


class RunScores(StrictModel):
    """Scores of one run on its test tiles, at its threshold."""

    threshold: float
    tiles: tuple[TileCounts, ...]
    objects: ObjectScores
    boundary: BoundaryScores
    curves: ProbabilityHistogram
    tile_curves: tuple[TileHistogram, ...] = Field(
        (), description="of the tiles, in their order; (): a file of an earlier version"
    )
    area: AdjustedArea | None
    off_centre: OffCentreScores | None = Field(
        None, description="of networks, on tile sets with a strong position prior"
    )


class RunKey(StrictModel):
    """A run: one method, trained once on one fold.

    Without ``train_tiles`` it has all. It is tested on another data set, the ``target``, where
    there is one, and fine-tuned on ``tune_tiles`` tiles of it.
    """

    dataset: str
    split: str
    fold: int = 0
    method: str
    seed: int = 0
    train_tiles: int | None = None
    target: str | None = None
    target_fold: int = 0
    tune_tiles: int = 0

    @property
    def slug(self) -> str:
        """A folder name, unique to the key."""
        parts = [self.dataset, self.split, f"fold{self.fold}", self.method, f"seed{self.seed}"]
        if self.train_tiles is not None:
            parts.append(f"tiles{self.train_tiles}")
        if self.target is not None:
            parts += ["to", self.target, f"fold{self.target_fold}", f"tune{self.tune_tiles}"]
        return "--".join(parts)


class RunFacts(StrictModel):
    """A run, done or failed."""

    key: RunKey
    state: Literal["done", "failed"] = "done"
    problem: str | None = None
    digest: str = Field(description="of its settings, pixels and split")
    split_sha256: str = ""
    trained_on: int = Field(0, description="training tiles")
    validated_on: int = 0
    epoch: int | None = Field(None, description="the best one")
    epochs: int | None = None
    train_seconds: float | None = None
    threads: int | None = None
    device: str | None = None
    precision: str | None = None
    scores: RunScores | None = None


class Results(StrictModel):
    """The content of ``results.json``; its runs are called ``cells`` there."""

    format: Literal["landslip-results"] = "landslip-results"
    version: int = FORMAT_VERSION
    name: str
    description: str = ""
    created: str
    code_version: str
    commit: str | None
    machine: str
    packages: dict[str, str] = Field(description="versions")
    config: dict[str, Any]
    seeds: tuple[int, ...]
    reference: str = Field(description="method that others are compared with")
    datasets: dict[str, DatasetFacts]
    splits: tuple[SplitFacts, ...]
    methods: dict[str, MethodFacts]
    cells: tuple[RunFacts, ...]
    deviations: tuple[Deviation, ...] = Field((), description="from the paper's settings")
    baselines: tuple[RunFacts, ...] = Field(
        (), description="the mean mask of the training tiles, which sees no image, on each fold"
    )
    seconds: float

    def write(self, folder: Path) -> None:
        """Write ``results.json`` into a folder."""
        with atomic_file(folder / FILE, overwrite=True) as file:
            file.write_text(self.model_dump_json(indent=1) + "\n")
