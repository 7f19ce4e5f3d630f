"""The stored graph in int8, quantised after training by NNCF."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from landslip.core.choices import Precision, Split
from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.metrics.pixels import PixelCounts
from landslip.models.engines.openvino import OpenvinoEngine, split_last_convolution
from landslip.models.evaluation import evaluate
from landslip.models.folder import (
    GRAPH,
    GRAPH_WEIGHTS,
    INT8_GRAPH,
    INT8_GRAPH_WEIGHTS,
    ModelFolder,
)

_NO_TELEMETRY = "NNCF_CI"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisationLoss:
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
    fp32: PixelCounts
    int8: PixelCounts
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisationTiles:
    """The tiles by which the ranges of activations are found.

    Attributes:
        dataset: whose training tiles are drawn from.
        tiles: how many at most.
        seed: of the draw.
    """

    dataset: TileDataset
    tiles: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tiles < 1:
            raise InputError(f"--tiles: at least 1 tile is calibrated on; got {self.tiles}")

    def positions(self) -> list[int]:
        """Return the positions of the drawn training tiles, in the dataset's order.

        Raises:
            InputError: there is no training tile.
        """
        training = self.dataset.positions(Split.TRAIN)
        if not training:
            raise InputError(
                f"{self.dataset.path}: int8 is calibrated on training tiles and there is none "
                f"(tiles: {self.dataset.card.tiles}); give the dataset that the model was trained "
                "on, or one made with a --test-share under 1"
            )
        generator = np.random.default_rng(self.seed)
        drawn = generator.choice(training, min(self.tiles, len(training)), replace=False)
        return [int(position) for position in np.sort(drawn)]


def quantise_graph(
    model: ModelFolder, calibration: QuantisationTiles, progress: Progress = no_progress
) -> openvino.Model:
    """Quantise the weights and activations of a model's float32 graph to 8 bits.

    The first convolution stays as it is: it sees the image itself, whose 8-bit steps would reach
    every layer, and takes a small share of the time. Ranges reach from the smallest to the largest
    activation of all tiles: the mean over tiles of their extremes, NNCF's usual, cuts off what
    landslides make.
    """
    path, _ = model.file(GRAPH), model.file(GRAPH_WEIGHTS)
    graph = openvino.Core().read_model(path)
    split_last_convolution(graph)  # not to be recognised any more once it is quantised
    positions = calibration.positions()
    with _quiet():
        import nncf
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet

        return nncf.quantize(
            graph,
            nncf.Dataset(_NormalisedTiles(model, calibration.dataset, positions, progress)),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(positions),
            fast_bias_correction=True,
            ignored_scope=nncf.IgnoredScope(names=[first_convolution(graph)]),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )


def first_convolution(graph: openvino.Model) -> str:
    """Return the name of the layer that sees the image."""
    names = (
        str(node.get_friendly_name())
        for node in graph.get_ordered_ops()
        if node.get_type_name() in {"Convolution", "GroupConvolution"}
    )
    return next(names)


def write_int8(graph: openvino.Model, folder: Path) -> tuple[str, str]:
    """Write a quantised graph; return the files' names."""
    openvino.save_model(graph, folder / INT8_GRAPH, compress_to_fp16=False)
    return INT8_GRAPH, INT8_GRAPH_WEIGHTS


def versions() -> tuple[str, str]:
    """The versions of NNCF and OpenVINO."""
    return version("nncf"), version("openvino")


class _NormalisedTiles:
    """Normalised tiles (1, bands, height, width), as often as they are asked for."""

    def __init__(
        self, model: ModelFolder, dataset: TileDataset, positions: list[int], progress: Progress
    ) -> None:
        card = model.card
        self._dataset, self._positions, self._progress = dataset, positions, progress
        self._multiple = card.input.multiple
        self._normalisation = card.normalisation_of(dataset.card.radiometry)
        self._order = dataset.bands.positions_of(card.bands)

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for at, position in enumerate(self._positions):
            # told before, since the one who asks for them leaves after the last
            self._progress(at + 1, len(self))
            yield whole_tile(
                self._dataset, position, self._normalisation, self._multiple, self._order
            )[np.newaxis]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF from drawing bars, from telling of torch, and from reporting its use to its makers.

    It looks for the variable when it is imported.
    """
    before, told = os.environ.get(_NO_TELEMETRY), logging.root.manager.disable
    os.environ[_NO_TELEMETRY] = "1"
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(told)
        if before is None:
            del os.environ[_NO_TELEMETRY]
        else:
            os.environ[_NO_TELEMETRY] = before


def evaluation_split(dataset: TileDataset) -> Split:
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


def measure_quantisation_loss(
    model: ModelFolder, dataset: TileDataset, split: Split, progress: Progress = no_progress
) -> QuantisationLoss:
    """Count the pixels of a split by the float32 and the int8 graph, at the model's threshold.

    Layers that are not int8 run in the precision that the CPU is fastest in.
    """
    tiles = len(dataset.positions(split))

    def counted(precision: Precision, before: int) -> PixelCounts:
        engine = OpenvinoEngine(model, precision)

        def told(done: float, total: float) -> None:
            progress(before + done, 2 * total)

        return evaluate(engine, model.card, dataset, split, progress=told).counts

    return QuantisationLoss(
        split=split,
        tiles=tiles,
        fp32=counted(Precision.FP32, 0),
        int8=counted(Precision.INT8, tiles),
        other_layers=OpenvinoEngine(model).precision,
    )
