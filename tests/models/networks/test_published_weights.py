"""Weights published on the Hub, with a file of ours in its cache."""

from pathlib import Path

import pytest
import timm
import torch

from landslip.core.errors import InputError
from landslip.core.files import sha256_of
from landslip.models.networks import published_weights
from landslip.models.networks.encoder import load_backbone
from landslip.models.networks.published_weights import (
    PublishedWeights,
    is_published,
)
from landslip.models.networks.published_weights import published_weights as find

ALL = "sentinel2-all-moco"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a ResNet-18 of 13 bands, without its classifier, as torchgeo's files have it."""
    torch.manual_seed(6)
    tensors = timm.create_model("resnet18", in_chans=13, num_classes=0).state_dict()
    made = tmp_path / "made.pth"
    torch.save(tensors, made)
    path = made.rename(tmp_path / f"resnet18-{sha256_of(made)[:8]}.pth")

    def download(repository: str, file: str, revision: str | None) -> Path:
        assert (repository, revision) == (
            "torchgeo/resnet18_sentinel2_all_moco",
            "5b8cddc9a14f3844350b7f40b85bcd32aed75918",
        )
        return path

    monkeypatch.setattr(published_weights, "download_from_hub", download)
    known = published_weights._TORCHGEO[ALL, "resnet18"]
    ours = PublishedWeights(
        repository=known.repository, revision=known.revision, file=path.name, bands=known.bands
    )
    monkeypatch.setitem(published_weights._TORCHGEO, (ALL, "resnet18"), ours)
    return path


def test_thirteen_bands_are_known_by_name(hub: Path) -> None:
    encoder = load_backbone("resnet18", ALL, (1, 2, 3, 4))
    filters = torch.load(hub, weights_only=True)["conv1.weight"]
    assert torch.equal(encoder.network.state_dict()["conv1.weight"], filters)
    # Sentinel-2: B1 coastal, B2 blue, B3 green, B4 red, B8 the wide near infrared
    positions = [encoder.bands.index(name) for name in ("blue", "green", "red", "nir")]
    assert positions == [1, 2, 3, 7]


def test_another_content_is_refused(hub: Path) -> None:
    hub.write_bytes(hub.read_bytes() + b"0")
    with pytest.raises(InputError, match="SHA-256 does not begin with"):
        load_backbone("resnet18", ALL, (1, 2, 3, 4))


def test_names_and_addresses() -> None:
    assert [is_published(name) for name in (ALL, "hf-hub:a/b/c.pth", "imagenet", "w.pth")] == [
        True,
        True,
        False,
        False,
    ]
    found = find("hf-hub:owner/repo/folder/w.safetensors@main", "resnet50")
    assert (found.repository, found.file, found.revision, found.bands) == (
        "owner/repo",
        "folder/w.safetensors",
        "main",
        None,
    )
    with pytest.raises(InputError, match="hf-hub:OWNER/REPOSITORY/FILE"):
        find("hf-hub:owner/repo", "resnet50")
    with pytest.raises(InputError, match=r"published for resnet18, resnet50; the encoder is vgg"):
        find(ALL, "vgg")
