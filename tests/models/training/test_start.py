"""Training that starts from a model."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.core.choices import Precision
from landslip.core.errors import InputError, LandslipError, ModelError
from landslip.datasets.format import TileDataset
from landslip.models.folder import Model, open_model
from landslip.models.training.module import EpochResult, Watcher
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train

WriteDataset = Callable[..., Path]
NEW = TrainConfig(
    encoder="test_resnet", encoder_weights="none", epochs=1, batch_size=4, precision=Precision.FP32
)
STILL = TrainConfig(
    epochs=1, batch_size=4, precision=Precision.FP32, learning_rate=1e-30, weight_decay=0.0
)
OFFLINE = TrainConfig(
    epochs=2,
    batch_size=4,
    precision=Precision.FP32,
    augmentation_mode="offline",
    steps_per_epoch=1,
)


@pytest.fixture(scope="module")
def start(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    out = tmp_path_factory.mktemp("models") / "first"
    train(TrainRequest(dataset=TileDataset(dataset), out=out, config=NEW))
    return open_model(out)


@pytest.fixture(scope="module")
def bright(write_dataset: WriteDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give tiles of another brightness, none of them for validation."""
    folder = tmp_path_factory.mktemp("bright") / "tiles"
    return write_dataset(folder, brightness=300, val_share=0)


@pytest.fixture(scope="module")
def further(start: Model, bright: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Give the model tuned in one go."""
    out = tmp_path_factory.mktemp("models") / "further"
    dataset = TileDataset(bright)
    return tuned(TrainRequest(dataset=dataset, out=out, config=OFFLINE, start=start))


def tuned(request: TrainRequest) -> Model:
    train(request)
    return open_model(request.out)


def parameters(model: Model) -> dict[str, torch.Tensor]:
    tensors = safetensors.torch.load_file(model.path / "weights.safetensors")
    passing = ("running_mean", "running_var", "num_batches_tracked")
    return {name: value for name, value in tensors.items() if not name.endswith(passing)}


def test_without_a_step_weights_and_threshold_are_those_of_the_start(
    start: Model, bright: Path, tmp_path: Path
) -> None:
    at_three_eighths = replace(start, card=start.card.model_copy(update={"threshold": 0.375}))
    request = TrainRequest(
        dataset=TileDataset(bright), out=tmp_path / "tuned", config=STILL, start=at_three_eighths
    )
    model = tuned(request)
    found, before = parameters(model), parameters(start)
    assert found.keys() == before.keys()
    assert all(torch.equal(found[name], before[name]) for name in before)
    assert model.card.threshold == 0.375


def test_steps_change_the_weights_and_the_card_tells_where_they_began(
    start: Model, further: Model
) -> None:
    found, before = parameters(further), parameters(start)
    assert not torch.equal(found["encoder.conv1.0.weight"], before["encoder.conv1.0.weight"])
    card = further.card
    assert card.training.started_from is not None
    assert card.training.started_from.name == "first"
    assert card.training.started_from.weights_sha256 == start.card.files["weights.safetensors"]
    assert start.card.training.started_from is None
    assert card.architecture == start.card.architecture
    assert card.training.config["encoder"] == "test_resnet"
    assert (card.input.mean, card.input.std) == (start.card.input.mean, start.card.input.std)
    assert card.input.quantiles[0][1] > 1.3 * start.card.input.quantiles[0][1]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"encoder": "resnet18"}, r"linknet with encoder test_resnet, and .* encoder resnet18"),
        ({"arch": "albunet"}, r"linknet with encoder test_resnet, and .* albunet"),
    ],
    ids=["encoder", "arch"],
)
def test_another_network_is_refused(
    stated: dict[str, Any], message: str, start: Model, bright: Path, tmp_path: Path
) -> None:
    config = TrainConfig.model_validate(stated)
    request = TrainRequest(
        dataset=TileDataset(bright), out=tmp_path / "tuned", config=config, start=start
    )
    with pytest.raises(InputError, match=message):
        train(request)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        ({"bands": ("red", "green", "blue")}, ModelError, r"nir is not among red,green,blue"),
        ({"bands": ("nir", "red", "green", "blue")}, InputError, r"in their order, blue,green,red"),
        ({"bands": ("blue", "green", "red", "nir", "pan")}, InputError, r"no others"),
        ({"dtype": "uint8", "brightness": 50}, ModelError, r"uint16 and these are uint8"),
        ({"brightness": 12000}, ModelError, r"in another unit or scale"),
    ],
    ids=["band missing", "other order", "band too many", "8 bits", "far values"],
)
def test_datasets_that_do_not_fit_are_refused(
    made: dict[str, Any],
    error: type[LandslipError],
    message: str,
    start: Model,
    write_dataset: WriteDataset,
    tmp_path: Path,
) -> None:
    dataset = TileDataset(write_dataset(tmp_path / "tiles", **made))
    out = tmp_path / "tuned"
    with pytest.raises(error, match=message):
        train(TrainRequest(dataset=dataset, out=out, config=STILL, start=start))
    assert not out.exists()


def test_an_interrupted_run_goes_on_to_the_same_weights_and_from_no_other_model(
    start: Model, further: Model, bright: Path, tmp_path: Path
) -> None:
    epochs: list[int] = []

    def stop_in_the_second(result: EpochResult) -> None:
        if result.epoch == 2:
            raise RuntimeError("power cut")

    request = TrainRequest(
        dataset=TileDataset(bright), out=tmp_path / "model", config=OFFLINE, start=start
    )
    with pytest.raises(RuntimeError, match="power cut"):
        train(replace(request, watcher=Watcher(on_epoch=stop_in_the_second)))
    as_new = OFFLINE.model_copy(update={"encoder": "test_resnet", "encoder_weights": "none"})
    with pytest.raises(InputError, match="had another model to start from"):
        train(replace(request, resume=True, start=None, config=as_new))
    watcher = Watcher(on_epoch=lambda result: epochs.append(result.epoch))
    resumed = tuned(replace(request, resume=True, watcher=watcher))
    assert epochs == [2]
    assert resumed.card.files["weights.safetensors"] == further.card.files["weights.safetensors"]


def test_the_command_starts_from_a_model(start: Model, bright: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"precision": "fp32", "batch_size": 4, "steps_per_epoch": 1}))
    words = ["train", str(bright), "--out", str(tmp_path / "tuned"), "--epochs", "1"]
    words += ["--config", str(config), "--start-from", str(start.path)]
    both = CliRunner().invoke(app, [*words, "--encoder-weights", "none"])
    assert both.exit_code == 2
    assert "leave out --encoder-weights" in both.output
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    found = open_model(tmp_path / "tuned").card.training.started_from
    assert found is not None
    assert found.name == "first"
