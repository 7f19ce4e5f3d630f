"""Whole training runs on a miniature dataset, with timm's smallest residual network."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.models.training.conftest import WriteDataset
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.core.choices import Head, Precision, ThresholdSource
from landslip.core.errors import InputError, LandslipError, ModelError, OutputExistsError
from landslip.datasets.format import TileDataset
from landslip.datasets.position_prior import PositionPrior
from landslip.metrics.pixels import PixelCounts
from landslip.models.calibration.objects import join_objects
from landslip.models.card import ObjectsCard
from landslip.models.folder import ModelFolder, open_model
from landslip.models.training.fit import BestEpoch
from landslip.models.training.model_writer import position_notes, training_notes
from landslip.models.training.module import EpochResult, TrainingCallbacks
from landslip.models.training.objects import MeasuredObjects
from landslip.models.training.recipe import TrainConfig, read_config
from landslip.models.training.run import TrainRequest, train

pytestmark = pytest.mark.usefixtures("without_graph")

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
            callbacks=TrainingCallbacks(on_epoch=epochs.append),
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
    scores = [result.average_precision or 0.0 for result in epochs]
    best = epochs[int(np.argmax(scores))]
    assert len(scores) == 3
    assert [one.mode for one in card.tta] == ["flips", "dihedral"]
    for one in card.tta:
        assert (one.split, one.tiles) == ("val", 3)
        assert one.pixels_sha256 == card.training.pixels_sha256
    assert card.training.epoch == best.epoch
    assert card.threshold == best.threshold
    spread = card.probabilities["val"]
    assert spread.landslide_pixels == card.metrics["val"]["tp"] + card.metrics["val"]["fn"]  # type: ignore[operator]
    assert spread.highest is not None
    assert 0 < spread.highest <= 1
    assert card.metrics["val"]["average_precision"] == max(scores)
    assert best.counts is not None
    assert card.metrics["val"]["f1"] == best.counts.f1


def test_the_objects_of_labels_and_right_ones_are_stated(
    trained: tuple[Path, list[EpochResult]],
) -> None:
    card = open_model(trained[0]).card
    objects = card.objects
    assert objects is not None
    assert objects.label_objects == 9
    assert card.min_area_px == 4
    assert list(objects.label_px or ()) == [400, 400, 400]
    maxima = objects.right_maxima
    assert (maxima is None) == (objects.right_objects == 0)
    assert maxima is None or card.threshold <= maxima[0] <= maxima[-1] <= 1


def test_tensorboard_has_curves_and_a_picture(trained: tuple[Path, list[EpochResult]]) -> None:
    events = EventAccumulator(str(trained[0] / "logs")).Reload()
    assert {"train/loss", "val/loss", "val/average_precision", "val/threshold"} <= set(
        events.Tags()["scalars"]
    )
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
    with pytest.raises(OutputExistsError, match="resume=True"):
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
            callbacks=TrainingCallbacks(on_epoch=seen.append),
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
    assert card.tta == ()
    assert card.notes[-1].text().startswith("there is no validation tile: the last epoch and the")


def _best(counts: PixelCounts | None) -> BestEpoch:
    return BestEpoch(
        epoch=1,
        threshold=0.5,
        counts=counts,
        spread=None,
        precision="fp32",
        device="cpu",
        seconds_before=0.0,
        objects=MeasuredObjects(
            card=ObjectsCard(label_objects=0, label_px=None, right_objects=0, right_maxima=None),
            samples=join_objects([]),
            tiles=0,
        ),
    )


@pytest.mark.parametrize(
    ("counts", "key"),
    [
        (PixelCounts(tp=0, fp=0, fn=0, tn=9), "warning.validation_without_landslides"),
        (PixelCounts(tp=0, fp=5, fn=9, tn=90), "warning.of_validation"),
        (PixelCounts(tp=9, fp=80, fn=0, tn=10), "warning.of_validation"),
    ],
)
def test_a_model_that_validation_says_nothing_good_of_is_told(
    dataset: Path, counts: PixelCounts, key: str
) -> None:
    notes = training_notes(TileDataset(dataset), CONFIG, _best(counts))
    assert [note.key for note in notes if note.is_warning] == [key]


def test_a_sound_model_has_no_warning(dataset: Path) -> None:
    counts = PixelCounts(tp=9, fp=1, fn=1, tn=90)
    notes = training_notes(TileDataset(dataset), CONFIG, _best(counts))
    assert not any(note.is_warning for note in notes)


@pytest.mark.parametrize(
    ("recipe", "f1", "expected"),
    [
        ("default", 0.6, ["warning.place_learned"]),
        ("paper", 0.6, ["warning.place_learned"]),
        ("best", 0.6, []),
        ("default", 0.2, []),
    ],
)
def test_tiles_with_landslides_in_one_place_are_warned_of_where_training_leaves_them_there(
    dataset: Path, recipe: str, f1: float, expected: list[str]
) -> None:
    tiles = TileDataset(dataset)
    prior = PositionPrior(
        tiles=100, groups=100, f1=f1, f1_by_chance=0.15, centre_share=0.9, border_px=14
    )
    tiles.card = tiles.card.model_copy(update={"position_prior": prior})
    notes = position_notes(tiles, read_config(recipe, None, {}))
    assert [note.key for note in notes] == expected


def test_nothing_to_learn_is_refused(write_dataset: WriteDataset, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "tiles", landslides=False)
    with pytest.raises(InputError, match="no training tile has a landslide pixel"):
        train(TrainRequest(dataset=TileDataset(dataset), out=tmp_path / "model", config=CONFIG))
    assert not (tmp_path / "model.training").exists()


def test_landslides_without_background_are_refused(dataset: Path, tmp_path: Path) -> None:
    tiles = TileDataset(dataset)
    tiles.index["landslide_px"] = tiles.index["valid_px"]  # as where all that is labelled is one
    with pytest.raises(InputError, match="every labelled pixel of the training tiles is landslide"):
        train(TrainRequest(dataset=tiles, out=tmp_path / "model", config=CONFIG))
    assert not (tmp_path / "model.training").exists()


@pytest.mark.slow
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
def start(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    out = tmp_path_factory.mktemp("models") / "first"
    train(TrainRequest(dataset=TileDataset(dataset), out=out, config=NEW))
    return open_model(out)


@pytest.fixture(scope="module")
def bright(write_dataset: WriteDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give tiles of another brightness."""
    folder = tmp_path_factory.mktemp("bright") / "tiles"
    return write_dataset(folder, brightness=300)


