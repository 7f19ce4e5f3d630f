"""Writes what was trained as a model folder."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from landslip import __version__
from landslip.core.files import sha256_of
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import BandStatistics
from landslip.models.card import InputCard, ModelCard, StartCard, TrainingCard, stac_terms
from landslip.models.folder import CARD
from landslip.models.networks.architecture import NO_ENCODER, Architecture
from landslip.models.training.fit import Best
from landslip.models.training.recipe import TrainConfig
from landslip.models.weights import parameter_count, save_weights, torch_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network and all that its card tells; ``start`` is the model it began from."""

    network: nn.Module
    architecture: Architecture
    dataset: TileDataset
    statistics: BandStatistics
    config: TrainConfig
    best: Best
    seconds: float
    start: StartCard | None = None


def write_model(trained: Trained, folder: Path, name: str) -> None:
    """Write weights, graph and card into an empty folder.

    The graph, which runs without torch, is left out where OpenVINO is not installed.
    """
    files = [save_weights(trained.network, folder)]
    if find_spec("openvino") is not None:
        from landslip.models.engines.openvino import export_graph

        files += export_graph(trained.network, len(trained.architecture.bands), folder)
    known = _input_card(trained)
    card = ModelCard(
        name=name,
        code_version=__version__,
        architecture=trained.architecture,
        input=known,
        threshold=trained.best.threshold,
        training=_training_card(trained),
        metrics={} if trained.best.counts is None else {"val": trained.best.counts.as_dict()},
        files={file: sha256_of(folder / file) for file in files},
        stac=stac_terms(
            name, trained.architecture, known, parameter_count(trained.network), torch_version()
        ),
    )
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")


def _input_card(trained: Trained) -> InputCard:
    known = trained.dataset.card
    return InputCard(
        bands=known.bands,
        units=known.units,
        dtype=known.dtype,
        scale=known.scale,
        offset=known.offset,
        nodata=known.nodata,
        resolution_m=known.resolution_m,
        tile_size=known.tile_size,
        multiple=trained.architecture.multiple,
        mean=trained.statistics.mean,
        std=trained.statistics.std,
        quantiles=trained.statistics.quantiles,
    )


def _training_card(trained: Trained) -> TrainingCard:
    weights = Path(trained.config.encoder_weights)
    pretrained = weights.is_file() and trained.architecture.encoder != NO_ENCODER
    known = trained.dataset.card
    return TrainingCard(
        config=trained.config.model_dump(mode="json"),
        encoder_weights_sha256=sha256_of(weights) if pretrained else None,
        dataset_source=known.source,
        dataset_tiles=known.tiles,
        pixels_sha256=known.pixels_sha256,
        split_sha256=known.split_sha256,
        split_method=known.split_method,
        epoch=trained.best.epoch,
        epochs=trained.config.epochs,
        precision=trained.best.precision,
        device=trained.best.device,
        seconds=round(trained.seconds, 1),
        torch_version=torch_version(),
        started_from=trained.start,
    )
