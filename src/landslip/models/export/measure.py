"""What int8 costs in F1, on tiles that it was not calibrated on."""

from dataclasses import dataclass

from landslip.core.choices import Precision, Split
from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import TileDataset
from landslip.metrics.pixels import Counts
from landslip.models.engines.openvino import OpenvinoEngine
from landslip.models.evaluation import evaluate
from landslip.models.folder import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Pixel counts of the float32 and of the int8 graph over the same tiles.

    Attributes:
        split: whose tiles they are.
        tiles: how many.
        fp32: counts of the float32 graph.
        int8: counts of the quantised one.
        other_layers: precision of the layers that are not int8.
    """

    split: Split
    tiles: int
    fp32: Counts
    int8: Counts
    other_layers: str

    @property
    def pixels(self) -> int:
        """How many pixels were counted."""
        return self.fp32.tp + self.fp32.fp + self.fp32.fn + self.fp32.tn

    @property
    def f1_percent(self) -> tuple[float, float]:
        """F1 of float32 and of int8, in percent; landslides exist, so that both are defined."""
        return 100 * (self.fp32.f1 or 0.0), 100 * (self.int8.f1 or 0.0)

    @property
    def loss_points(self) -> float:
        """F1 of float32 less that of int8, in percentage points; below 0 where int8 is better."""
        fp32, int8 = self.f1_percent
        return fp32 - int8


def measured_split(dataset: TileDataset) -> Split:
    """Return the split that int8 is measured on: validation tiles, else test tiles.

    Raises:
        InputError: there is neither, or no landslide pixel in it.
    """
    landslide_px = dataset.column("landslide_px")
    for split in (Split.VALIDATION, Split.TEST):
        if any(landslide_px[at] for at in dataset.positions(split)):
            return split
    raise InputError(
        f"{dataset.path}: what int8 costs is measured on validation or test tiles with landslides "
        f"and there is none (tiles: {dataset.card.tiles}); give a dataset made with a --val-share "
        "over 0"
    )


def measure_int8(
    model: Model, dataset: TileDataset, split: Split, progress: Progress = no_progress
) -> Cost:
    """Count the pixels of a split by the float32 and the int8 graph, at the model's threshold.

    Layers that are not int8 run in the precision that the CPU is fastest in.
    """
    tiles = len(dataset.positions(split))

    def counted(precision: Precision, before: int) -> Counts:
        engine = OpenvinoEngine(model, precision)

        def told(done: float, total: float) -> None:
            progress(before + done, 2 * total)

        return evaluate(engine, model.card, dataset, split, progress=told).counts

    return Cost(
        split=split,
        tiles=tiles,
        fp32=counted(Precision.FP32, 0),
        int8=counted(Precision.INT8, tiles),
        other_layers=OpenvinoEngine(model).precision,
    )
