"""Whole training runs on a miniature dataset, with timm's smallest residual network."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from landslip.core.choices import Precision
from landslip.core.errors import InputError, OutputExistsError
from landslip.datasets.format import TileDataset
from landslip.models.folder import open_model
from landslip.models.training.module import EpochResult, Watcher
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train

WriteDataset = Callable[..., Path]
CONFIG = TrainConfig(
    encoder="test_resnet", encoder_weights="none", epochs=3, batch_size=4, precision=Precision.FP32
)


@pytest.fixture(scope="module")
def trained(
    dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[EpochResult]]:
    out = tmp_path_factory.mktemp("models") / "model"
    epochs: list[EpochResult] = []
    train(
        TrainRequest(
            dataset=TileDataset(dataset),
            out=out,
            config=CONFIG,
            watcher=Watcher(on_epoch=epochs.append),
        )
    )
    return out, epochs


def weights_digest(model: Path) -> str:
    return open_model(model).card.files["weights.safetensors"]


def test_model_folder_says_what_it_is(trained: tuple[Path, list[EpochResult]]) -> None:
    card = open_model(trained[0]).card
    assert card.input.bands == ("blue", "green", "red", "nir")
    assert card.input.dtype == "uint16"
    assert card.input.resolution_m == 2.0
    assert 200 < card.input.mean[0] < 400
    assert card.training.dataset_tiles == {"test": 4, "train": 9, "val": 3}
    assert card.stac["mlm:input"][0]["bands"] == ["blue", "green", "red", "nir"]
    tensors = safetensors.torch.load_file(trained[0] / "weights.safetensors")
    assert tensors["encoder.conv1.0.weight"].shape[1] == 4


def test_best_epoch_and_its_threshold_are_kept(trained: tuple[Path, list[EpochResult]]) -> None:
    out, epochs = trained
    card = open_model(out).card
    scores = [result.counts.f1 or 0.0 for result in epochs if result.counts is not None]
    best = epochs[int(np.argmax(scores))]
    assert len(scores) == 3
    assert card.training.epoch == best.epoch
    assert card.threshold == best.threshold
    assert card.metrics["val"]["f1"] == pytest.approx(max(scores))


def test_tensorboard_has_curves_and_a_picture(trained: tuple[Path, list[EpochResult]]) -> None:
    events = EventAccumulator(str(trained[0] / "logs")).Reload()
    assert {"train/loss", "val/loss", "val/f1", "val/threshold"} <= set(events.Tags()["scalars"])
    picture = events.Images("val/tiles")[0]
    assert (picture.width, picture.height) == (3 * 64, 3 * 64)


def test_the_run_folder_is_gone_and_nothing_is_overwritten(
    dataset: Path, trained: tuple[Path, list[EpochResult]]
) -> None:
    out, _ = trained
    assert [path.name for path in out.parent.iterdir()] == ["model"]
    with pytest.raises(OutputExistsError, match="pass overwrite=True"):
        train(TrainRequest(dataset=TileDataset(dataset), out=out, config=CONFIG))


def test_same_seed_same_weights_and_another_seed_others(
    dataset: Path, trained: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    train(TrainRequest(dataset=TileDataset(dataset), out=tmp_path / "again", config=CONFIG))
    other = CONFIG.model_copy(update={"seed": 1, "epochs": 1})
    train(TrainRequest(dataset=TileDataset(dataset), out=tmp_path / "other", config=other))
    assert weights_digest(tmp_path / "again") == weights_digest(trained[0])
    assert weights_digest(tmp_path / "other") != weights_digest(trained[0])


def test_a_killed_run_resumes_to_the_same_weights(
    dataset: Path, trained: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    out, config = tmp_path / "model", tmp_path / "config.yaml"
    config.write_text(json.dumps(CONFIG.model_dump(mode="json")))
    command = [sys.executable, "-m", "landslip", "train", str(dataset), "--out", str(out)]
    command += ["--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/3"):
                process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert (tmp_path / "model.training").is_dir()
    with pytest.raises(OutputExistsError, match="--resume"):
        train(TrainRequest(dataset=TileDataset(dataset), out=out, config=CONFIG))
    changed = CONFIG.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(InputError, match="had another learning_rate"):
        train(TrainRequest(dataset=TileDataset(dataset), out=out, config=changed, resume=True))
    last = torch.load(tmp_path / "model.training" / "checkpoints" / "last.ckpt", weights_only=True)
    seen: list[EpochResult] = []
    started = time.monotonic()
    train(
        TrainRequest(
            dataset=TileDataset(dataset),
            out=out,
            config=CONFIG,
            resume=True,
            watcher=Watcher(on_epoch=seen.append),
        )
    )
    both_s = last["seconds"] + time.monotonic() - started
    assert last["seconds"] < open_model(out).card.training.seconds < both_s
    assert seen[0].epoch > 1
    assert weights_digest(out) == weights_digest(trained[0])
    assert open_model(out).card.threshold == open_model(trained[0]).card.threshold


def test_without_validation_tiles_the_last_epoch_is_kept_at_one_half(
    write_dataset: WriteDataset, tmp_path: Path
) -> None:
    dataset = write_dataset(tmp_path / "tiles", val_share=0)
    config = CONFIG.model_copy(update={"epochs": 2})
    train(TrainRequest(dataset=TileDataset(dataset), out=tmp_path / "model", config=config))
    card = open_model(tmp_path / "model").card
    assert (card.training.epoch, card.threshold, card.metrics) == (2, 0.5, {})


def test_nothing_to_learn_is_refused(write_dataset: WriteDataset, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "tiles", landslides=False)
    with pytest.raises(InputError, match="no training tile has a landslide pixel"):
        train(TrainRequest(dataset=TileDataset(dataset), out=tmp_path / "model", config=CONFIG))
    assert not (tmp_path / "model.training").exists()


def test_training_needs_no_raster_library(dataset: Path, tmp_path: Path) -> None:
    """Machines with a GPU often have none."""
    program = f"""
import sys
import time
for name in ("rasterio", "geopandas", "pyogrio", "shapely", "pyproj", "openvino"):
    sys.modules[name] = None
from landslip.cli.app import main
sys.argv = ["landslip", "train", {str(dataset)!r}, "--out", {str(tmp_path / "model")!r},
            "--encoder", "test_resnet", "--encoder-weights", "none", "--epochs", "1"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "weights.safetensors").is_file()
    assert not (tmp_path / "model" / "graph.xml").exists()
