"""A model folder whose weights are an untrained network's and whose graph is worked out by hand."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13
from tests.factories.models import make_card, write_card
from tests.models.training.conftest import _write_dataset, dataset

from landslip.datasets.format import TileDataset
from landslip.models.card import ExportsCard
from landslip.models.export.int8 import QuantisationTiles
from landslip.models.export.run import ExportRequest, export
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, WEIGHTS, ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.weights import save_weights

Exported = tuple[Path, ExportsCard, list[tuple[float, float]]]
BANDS = ("blue", "green", "red", "nir")

__all__ = [
    "BANDS",
    "Exported",
    "_write_dataset",
    "dataset",
    "exported",
    "fragile",
    "model",
    "robust_graph",
    "write_model",
]


def _layer(pixels: openvino.Node, weights: list[list[float]], bias: list[float]) -> openvino.Node:
    kernel = np.array(weights, dtype=np.float32)[:, :, None, None]
    ends = ([1, 1], [0, 0], [0, 0], [1, 1])
    found = opset13.convolution(pixels, opset13.constant(kernel), *ends)
    shifts = np.array(bias, dtype=np.float32)[None, :, None, None]
    return opset13.add(found, opset13.constant(shifts))


def _graph(first: tuple[float, float], offset: float, gain: float) -> openvino.Model:
    """Two layers: two sums of the bands, and the difference of both times a gain.

    The first sum is of ``first[0]`` times the bands and the second of ``first[1]`` times, both
    raised by ``offset``.
    """
    image = opset13.parameter([-1, 4, -1, -1], np.float32, name="image")
    sums = opset13.relu(_layer(image, [[part] * 4 for part in first], [offset, offset]))
    logit = _layer(sums, [[gain, -gain]], [-2.0])
    return openvino.Model([opset13.sigmoid(logit)], [image], "made")


def robust_graph() -> openvino.Model:
    """Landslide where bands are over 0.5 on average: pixels are -1 to 0, landslides 1 to 2."""
    return _graph((1.0, 0.0), 0.0, 1.0)


def fragile_graph() -> openvino.Model:
    """The same, as the difference of two numbers near 400, which 8 bits cannot tell apart."""
    return _graph((0.01, 0.0), 400.0, 100.0)


def write_model(folder: Path, graph: openvino.Model) -> ModelFolder:
    """Write a model folder that fits the miniature dataset."""
    folder.mkdir(parents=True)
    architecture = Architecture(encoder="test_resnet", bands=BANDS)
    save_weights(build_network(architecture, seed=3).eval(), folder)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    (folder / "logs").mkdir()
    (folder / "logs" / "events").write_text("kept")
    card = make_card(mean=(400.0,) * 4, std=(200.0,) * 4)
    files = (WEIGHTS, GRAPH, GRAPH_WEIGHTS)
    return write_card(folder, card, files, architecture=architecture)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a model whose graph does not mind 8 bits."""
    return write_model(tmp_path_factory.mktemp("models") / "robust", robust_graph())


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a model whose graph is lost in 8 bits."""
    return write_model(tmp_path_factory.mktemp("models") / "fragile", fragile_graph())


@pytest.fixture(scope="session")
def exported(
    model: ModelFolder, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    """Give an export with everything: its folder, what it measured, and the progress it told."""
    out = tmp_path_factory.mktemp("exports") / "new"
    told: list[tuple[float, float]] = []
    calibration = QuantisationTiles(dataset=TileDataset(dataset), tiles=5, seed=7)
    made = export(
        ExportRequest(
            model=model,
            out=out,
            int8=calibration,
            progress=lambda done, total: told.append((done, total)),
        )
    )
    return out, made, told
