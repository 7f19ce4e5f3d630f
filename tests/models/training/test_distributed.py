"""Two CPU processes train one network: what they share, and that the result is that of one."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import pytest
import safetensors.torch
import torch
from lightning.pytorch.utilities import rank_zero_only
from tests.models.training import distributed_process
from tests.models.training.conftest import WriteDataset
from torch import nn

from landslip.core.choices import Precision, Split, TrainingStrategy
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.metrics.pixels import PixelCounts, count_pixels, sum_counts
from landslip.models.folder import ModelFolder, open_model
from landslip.models.training.data import validation_loader
from landslip.models.training.distributed import (
    DistributedSettings,
    TrainingProcess,
    this_process,
)
from landslip.models.training.loss import segmentation_loss
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.models.training.sampling import DistributedSampler, EpochSampler
from landslip.models.weights import load_network

CONFIG = TrainConfig(
    encoder="test_resnet",
    encoder_weights="none",
    epochs=3,
    batch_size=4,
    augmentation_mode="none",
    ema_decay=0.9,
    presence_weight=0.5,
    hard_background=0.5,
    precision=Precision.FP32,
)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_shares_of_a_batch_are_the_batch(count: int) -> None:
    def keys(rank: int) -> list[tuple[int, int]]:
        sampler = DistributedSampler(
            EpochSampler(list(range(11)), 0),
            4 // count,
            TrainingProcess(rank=rank, world_size=count),
        )
        sampler.set_epoch(3)
        assert len(list(sampler)) == len(sampler) == 8 // count
        return list(sampler)

    whole = EpochSampler(list(range(11)), 0)
    whole.set_epoch(3)
    shares = [keys(rank) for rank in range(count)]
    size = 4 // count
    batches = [share[at : at + size] for at in range(0, 8 // count, size) for share in shares]
    assert [key for batch in batches for key in batch] == list(whole)[:8]


@pytest.mark.parametrize("tiles_a_batch", [1, 2, 3])
def test_every_validation_tile_is_counted_once(tiles_a_batch: int, dataset: Path) -> None:
    tiles = TileDataset(dataset)
    known = Normalisation(radiometry=tiles.card.radiometry, mean=(0.0,) * 4, std=(1.0,) * 4)

    def loaded(process: TrainingProcess) -> list[torch.Tensor | None]:
        loader = validation_loader(
            tiles,
            tiles.positions(Split.VALIDATION),
            known,
            multiple=32,
            batch_px=tiles_a_batch * 64 * 64,
            process=process,
        )
        return [None if batch is None else batch[0] for batch in loader]

    whole = [images for images in loaded(TrainingProcess()) if images is not None]
    shares = [loaded(TrainingProcess(rank=rank, world_size=2)) for rank in range(2)]
    assert len(shares[0]) == len(shares[1])
    joined = [images for pair in zip(*shares, strict=True) for images in pair if images is not None]
    assert len(joined) == len(whole)
    assert all(torch.equal(*pair) for pair in zip(joined, whole, strict=True))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    """Run the script beside this file here and as another process; give what each found."""
    folder = tmp_path_factory.mktemp("shared")
    command = [sys.executable, distributed_process.__file__, str(folder), "1"]
    with subprocess.Popen(command) as other:
        distributed_process.run(folder, 0)
        assert other.wait(timeout=120) == 0
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def test_batch_norm_over_two_processes_is_that_of_the_whole_batch(
    shared: list[dict[str, torch.Tensor]],
) -> None:
    images = shared[0]["images"].clone().requires_grad_()
    norm = nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5]))
    out = norm(images)
    (out.sin().sum()).backward()
    assert images.grad is not None
    assert norm.weight.grad is not None
    assert norm.running_var is not None
    parts = {name: torch.cat([each[name] for each in shared]) for name in ("out", "gradient")}
    torch.testing.assert_close(parts["out"], out.detach(), rtol=1e-5, atol=1e-5)
    # each process computes the one loss of all, whose gradients are averaged over processes
    torch.testing.assert_close(parts["gradient"] / 2, images.grad, rtol=1e-4, atol=1e-5)
    weight = (shared[0]["weight_gradient"] + shared[1]["weight_gradient"]) / 2
    torch.testing.assert_close(weight, norm.weight.grad, rtol=1e-4, atol=1e-4)
    for each in shared:
        torch.testing.assert_close(each["running_mean"], norm.running_mean)
        torch.testing.assert_close(each["running_var"], norm.running_var)


def test_activations_of_timm_come_after_the_shared_norm(
    shared: list[dict[str, torch.Tensor]],
) -> None:
    out = torch.cat([each["activated"] for each in shared])
    torch.testing.assert_close(
        out, nn.BatchNorm2d(3)(shared[0]["images"]).relu().detach(), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("dice_over", ["image", "batch"])
def test_the_loss_of_two_processes_is_that_of_the_whole_batch(
    dice_over: Literal["image", "batch"], shared: list[dict[str, torch.Tensor]]
) -> None:
    logits = shared[0]["logits"].clone().requires_grad_()
    label, counted = shared[0]["label"], shared[0]["counted"]
    loss = segmentation_loss(logits, label, counted, dice_over=dice_over)
    torch.autograd.backward(loss)
    assert logits.grad is not None
    gradient = torch.cat([each[f"{dice_over}_gradient"] for each in shared]) / 2
    torch.testing.assert_close(gradient, logits.grad)
    for each in shared:
        torch.testing.assert_close(each[f"{dice_over}_loss"], loss.detach())


def test_counts_of_two_processes_are_joined(shared: list[dict[str, torch.Tensor]]) -> None:
    for each in shared:
        assert each["counts"].tolist() == [3 + 5, 2 + 0, 1 + 1, 0 + 4]


def test_each_process_draws_what_is_its_own(shared: list[dict[str, torch.Tensor]]) -> None:
    assert int(shared[0]["seed"]) != int(shared[1]["seed"])


def validation_counts(model: ModelFolder, dataset: TileDataset) -> PixelCounts:
    network, known = load_network(model).eval(), model.card.input
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=known.mean, std=known.std
    )
    counts = []
    for position in dataset.positions(Split.VALIDATION):
        tile = dataset.tile(position)
        image = torch.from_numpy(normalisation.apply(tile.stored, tile.valid))[None]
        with torch.inference_mode():
            probability = torch.sigmoid(network(image))[0, 0].numpy()
        found = probability >= np.float32(model.card.threshold)
        counts.append(count_pixels(found, tile.label == 1, tile.counted))
    return sum_counts(counts)


def script(dataset: Path, out: Path, config: Path) -> str:
    """Return a program that calls ``train``; what stands beside it runs in every process."""
    return f"""
