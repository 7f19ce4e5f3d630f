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

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import TileDataset
from landslip.models.engines.graph import split_last_convolution
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, INT8_GRAPH, INT8_GRAPH_WEIGHTS, Model

_NO_TELEMETRY = "NNCF_CI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
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


def quantised_graph(
    model: Model, calibration: Calibration, progress: Progress = no_progress
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
            nncf.Dataset(_Tiles(model, calibration.dataset, positions, progress)),
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


class _Tiles:
    """Normalised tiles (1, bands, height, width), as often as they are asked for."""

    def __init__(
        self, model: Model, dataset: TileDataset, positions: list[int], progress: Progress
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
