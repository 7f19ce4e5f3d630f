from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor

from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.weights import read_weights

ENCODER = "test_resnet"
Tensors = dict[str, Tensor]


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    torch.manual_seed(7)
    return dict(timm.create_model(ENCODER, pretrained=False).state_dict())


def save_safetensors(tensors: Tensors, folder: Path) -> Path:
    safetensors.torch.save_file(tensors, folder / "weights.safetensors")
    return folder / "weights.safetensors"


def save_pth(tensors: Tensors, folder: Path) -> Path:
    torch.save(tensors, folder / "weights.pth")
    return folder / "weights.pth"


def save_wrapped(tensors: Tensors, folder: Path) -> Path:
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    torch.save({"state_dict": wrapped}, folder / "weights.pth")
    return folder / "weights.pth"


def save_half(tensors: Tensors, folder: Path) -> Path:
    half = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    return save_safetensors(half, folder)


def build(path: Path, bands: tuple[str, ...] = ("blue", "green", "red")) -> Tensors:
    network = build_network(
        Architecture(encoder=ENCODER, bands=bands), encoder_weights=str(path), seed=1
    )
    return network.state_dict()


@pytest.mark.parametrize("save", [save_safetensors, save_pth, save_wrapped, save_half])
def test_every_encoder_tensor_is_taken_from_the_file(
    save: Callable[[Tensors, Path], Path], tensors: Tensors, tmp_path: Path
) -> None:
    found = build(save(tensors, tmp_path), ("red", "green", "blue"))
    taken = {name: tensors[name] for name in tensors if f"encoder.{name}" in found}
    assert len(taken) == sum(name.startswith("encoder.") for name in found)
    for name, tensor in taken.items():
        assert torch.allclose(found[f"encoder.{name}"].float(), tensor.float(), atol=2e-3), name


def test_missing_tensors_are_named(tensors: Tensors, tmp_path: Path) -> None:
    some = {name: tensor for name, tensor in tensors.items() if not name.startswith("layer2")}
    with pytest.raises(InputError, match=r"layer2\.0\.conv1\.weight first"):
        build(save_safetensors(some, tmp_path))


def test_weights_of_another_encoder_are_refused(tensors: Tensors, tmp_path: Path) -> None:
    other = dict(tensors) | {"layer1.0.conv1.weight": torch.zeros(3, 3, 1, 1)}
    with pytest.raises(InputError, match="of another encoder"):
        build(save_safetensors(other, tmp_path))


class _Bad:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return (Path.touch, ("/nowhere/run",))


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"not weights", "w.pth"), (b"\x08", "w.safetensors"), (b"", "w.pth")],
    ids=["text", "truncated", "empty"],
)
def test_damaged_files_are_refused(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_weights(tmp_path / name)


def test_pickled_objects_are_not_executed(tmp_path: Path) -> None:
    torch.save({"layer": _Bad()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match="tensors alone"):
        read_weights(tmp_path / "evil.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.pth: no such file"):
        read_weights(tmp_path / "absent.pth")
