"""Writes a model folder again, with what other programs and int8 need beside it."""

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from landslip.core.errors import InputError, MissingDependencyError
from landslip.core.files import atomic_directory, refuse_existing, sha256_of
from landslip.core.progress import Progress, no_progress
from landslip.models.card import ExportsCard, Int8Card, ModelCard, OnnxCard
from landslip.models.export.int8 import (
    QuantisationLoss,
    QuantisationTiles,
    evaluation_split,
    measure_quantisation_loss,
    quantise_graph,
    versions,
    write_int8,
)
from landslip.models.folder import (
    CARD,
    DEEPNESS,
    INT8_GRAPH,
    INT8_GRAPH_WEIGHTS,
    ONNX,
    ModelFolder,
    check_compatible,
)

_ONNX_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")
_INT8_PACKAGES = ("nncf",)
_EXPORTED = (ONNX, DEEPNESS, INT8_GRAPH, INT8_GRAPH_WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is to be added to a model, and where to.

    Attributes:
        model: stays as it is.
        out: folder to write.
        onnx: add ``model.onnx`` and ``deepness.onnx``.
        int8: add the int8 graph, calibrated so; None: do not.
        max_loss_points: largest loss of F1 by int8, in percentage points.
        overwrite: replace an earlier export.
        progress: told of the tiles that int8 is calibrated and measured on.
    """

    model: ModelFolder
    out: Path
    onnx: bool = True
    int8: QuantisationTiles | None = None
    max_loss_points: float = 0.5
    overwrite: bool = False
    progress: Progress = no_progress

    def __post_init__(self) -> None:
        if not self.onnx and self.int8 is None:
            raise InputError("nothing is to be exported: give --int8, or leave --no-onnx out")
        if self.out.resolve() == self.model.path.resolve():
            raise InputError(
                f"{self.out}: an export is a new folder beside the model; choose another --out"
            )
        if not self.max_loss_points >= 0:
            raise InputError(f"--max-loss: points of F1, 0 or more; got {self.max_loss_points:g}")


def export(request: ExportRequest) -> ExportsCard:
    """Copy a model folder and add what is asked for; return what ``model.json`` tells of it.

    Raises:
        MissingDependencyError: a package is not installed.
        InputError: the dataset has no tiles to calibrate or measure on, or int8 loses more F1 than
            is allowed.
        ModelError: the model is damaged, does not fit the dataset, or cannot be converted.
        OutputExistsError: something is at ``out`` already.
    """
    _check_installed(request)
    refuse_existing(request.out, overwrite=request.overwrite)
    if request.int8 is not None:
        dataset = request.int8.dataset
        check_compatible(
            request.model.card, dataset.bands, dataset.card.radiometry, str(dataset.path)
        )
        evaluation_split(dataset)  # refuses before the long work
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        card = _copied(request.model, stage)
        exports = card.exports or ExportsCard()
        if request.int8 is not None:
            found = _add_int8(request, request.int8, stage, card)
            exports = exports.model_copy(update={"int8": found})
        if request.onnx:
            exports = exports.model_copy(update={"onnx": _add_onnx(request.model, stage)})
        written = {name for name in _EXPORTED if (stage / name).is_file()}
        card = _with_files(card, stage, written).model_copy(update={"exports": exports})
        (stage / CARD).write_text(card.model_dump_json(indent=2) + "\n")
    for name in set(_EXPORTED) - written:  # of an export that stood here before
        (request.out / name).unlink(missing_ok=True)
    return exports


def _check_installed(request: ExportRequest) -> None:
    onnx, int8 = request.onnx, request.int8 is not None
    wanted = (*(_ONNX_PACKAGES if onnx else ()), *(_INT8_PACKAGES if int8 else ()))
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"this export needs {', '.join(missing)}, which is not installed; "
            "install it with: pip install 'landslip[export]'"
        )


def _copied(model: ModelFolder, stage: Path) -> ModelCard:
    """Copy a model folder whole, once each of its files is found sound."""
    for name in model.card.files:
        model.file(name)
    shutil.copytree(model.path, stage, dirs_exist_ok=True)
    return model.card


def _with_files(card: ModelCard, folder: Path, names: set[str]) -> ModelCard:
    digests = {name: sha256_of(folder / name) for name in sorted(names)}
    return card.model_copy(update={"files": card.files | digests})


def _add_onnx(model: ModelFolder, stage: Path) -> OnnxCard:
    from landslip.models.export.onnx import write_onnx

    return write_onnx(model, stage)


def _add_int8(
    request: ExportRequest, calibration: QuantisationTiles, stage: Path, card: ModelCard
) -> Int8Card:
    dataset = calibration.dataset
    split, before = evaluation_split(dataset), len(calibration.positions())
    total = before + 2 * len(dataset.positions(split))
    graph = quantise_graph(
        request.model, calibration, lambda done, _: request.progress(done, total)
    )
    staged = ModelFolder(stage, _with_files(card, stage, set(write_int8(graph, stage))))
    cost = measure_quantisation_loss(
        staged, dataset, split, lambda done, _: request.progress(before + done, total)
    )
    if cost.loss_points > request.max_loss_points:
        raise InputError(_refusal(cost, request.max_loss_points, str(dataset.path)))
    return _int8_card(cost, request.max_loss_points, calibration)


def _refusal(cost: QuantisationLoss, allowed: float, name: str) -> str:
    fp32, int8 = cost.f1_percent
    return (
        f"{name}: int8 loses {cost.loss_points:.2f} points of F1 on {cost.tiles} "
        f"{cost.split} tiles (fp32 {fp32:.2f} %, int8 {int8:.2f} %) and at most {allowed:g} are "
        "allowed; calibrate on more tiles (--tiles) or on ground like that to be mapped "
        "(--calibrate), raise --max-loss, or stay with bf16"
    )


def _int8_card(cost: QuantisationLoss, allowed: float, calibration: QuantisationTiles) -> Int8Card:
    fp32, int8 = cost.f1_percent
    nncf_version, openvino_version = versions()
    known = calibration.dataset.card
    return Int8Card(
        f1_percent=int8,
        f1_fp32_percent=fp32,
        loss_points=cost.loss_points,
        max_loss_points=allowed,
        other_layers=cost.other_layers,
        split=cost.split.value,
        tiles=cost.tiles,
        pixels=cost.pixels,
        calibration_tiles=len(calibration.positions()),
        calibration_seed=calibration.seed,
        dataset_source=known.source,
        pixels_sha256=known.pixels_sha256,
        split_sha256=known.split_sha256,
        nncf_version=nncf_version,
        openvino_version=openvino_version,
    )
