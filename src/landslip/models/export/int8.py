"""Quantisation of the stored graph to int8 by NNCF, and its loss of F1 on other tiles."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

import numpy as np
import openvino
from numpy.typing import NDArray

from landslip.core.choices import Precision, Split
from landslip.core.errors import InputError, argument
from landslip.core.progress import Progress, no_progress
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.metrics.pixels import PixelCounts
from landslip.models.engines.openvino import OpenvinoEngine, graph_errors, split_last_convolution
from landslip.models.evaluation import evaluate
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, ModelFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisationTiles:
    """The training tiles, at most ``tiles``, that the ranges of activations are calibrated on."""

    dataset: TileDataset
    tiles: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tiles < 1:
            raise InputError(f"{argument('tiles')} is at least 1 tile; got {self.tiles}")

    def positions(self) -> list[int]:
        """Return the positions of the sampled training tiles, in the dataset's order."""
        training = self.dataset.positions(Split.TRAIN)
        if not training:
            raise InputError(
                f"{self.dataset.path}: int8 is calibrated on training tiles and there are none "
                f"(tiles: {self.dataset.card.tiles}); use the dataset that the model was trained "
                f"on, or one made with {argument('test_share')} below 1"
            )
        generator = np.random.default_rng(self.seed)
        sample = generator.choice(training, min(self.tiles, len(training)), replace=False)
        return [int(position) for position in np.sort(sample)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisationLoss:
    """Pixel counts of the float32 and the int8 graph over the same tiles.

    ``other_layers`` is the precision of the layers that are not int8.
    """

    fp32: PixelCounts
    int8: PixelCounts
    other_layers: str

    @property
    def pixels(self) -> int:
        """Number of counted pixels."""
        return self.fp32.tp + self.fp32.fp + self.fp32.fn + self.fp32.tn

    @property
    def f1_percent(self) -> tuple[float, float]:
        """F1 of float32 and of int8 in percent; both are defined, since there are landslides."""
        return 100 * (self.fp32.f1 or 0.0), 100 * (self.int8.f1 or 0.0)

    @property
    def loss_points(self) -> float:
        """F1 of float32 minus that of int8, in percentage points; negative if int8 is better."""
        fp32, int8 = self.f1_percent
        return fp32 - int8


def quantise_graph(
    model: ModelFolder, calibration: QuantisationTiles, progress: Progress = no_progress
) -> openvino.Model:
    """Quantise the weights and activations of a model's float32 graph to 8 bits.

    The first convolution keeps its precision: it reads the image, whose 8-bit steps would reach
    every layer, and takes a small part of the time. Ranges are the minimum and maximum activation
    over all tiles: NNCF's default, the mean of the tiles' extremes, clips what landslides activate.
    """
    path, _ = model.file(GRAPH), model.file(GRAPH_WEIGHTS)
    with graph_errors(path):
        graph = openvino.Core().read_model(path)
        split_last_convolution(graph)  # cannot be recognised after quantisation
    first_convolution = next(
        str(node.get_friendly_name())
        for node in graph.get_ordered_ops()
        if node.get_type_name() in {"Convolution", "GroupConvolution"}
    )
    card, dataset, positions = model.card, calibration.dataset, calibration.positions()
    normalisation = card.normalisation_of(dataset.card.radiometry, dataset.bands)
    order = dataset.bands.positions_of(card.bands)

    def tile(numbered: tuple[int, int]) -> NDArray[np.float32]:
        number, position = numbered
        progress(number, len(positions))
        return whole_tile(dataset, position, normalisation, card.input.multiple, order)[np.newaxis]

    with _quiet_nncf():
        import nncf
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet

        return nncf.quantize(
            graph,
            nncf.Dataset(list(enumerate(positions, start=1)), tile),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(positions),
            fast_bias_correction=True,
            ignored_scope=nncf.IgnoredScope(names=[first_convolution]),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )


@contextmanager
def silent_logging() -> Iterator[None]:
    """Silence the logs of other libraries."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _quiet_nncf() -> Iterator[None]:
    """Keep NNCF from drawing bars and printing about torch."""
    with silent_logging(), redirect_stdout(io.StringIO()):
        yield


def evaluation_split(dataset: TileDataset) -> Split:
    """Return the split that int8 is evaluated on: validation, else test tiles, with landslides."""
    landslide_px = dataset.column("landslide_px")
    for split in (Split.VALIDATION, Split.TEST):
        if any(landslide_px[at] for at in dataset.positions(split)):
            return split
    raise InputError(
        f"{dataset.path}: the F1 loss of int8 is measured on validation or test tiles with "
        f"landslides and there are none (tiles: {dataset.card.tiles}); use a dataset made with "
        f"{argument('val_share')} above 0"
    )


def measure_quantisation_loss(
    model: ModelFolder, dataset: TileDataset, split: Split, progress: Progress = no_progress
) -> QuantisationLoss:
    """Count a split's pixels with the float32 and the int8 graph, at the model's threshold.

    Layers that are not int8 run in the CPU's fastest precision.
    """
    tiles = len(dataset.positions(split))

    def counts(precision: Precision, before: int) -> PixelCounts:
        engine = OpenvinoEngine(model, precision)

        def report(done: float, total: float) -> None:
            progress(before + done, 2 * total)

        return evaluate(engine, model.card, dataset, split, force=True, progress=report).counts

    fp32, int8 = counts(Precision.FP32, 0), counts(Precision.INT8, tiles)
    return QuantisationLoss(fp32=fp32, int8=int8, other_layers=OpenvinoEngine(model).precision)