@pytest.fixture(scope="module")
def further(
    start: ModelFolder, bright: Path, tmp_path_factory: pytest.TempPathFactory
) -> ModelFolder:
    """Give the model tuned in one go."""
    out = tmp_path_factory.mktemp("models") / "further"
    dataset = TileDataset(bright)
    return tuned(TrainRequest(dataset=dataset, out=out, config=OFFLINE, start=start))


def tuned(request: TrainRequest) -> ModelFolder:
    train(request)
    return open_model(request.out)


def parameters(model: ModelFolder) -> dict[str, torch.Tensor]:
    tensors = safetensors.torch.load_file(model.path / "weights.safetensors")
    passing = ("running_mean", "running_var", "num_batches_tracked")
    return {name: value for name, value in tensors.items() if not name.endswith(passing)}


def test_without_a_step_weights_are_those_of_the_start_but_not_the_threshold(
    start: ModelFolder, bright: Path, tmp_path: Path
) -> None:
    at_three_eighths = replace(start, card=start.card.model_copy(update={"threshold": 0.375}))
    request = TrainRequest(
        dataset=TileDataset(bright), out=tmp_path / "tuned", config=STILL, start=at_three_eighths
    )
    model = tuned(request)
    found, before = parameters(model), parameters(start)
    assert found.keys() == before.keys()
    assert all(torch.equal(found[name], before[name]) for name in before)
    assert model.card.threshold_source is ThresholdSource.VALIDATION
    assert model.card.threshold != 0.375


