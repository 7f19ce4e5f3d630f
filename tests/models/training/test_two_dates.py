"""Training of a network of two dates that begins as a model of one."""

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tests.models.training.conftest import WriteDataset

from landslip.core.choices import Arch, Precision
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.models.folder import ModelFolder, open_model
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train

ONE = TrainConfig(
    encoder="test_resnet", encoder_weights="none", epochs=1, batch_size=4, precision=Precision.FP32
)
# steps too small for a float to change
TWO = TrainConfig(
    arch=Arch.TWO_DATE_LINKNET,
    epochs=1,
    batch_size=4,
    learning_rate=1e-30,
    weight_decay=0.0,
    precision=Precision.FP32,
)


@pytest.fixture(scope="module")
def one_date(write_dataset: WriteDataset, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    folder = tmp_path_factory.mktemp("one")
    tiles = write_dataset(folder / "tiles", bands=("red", "nir"))
    train(TrainRequest(dataset=TileDataset(tiles), out=folder / "model", config=ONE))
    return open_model(folder / "model")


def test_a_network_of_two_dates_begins_as_a_model_of_one(
    one_date: ModelFolder, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    bands = ("red", "nir", "before_red", "before_nir")
    tiles = TileDataset(write_dataset(tmp_path / "tiles", bands=bands, brightness=300))
    request = TrainRequest(dataset=tiles, out=tmp_path / "model", config=TWO, start=one_date)
    train(request)
    model = open_model(request.out)
    assert model.card.architecture.arch is Arch.TWO_DATE_LINKNET
    assert model.card.architecture.encoder == "test_resnet"
    assert model.card.input.mean == one_date.card.input.mean * 2
    assert model.card.input.std == one_date.card.input.std * 2
    found, before = (
        safetensors.torch.load_file(folder.path / "weights.safetensors")
        for folder in (model, one_date)
    )
    passing = ("running_mean", "running_var", "num_batches_tracked")
    for name, tensor in before.items():
        if not name.endswith(passing):
            assert torch.equal(found[name.replace("encoder.", "encoder.encoder.", 1)], tensor)
    changes = [tensor[:, :, 0, 0] for name, tensor in found.items() if "changes" in name]
    assert len(changes) == 4
    for weight in changes:
        assert torch.allclose(weight, torch.eye(len(weight), 2 * len(weight)), atol=1e-25)


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (("red", "nir"), "none is"),
        (("nir", "red", "before_red"), "exactly the model's bands in their order, red,nir"),
    ],
    ids=["one date", "order"],
)
def test_tiles_of_other_bands_are_refused(
    one_date: ModelFolder,
    write_dataset: WriteDataset,
    tmp_path: Path,
    bands: tuple[str, ...],
    message: str,
) -> None:
    tiles = TileDataset(write_dataset(tmp_path / "tiles", bands=bands))
    request = TrainRequest(dataset=tiles, out=tmp_path / "model", config=TWO, start=one_date)
    with pytest.raises(InputError, match=message):
        train(request)
    other = replace(request, config=TWO.model_copy(update={"encoder": "resnet18"}))
    with pytest.raises(InputError, match=message if bands[0] == "red" else "leave arch and enc"):
        train(other)
    assert not request.out.exists()
