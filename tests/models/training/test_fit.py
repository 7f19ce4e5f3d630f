"""Every network is trained for an epoch, saved, opened again and run without torch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.training.conftest import WriteDataset
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from landslip.core.choices import Arch, EngineName, Precision, Split
from landslip.core.errors import InputError
from landslip.datasets.augmentation import AugmentationSettings
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.models.engines.choose import open_engine
from landslip.models.folder import open_model
from landslip.models.networks.architecture import Architecture, multiple_of
from landslip.models.networks.build import build_network
from landslip.models.training.fit import FitRequest, fit
from landslip.models.training.module import EpochResult, TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.models.weights import load_network

CONFIG = TrainConfig(
    encoder="test_resnet",
    encoder_weights="none",
    epochs=1,
    batch_size=4,
    steps_per_epoch=1,
    crop=64,
    precision=Precision.FP32,
)


@pytest.fixture
def tiles(dataset: Path) -> TileDataset:
    return TileDataset(dataset)


@pytest.mark.parametrize("arch", [arch for arch in Arch if arch is not Arch.LINKNET], ids=str)
def test_a_network_is_trained_saved_and_run(
    arch: Arch, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    side = max(32, multiple_of(arch))
    config = CONFIG.model_copy(update={"arch": arch, "crop": side})
    bands = ("blue", "green", "red", "nir")
    if arch is Arch.TWO_DATE_LINKNET:
        bands = ("red", "nir", "before_red", "before_nir")
    tiles = TileDataset(write_dataset(tmp_path / "tiles", bands=bands, side=side))
    train(TrainRequest(dataset=tiles, out=tmp_path / "model", config=config))
    model = open_model(tmp_path / "model")
    card = model.card
    assert card.architecture.arch is arch
    assert card.input.multiple == multiple_of(arch)
    assert card.stac["mlm:architecture"] == card.architecture.title
    network = load_network(model).eval()
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32)
    for shape in ((2, 4, 64, 64), (1, 4, 64, 128)):
        pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        with torch.inference_mode():
            expected = torch.sigmoid(network(torch.from_numpy(pixels)))[:, 0].numpy()
        assert expected.std() > 1e-4
        assert np.abs(engine.predict(pixels) - expected).max() < 1e-4


def job(dataset: TileDataset, config: TrainConfig, folder: Path) -> FitRequest:
    known = band_statistics(dataset, dataset.positions(Split.TRAIN))
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=known.mean, std=known.std
    )
    return FitRequest(dataset=dataset, normalisation=normalisation, config=config, folder=folder)


def test_dropout_draws_from_the_seed_and_leaves_other_draws_alone(
    tiles: TileDataset, tmp_path: Path
) -> None:
    config = CONFIG.model_copy(update={"arch": Arch.DEEPLAB_V3_PLUS, "crop": 32})
    architecture = Architecture(arch=config.arch, encoder=config.encoder, bands=tiles.card.bands)
    states = []
    for turn in range(2):
        torch.manual_seed(turn)
        before = torch.random.get_rng_state()
        network = build_network(architecture)
        fit(job(tiles, config, tmp_path / str(turn)), network, TrainingCallbacks())
        assert torch.equal(torch.random.get_rng_state(), before)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


class StopError(Exception):
    """Ends a training where a test wants it."""


def test_with_everything_on_a_stopped_run_resumes_to_the_same_weights(
    write_dataset: WriteDataset, tmp_path: Path
) -> None:
    tiles = TileDataset(write_dataset(tmp_path / "tiles", background=6))
    config = CONFIG.model_copy(
        update={
            "epochs": 3,
            "steps_per_epoch": 2,
            "optimizer": "adamw",
            "learning_rate": 1e-3,
            "warmup_epochs": 1,
            "ema_decay": 0.9,
            "hard_background": 0.5,
            "presence_weight": 0.5,
            "copy_paste": 0.5,
            "crop": 32,
            "augmentation": AugmentationSettings(scale=(0.7, 1.4), translation=0.4),
        }
    )

    def stop(result: EpochResult) -> None:
        if result.epoch == 2:
            raise StopError

    rates: list[float] = []

    def note(optimizer: Optimizer, *_: object) -> None:
        rates.append(float(optimizer.param_groups[0]["lr"]))

    def trained(folder: str, callbacks: TrainingCallbacks, *, resume: bool = False) -> nn.Module:
        network = build_network(Architecture(encoder=config.encoder, bands=tiles.card.bands))
        request = replace(job(tiles, config, tmp_path / folder), resume=resume)
        rates.clear()
        hook = register_optimizer_step_pre_hook(note)
        try:
            fit(request, network, callbacks)
        finally:
            hook.remove()
        return network

    whole = trained("whole", TrainingCallbacks()).state_dict()
    # a warm-up of two steps, then half a cosine over the other four
    all_rates = [1e-3 * factor for factor in (1 / 3, 2 / 3, 1.0, 0.853553, 0.5, 0.146447)]
    assert rates == pytest.approx(all_rates, rel=1e-5)
    with pytest.raises(StopError):
        trained("stopped", TrainingCallbacks(on_epoch=stop))
    last = torch.load(tmp_path / "stopped/checkpoints/last.ckpt", weights_only=True)
    assert last["epoch"] == 0
    assert last["background"]
    resumed = trained("stopped", TrainingCallbacks(), resume=True).state_dict()
    assert rates == pytest.approx(all_rates[2:], rel=1e-5)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    best = torch.load(tmp_path / "whole/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    name = "stage1.0.weight"
    assert torch.equal(whole[name], best[f"average.module.{name}"])
    assert not torch.equal(whole[name], best[f"network.{name}"])
    assert not any("presence" in name for name in whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"arch": Arch.ALBUNET, "crop": 96},
            "crop: albunet needs a multiple of 64; got 96",
        ),
        (
            {"arch": Arch.UPERNET, "batch_size": 1},
            r"upernet needs at least 2 tiles per step; got 1 \(9 training tiles",
        ),
    ],
)
def test_batches_that_do_not_fit_are_refused(
    changes: dict[str, object], message: str, tiles: TileDataset, tmp_path: Path
) -> None:
    config = CONFIG.model_copy(update=changes)
    with pytest.raises(InputError, match=message):
        fit(job(tiles, config, tmp_path), torch.nn.Identity(), TrainingCallbacks())