def test_steps_change_the_weights_and_the_card_tells_where_they_began(
    start: ModelFolder, further: ModelFolder
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


def test_a_head_is_the_networks_and_stays_in_fine_tuning(
    dataset: Path, bright: Path, tmp_path: Path
) -> None:
    out, tuned_out = tmp_path / "leaky", tmp_path / "tuned"
    leaky = NEW.model_copy(update={"head": Head.LEAKY})
    model = tuned(TrainRequest(dataset=TileDataset(dataset), out=out, config=leaky))
    assert model.card.architecture.head is Head.LEAKY
    request = TrainRequest(dataset=TileDataset(bright), out=tuned_out, config=STILL, start=model)
    assert tuned(request).card.architecture == model.card.architecture
    assert open_model(tuned_out).card.training.config["head"] == "leaky"
    command = ["train", str(bright), "--out", str(tmp_path / "no"), "--start-from", str(out)]
    result = CliRunner().invoke(app, [*command, "--head", "relu"])
    assert result.exit_code == 2
    assert "--first-layer and --head, which are of a new network" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"encoder": "resnet18"}, r"linknet with encoder test_resnet, and .* encoder resnet18"),
        ({"arch": "albunet"}, r"linknet with encoder test_resnet, and .* albunet"),
    ],
    ids=["encoder", "arch"],
)
def test_another_network_is_refused(
    stated: dict[str, Any], message: str, start: ModelFolder, bright: Path, tmp_path: Path
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
        (
            {"bands": ("nir", "red", "green", "blue")},
            InputError,
            r"bands in their order, blue,green,red",
        ),
        (
            {"bands": ("blue", "green", "red", "nir", "pan")},
            InputError,
            r"exactly the model.s bands",
        ),
        ({"dtype": "uint8", "brightness": 50}, ModelError, r"uint16 and these are uint8"),
        ({"brightness": 12000}, ModelError, r"in another unit or scale"),
    ],
    ids=["band missing", "other order", "band too many", "8 bits", "far values"],
)
def test_datasets_that_do_not_fit_are_refused(
    made: dict[str, Any],
    error: type[LandslipError],
    message: str,
    start: ModelFolder,
    write_dataset: WriteDataset,
    tmp_path: Path,
) -> None:
    dataset = TileDataset(write_dataset(tmp_path / "tiles", **made))
    out = tmp_path / "tuned"
    with pytest.raises(error, match=message):
        train(TrainRequest(dataset=dataset, out=out, config=STILL, start=start))
    assert not out.exists()


def test_an_interrupted_run_goes_on_to_the_same_weights_and_from_no_other_model(
    start: ModelFolder, further: ModelFolder, bright: Path, tmp_path: Path
) -> None:
    epochs: list[int] = []

    def stop_in_the_second(result: EpochResult) -> None:
        if result.epoch == 2:
            raise RuntimeError("power cut")

    request = TrainRequest(
        dataset=TileDataset(bright), out=tmp_path / "model", config=OFFLINE, start=start
    )
    with pytest.raises(RuntimeError, match="power cut"):
        train(replace(request, callbacks=TrainingCallbacks(on_epoch=stop_in_the_second)))
    as_new = OFFLINE.model_copy(update={"encoder": "test_resnet", "encoder_weights": "none"})
    with pytest.raises(InputError, match="had another model to start from"):
        train(replace(request, resume=True, start=None, config=as_new))
    callbacks = TrainingCallbacks(on_epoch=lambda result: epochs.append(result.epoch))
    resumed = tuned(replace(request, resume=True, callbacks=callbacks))
    assert epochs == [2]
    assert resumed.card.files["weights.safetensors"] == further.card.files["weights.safetensors"]


