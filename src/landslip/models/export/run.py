"""Copies a model folder and adds ONNX files and the int8 graph."""

import shutil
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import openvino

from landslip.core.errors import (
    InputError,
    LandslipWarning,
    MissingDependencyError,
    argument,
)
from landslip.core.files import atomic_directory, refuse_existing, require_space, sha256_of
from landslip.core.progress import Progress, no_progress
from landslip.models.card import ExportsCard, Int8Card, ModelCard
from landslip.models.evaluation import training_note
from landslip.models.export.int8 import (
    QuantisationTiles,
    evaluation_split,
    measure_quantisation_loss,
    quantise_graph,
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
_EXPORTED = (ONNX, DEEPNESS, INT8_GRAPH, INT8_GRAPH_WEIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """The additions to a copy of a model, and the folder to write it to.

    ``onnx`` adds ``model.onnx`` and ``deepness.onnx``; ``int8`` the int8 graph, calibrated on these
    tiles, if it loses at most ``max_loss_points`` percentage points of F1. Progress is of the tiles
    that int8 is calibrated and evaluated on.
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
            raise InputError("nothing to export: ask for ONNX, int8 or both")
        if self.out.resolve() == self.model.path.resolve():
            raise InputError(
                f"{self.out}: an export is a new folder beside the model; choose another "
                f"{argument('out')}"
            )
        if not self.max_loss_points >= 0:
            raise InputError(
                f"{argument('max_loss')} is 0 or more points of F1; got {self.max_loss_points:g}"
            )


def export(request: ExportRequest) -> ExportsCard:
    """Copy a model folder and make the additions; return their entry in ``model.json``.

    Warns where the loss of int8 is measured on tiles that the model was trained on.

    Raises:
        MissingDependencyError: a package is not installed.
        InputError: the dataset has no tiles to calibrate or evaluate on, or int8 loses more F1 than
            is allowed.
        ModelError: the model is damaged, not compatible with the dataset, or cannot be converted.
        OutputExistsError: ``out`` already exists.
    """
    needed = _ONNX_PACKAGES if request.onnx else ()
    if request.int8 is not None:
        needed = (*needed, "nncf")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"this export needs {', '.join(missing)}, which is not installed; "
            "install it with: pip install 'landslip[export]'"
        )
    refuse_existing(request.out, overwrite=request.overwrite)
    card = request.model.card
    if request.int8 is not None:
        dataset = request.int8.dataset
        check_compatible(card, dataset.bands, dataset.card.radiometry, str(dataset.path))
        split = evaluation_split(dataset)  # raises before the long work
        if note := training_note(card, dataset, split):
            text = f"{dataset.path}: the loss of int8 is of the {split} tiles. {note.text()}"
            warnings.warn(text, LandslipWarning, stacklevel=2)
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        size = sum(request.model.file(name).stat().st_size for name in card.files)
        require_space(request.out, size, "the model's files")
        shutil.copytree(request.model.path, stage, dirs_exist_ok=True)
        exports = card.exports or ExportsCard()
        if request.int8 is not None:
            int8 = _add_int8(request, request.int8, stage)
            exports = exports.model_copy(update={"int8": int8})
        if request.onnx:
            from landslip.models.export.onnx import write_onnx

            exports = exports.model_copy(update={"onnx": write_onnx(request.model, stage)})
        written = {name for name in _EXPORTED if (stage / name).is_file()}
        card = _with_files(card, stage, written).model_copy(update={"exports": exports})
        (stage / CARD).write_text(card.model_dump_json(indent=2) + "\n")
    for name in set(_EXPORTED) - written:  # of an earlier export
        (request.out / name).unlink(missing_ok=True)
    return exports


def _with_files(card: ModelCard, folder: Path, names: set[str]) -> ModelCard:
    digests = {name: sha256_of(folder / name) for name in sorted(names)}
    return card.model_copy(update={"files": card.files | digests})


def _add_int8(request: ExportRequest, calibration: QuantisationTiles, stage: Path) -> Int8Card:
    """Write the int8 graph and measure its loss of F1, which may be too large."""
    dataset = calibration.dataset
    split, calibrated = evaluation_split(dataset), len(calibration.positions())
    tiles = len(dataset.positions(split))
    total = calibrated + 2 * tiles
    graph = quantise_graph(
        request.model, calibration, lambda done, _: request.progress(done, total)
    )
    openvino.save_model(graph, stage / INT8_GRAPH, compress_to_fp16=False)
    card = _with_files(request.model.card, stage, {INT8_GRAPH, INT8_GRAPH_WEIGHTS})
    loss = measure_quantisation_loss(
        ModelFolder(stage, card),
        dataset,
        split,
        lambda done, _: request.progress(calibrated + done, total),
    )
    fp32, int8 = loss.f1_percent
    if loss.loss_points > request.max_loss_points:
        raise InputError(
            f"{dataset.path}: int8 loses {loss.loss_points:.2f} points of F1 on {tiles} "
            f"{split} tiles (fp32 {fp32:.2f} %, int8 {int8:.2f} %) and at most "
            f"{request.max_loss_points:g} are allowed; calibrate on more tiles "
            f"({argument('tiles')}) or on a dataset of the area to map ({argument('calibrate')}), "
            f"raise {argument('max_loss')}, or stay with bf16"
        )
    return Int8Card(
        f1_percent=int8,
        f1_fp32_percent=fp32,
        loss_points=loss.loss_points,
        max_loss_points=request.max_loss_points,
        other_layers=loss.other_layers,
        split=split.value,
        tiles=tiles,
        pixels=loss.pixels,
        calibration_tiles=calibrated,
        calibration_seed=calibration.seed,
        dataset_source=dataset.card.source,
        pixels_sha256=dataset.card.pixels_sha256,
        split_sha256=dataset.card.split_sha256,
        nncf_version=version("nncf"),
        openvino_version=version("openvino"),
    )