from pathlib import Path
from landslip.datasets.format import TileDataset
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.models.training.distributed import DistributedSettings
print("before", flush=True)
train(TrainRequest(
    dataset=TileDataset(Path({str(dataset)!r})), out=Path({str(out)!r}), resume=True,
    config=TrainConfig.model_validate_json(Path({str(config)!r}).read_text()),
    callbacks=TrainingCallbacks(on_epoch=lambda result: print("epoch", result.epoch)),
    distributed=DistributedSettings(devices=2),
))
print("after", *sorted(path.name for path in Path({str(out)!r}).parent.iterdir()))
"""


def told_by_script(dataset: Path, out: Path) -> list[str]:
    """Train on two devices by a script, and return what all processes print."""
    config, program = out.with_name("config.json"), out.with_name("script.py")
    config.write_text(CONFIG.model_dump_json())
    program.write_text(script(dataset, out, config))
    command = [sys.executable, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def assert_trained_as_one(out: Path, dataset: Path) -> None:
    """Compare with a model that one process trains, and count its validation tiles again."""
    one_out = out.with_name("one")
    train(TrainRequest(dataset=TileDataset(dataset), out=one_out, config=CONFIG))
    one, two = open_model(one_out), open_model(out)
    assert two.card.training.device == "2 x cpu"
    assert two.card.threshold == pytest.approx(one.card.threshold, abs=0.003)
    known, found = (
        safetensors.torch.load_file(model.path / "weights.safetensors") for model in (one, two)
    )
    for name, values in known.items():
        torch.testing.assert_close(found[name], values, rtol=2e-2, atol=2e-3, msg=name)
    counts = validation_counts(two, TileDataset(dataset))
    assert counts.as_dict().items() <= two.card.metrics["val"].items()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_train_the_model_of_one(write_dataset: WriteDataset, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "tiles", background=6)
    out = tmp_path / "model"
    told = told_by_script(dataset, out)
    epochs = ["epoch 1", "epoch 2", "epoch 3"]
    assert told == ["before", "before", *epochs, "after config.json model script.py tiles"]
    assert_trained_as_one(out, dataset)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_run_of_two_processes_goes_on_to_the_model_of_one(
    dataset: Path, tmp_path: Path
) -> None:
    out, config = tmp_path / "model", tmp_path / "config.json"
    config.write_text(CONFIG.model_dump_json())
    command = [sys.executable, "-m", "landslip", "train", str(dataset), "--out", str(out)]
    command += ["--config", str(config), "--devices", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/3"):
                process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert (tmp_path / "model.training" / "checkpoints" / "last.ckpt").is_file()
    told = told_by_script(dataset, out)
    assert told[:2] == ["before", "before"]
    assert told[-2:] == ["epoch 3", "after config.json model script.py"]
    assert "epoch 1" not in told
    assert_trained_as_one(out, dataset)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ((0, 1), "devices is at least 1; got 0"),
        ((1, -1), "num_nodes is at least 1; got -1"),
    ],
)
def test_no_device_is_refused(scale: tuple[int, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DistributedSettings(devices=scale[0], nodes=scale[1])


def test_a_program_that_is_no_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    with pytest.raises(InputError, match="run the same program, which must be a file"):
        this_process(DistributedSettings(devices=2))
    assert this_process(DistributedSettings()) == TrainingProcess()


def test_nodes_know_each_other_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    program = ModuleType("__main__")  # a file, which the program of pytest's processes is not
    program.__file__ = __file__
    monkeypatch.setitem(sys.modules, "__main__", program)
    for name in ("MASTER_ADDR", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(InputError, match="MASTER_ADDR, NODE_RANK not set"):
        this_process(DistributedSettings(nodes=2))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("NODE_RANK", "1")
    # Lightning keeps the rank for the whole program, and loggers of others than the first are mute
    monkeypatch.setattr(rank_zero_only, "rank", 0, raising=False)
    assert this_process(DistributedSettings(nodes=2, devices=3)) == TrainingProcess(
        rank=3, world_size=6
    )
    assert "WORLD_SIZE" not in os.environ


def test_devices_are_described() -> None:
    assert DistributedSettings(devices=1).named("cpu") == "cpu"
    assert DistributedSettings(devices=2, strategy=TrainingStrategy.DDP).named("cpu") == "2 x cpu"
    assert (
        DistributedSettings(devices=4, nodes=2).named("NVIDIA A100") == "8 x NVIDIA A100 on 2 nodes"
    )