def test_the_command_starts_from_a_model(start: ModelFolder, bright: Path, tmp_path: Path) -> None:
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


def stop_after_the_first(result: EpochResult) -> None:
    if result.epoch == 2:
        raise RuntimeError("power cut")


def interrupt(dataset: Path, out: Path, config: TrainConfig) -> None:
    callbacks = TrainingCallbacks(on_epoch=stop_after_the_first)
    request = TrainRequest(
        dataset=TileDataset(dataset), out=out, config=config, callbacks=callbacks
    )
    with pytest.raises(RuntimeError, match="power cut"):
        train(request)


def test_resume_takes_the_saved_settings_and_names_those_that_differ(
    dataset: Path, trained: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    """By default the encoder is another one, whose weights would be downloaded."""
    out = tmp_path / "model"
    interrupt(dataset, out, CONFIG)
    words = ["train", str(dataset), "--out", str(out), "--resume"]
    others = ["--encoder", "resnet18", "--epochs", "5", "--recipe", "paper", "--workers", "0"]
    refused = CliRunner().invoke(app, [*words, *others])
    assert refused.exit_code == 2
    text = " ".join(refused.output.split())
    assert (
        "had another encoder (test_resnet, now resnet18), epochs (3, now 5), "
        "dice_over (batch, now image), augmentation_mode (on_the_fly, now offline), "
        "steps_per_epoch (None, now tiles);"
    ) in text
    resumed = CliRunner().invoke(app, [*words, "--epochs", "3"])
    assert resumed.exit_code == 0, resumed.output
    assert weights_digest(out) == weights_digest(trained[0])
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 2
    assert "no interrupted run is beside it: training has ended" in " ".join(ended.output.split())


def test_resume_of_nothing_or_of_other_tiles_is_refused(
    dataset: Path, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    none = CliRunner().invoke(app, ["train", str(dataset), "--out", str(out), "--resume"])
    assert none.exit_code == 2
    assert "there is no interrupted run to continue; check --out" in " ".join(none.output.split())
    assert list(tmp_path.iterdir()) == []
    interrupt(dataset, out, CONFIG)
    others = write_dataset(tmp_path / "others", brightness=300)
    words = ["train", str(others), "--out", str(out), "--resume"]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "the interrupted run had another dataset (digest" in " ".join(refused.output.split())


def test_resume_needs_no_encoder_weights_once_there_is_a_checkpoint(
    dataset: Path, trained: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    file = tmp_path / "encoder.safetensors"
    whole = safetensors.torch.load_file(trained[0] / "weights.safetensors")
    prefix = "encoder."
    encoder = {
        name.removeprefix(prefix): value for name, value in whole.items() if name.startswith(prefix)
    }
    encoder["conv1.0.weight"] = encoder["conv1.0.weight"][:, :3].clone()
    safetensors.torch.save_file(encoder, file)
    config = CONFIG.model_copy(update={"encoder_weights": str(file)})
    out = tmp_path / "model"
    interrupt(dataset, out, config)
    file.unlink()
    train(TrainRequest(dataset=TileDataset(dataset), out=out, config=config, resume=True))
    digest = open_model(out).card.training.encoder_weights_sha256
    assert digest is not None
    assert len(digest) == 64


def test_several_datasets_are_trained_on_as_one(
    dataset: Path, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    other = write_dataset(tmp_path / "others", brightness=220)
    words = ["train", str(dataset), str(other), "--out", str(tmp_path / "model"), "--epochs", "1"]
    words += ["--encoder", "test_resnet", "--encoder-weights", "none", "--batch-size", "4"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    training = open_model(tmp_path / "model").card.training
    assert training.dataset_tiles == {"test": 8, "train": 18, "val": 6}
    assert training.dataset_source == "joined: tiles, others"
