from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn

from landslip.core.choices import FirstLayer
from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.encoder import (
    Encoder,
    band_filters,
    load_backbone,
    widen_first_layer,
)
from landslip.models.networks.encoder_weights import read_encoder_weights

KNOWN = ("red", "green", "blue")
WEIGHT = torch.arange(2 * 3 * 1 * 1, dtype=torch.float32).reshape(
    2, 3, 1, 1
)  # r, g, b of each filter


GENERATOR = torch.Generator()


def filters(bands: tuple[str, ...], rule: FirstLayer, seed: int = 0) -> Tensor:
    return band_filters(WEIGHT, KNOWN, bands, rule, torch.Generator().manual_seed(seed))[:, :, 0, 0]


def test_known_bands_take_their_own_filters_in_any_order() -> None:
    assert filters(("blue", "green", "red"), FirstLayer.ZERO).tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize(
    ("rule", "nir"),
    [(FirstLayer.MEAN, [1, 4]), (FirstLayer.RED, [0, 3]), (FirstLayer.ZERO, [0, 0])],
    ids=str,
)
def test_other_bands_follow_the_rule(rule: FirstLayer, nir: list[float]) -> None:
    found = filters(("nir", "red", "green", "blue"), rule)
    assert found[:, 0].tolist() == nir
    assert found[:, 1:].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("rule", "swir"), [(FirstLayer.MEAN, [1.5, 5.5]), (FirstLayer.RED, [2, 6])], ids=str
)
def test_weights_of_other_bands_know_them(rule: FirstLayer, swir: list[float]) -> None:
    weight = torch.arange(8, dtype=torch.float32).reshape(2, 4, 1, 1)
    known = ("blue", "green", "red", "nir")
    found = band_filters(weight, known, ("nir", "swir16", "red"), rule, torch.Generator())
    assert found[:, :, 0, 0].T.tolist() == [[3, 7], swir, [2, 6]]


def test_red_filters_need_a_red_band() -> None:
    with pytest.raises(InputError, match=r"first_layer='red'.* know vv, vh; use .*mean"):
        band_filters(torch.ones(2, 2, 1, 1), ("vv", "vh"), ("red",), FirstLayer.RED, GENERATOR)


def test_random_filters_are_kaiming_normal_and_drawn_from_the_generator() -> None:
    weight = torch.zeros(64, 3, 7, 7)
    first, second = (
        band_filters(
            weight, KNOWN, ("nir",), FirstLayer.RANDOM, torch.Generator().manual_seed(seed)
        )
        for seed in (0, 1)
    )
    assert first.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    assert not torch.equal(first, second)


def test_widened_layer_gives_the_same_answer_on_rgb_with_zero_nir() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False))
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        before = network(image)
    widen_first_layer(
        Encoder(network=network),
        ("nir", "blue", "green", "red"),
        FirstLayer.RANDOM,
        torch.Generator(),
    )
    four = torch.cat([torch.zeros(1, 1, 32, 32), image.flip(1)], dim=1)
    with torch.inference_mode():
        after = network(four)
    assert torch.allclose(before, after, atol=1e-6)


def test_the_convolution_keeps_its_kind() -> None:
    """One that pads by itself gives half the size, rounded up, for any kernel."""
    network = nn.Sequential(Conv2dSame(3, 8, 3, 2, 0, bias=False))
    bands = ("nir", "red", "green", "blue")
    widen_first_layer(Encoder(network=network), bands, FirstLayer.MEAN, torch.Generator())
    assert network(torch.zeros(1, 4, 32, 32)).shape == (1, 8, 16, 16)


def test_a_network_without_an_rgb_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match="over 3 channels"):
        widen_first_layer(
            Encoder(network=nn.Linear(3, 1)), ("red",), FirstLayer.MEAN, torch.Generator()
        )


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


BANDS = ("blue", "green", "red", "nir")


def save_four_bands(tensors: Tensors, folder: Path, **header: str) -> tuple[Path, Tensor]:
    rgb = tensors["conv1.0.weight"]
    filters = torch.randn(rgb.shape[0], 4, *rgb.shape[2:], generator=GENERATOR)
    path = folder / "four.safetensors"
    metadata = {"format": "pt", **header}
    safetensors.torch.save_file({**tensors, "conv1.0.weight": filters}, path, metadata=metadata)
    return path, filters


def test_a_first_layer_of_four_named_bands_stays_as_it_is(tensors: Tensors, tmp_path: Path) -> None:
    path, filters = save_four_bands(tensors, tmp_path, bands=",".join(BANDS), encoder=ENCODER)
    assert torch.equal(build(path, BANDS)["encoder.conv1.0.weight"], filters)
    found = build(path, ("red", "nir", "height"))["encoder.conv1.0.weight"]
    expected = torch.stack([filters[:, 2], filters[:, 3], filters.mean(1)], dim=1)
    assert torch.allclose(found, expected)


def test_a_first_layer_of_unnamed_bands_is_refused(tensors: Tensors, tmp_path: Path) -> None:
    path, _ = save_four_bands(tensors, tmp_path)
    with pytest.raises(InputError, match="takes 4 bands, and the file does not name them"):
        build(path, BANDS)


def test_a_file_that_names_another_encoder_is_refused(tensors: Tensors, tmp_path: Path) -> None:
    path, _ = save_four_bands(tensors, tmp_path, bands=",".join(BANDS), encoder="resnet50")
    with pytest.raises(InputError, match="weights of resnet50, and the encoder is test_resnet"):
        build(path, BANDS)


def test_layers_that_no_level_needs_may_be_missing(tmp_path: Path) -> None:
    """An EfficientNet's last convolution comes after its features."""
    tensors = timm.create_model("efficientnet_lite0", pretrained=False, num_classes=0).state_dict()
    kept = {name: one for name, one in tensors.items() if not name.startswith(("conv_head", "bn2"))}
    assert len(kept) < len(tensors)
    path = save_safetensors(kept, tmp_path)
    encoder = load_backbone("efficientnet_lite0", str(path), (1, 2, 3, 4)).network
    name = "blocks.5.2.conv_pwl.weight"
    assert torch.equal(encoder.state_dict()[name], tensors[name])


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
        read_encoder_weights(tmp_path / name)


def test_pickled_objects_are_not_executed(tmp_path: Path) -> None:
    torch.save({"layer": _Bad()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match="tensors alone"):
        read_encoder_weights(tmp_path / "evil.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.pth: no such file"):
        read_encoder_weights(tmp_path / "absent.pth")


def test_bands_of_another_date_take_the_filters_of_their_band() -> None:
    weight = torch.arange(3.0).reshape(1, 3, 1, 1)
    bands = ("before_red", "slope", "red", "before_nir")
    found = band_filters(weight, ("red", "green", "blue"), bands, FirstLayer.ZERO, GENERATOR)
    assert found[0, :, 0, 0].tolist() == [0, 0, 0, 0]
    known = ("nir", "green", "red")
    found = band_filters(weight + 1, known, bands, FirstLayer.ZERO, GENERATOR)
    assert found[0, :, 0, 0].tolist() == [3, 0, 3, 1]
