"""What training begins from: a new network, or a model that was trained before."""

from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import BandStatistics
from landslip.models.card import StartCard
from landslip.models.folder import WEIGHTS, Model, check_fit, check_values
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.training.recipe import TrainConfig
from landslip.models.weights import load_network

NEW_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A network, its normalisation and threshold, and the configuration that goes with them.

    Attributes:
        statistics: of the training tiles; mean and standard deviation are the model's, where there
            is one, since its weights were learnt with them.
        threshold: kept where there are no validation tiles to choose another.
        model: what it was taken from; None for a new network.
    """

    network: nn.Module
    architecture: Architecture
    config: TrainConfig
    statistics: BandStatistics
    threshold: float = NEW_THRESHOLD
    model: StartCard | None = None


def new_network(dataset: TileDataset, config: TrainConfig, statistics: BandStatistics) -> Start:
    """Begin with a new network, its encoder's weights as configured.

    Raises:
        InputError: the encoder or its weights cannot be used.
    """
    architecture = Architecture(
        arch=config.arch,
        encoder=config.encoder,
        bands=dataset.card.bands,
        first_layer=config.first_layer,
    )
    network = build_network(architecture, encoder_weights=config.encoder_weights, seed=config.seed)
    return Start(network=network, architecture=architecture, config=config, statistics=statistics)


def from_model(
    model: Model, dataset: TileDataset, config: TrainConfig, statistics: BandStatistics
) -> Start:
    """Begin with a model's network and weights; its normalisation and threshold come along.

    The configuration's settings of a new network, such as the encoder's weights, are set to what
    the model is.

    Raises:
        InputError: bands are not the model's in its order, or the configuration states another
            network.
        ModelError: units do not fit, values are far from the model's, or its weights are damaged.
    """
    _check_same_network(model, config)
    _check_same_bands(model, dataset)
    medians = np.array(statistics.quantiles)[:, 1:2]
    check_values(model.card, medians, str(dataset.path))
    known = model.card.architecture
    kept = {"arch": known.arch, "encoder": known.encoder, "first_layer": known.first_layer}
    return Start(
        network=load_network(model),
        architecture=known,
        config=config.model_copy(update={**kept, "encoder_weights": "none"}),
        statistics=replace(statistics, mean=model.card.input.mean, std=model.card.input.std),
        threshold=model.card.threshold,
        model=StartCard(name=model.card.name, weights_sha256=model.card.files[WEIGHTS]),
    )


def _check_same_network(model: Model, config: TrainConfig) -> None:
    known, stated = model.card.architecture, config.model_fields_set
    arch = config.arch if "arch" in stated else known.arch
    encoder = config.encoder if "encoder" in stated else known.encoder
    wanted = Architecture(arch=arch, encoder=encoder)
    if (wanted.arch, wanted.encoder) != (known.arch, known.encoder):
        raise InputError(
            f"{model.path}: training goes on with the network it starts from, {known.arch} with "
            f"encoder {known.encoder}, and the settings state {wanted.arch} with encoder "
            f"{wanted.encoder}; leave arch and encoder out"
        )


def _check_same_bands(model: Model, dataset: TileDataset) -> None:
    check_fit(model.card, dataset.bands, dataset.card.radiometry, str(dataset.path))
    if dataset.bands != model.card.bands:
        raise InputError(
            f"{dataset.path}: training that starts from a model needs its bands, no others, in "
            f"their order, {model.card.bands}, and the dataset has {dataset.bands}; make the "
            "dataset with these bands"
        )
