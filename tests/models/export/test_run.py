"""Whole exports."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.models.export.conftest import Exported, robust_graph, write_model
from tests.models.training.conftest import WriteDataset

from landslip.core.choices import Precision
from landslip.core.errors import (
    InputError,
    LandslipWarning,
    MissingDependencyError,
    ModelError,
    OutputExistsError,
)
from landslip.datasets.format import TileDataset
from landslip.models.card import ExportsCard, FoldsCard
from landslip.models.engines.openvino import OpenvinoEngine
from landslip.models.export.int8 import QuantisationTiles
from landslip.models.export.run import ExportRequest, export
from landslip.models.folder import (
    CARD,
    DEEPNESS,
    GRAPH,
    INT8_GRAPH,
    ONNX,
    ModelFolder,
    open_model,
)


@pytest.fixture
def int8(dataset: Path) -> QuantisationTiles:
    return QuantisationTiles(dataset=TileDataset(dataset), tiles=5, seed=7)


def test_the_new_folder_is_the_old_one_and_more(model: ModelFolder, exported: Exported) -> None:
    out, made, _ = exported
    new = open_model(out)
    for name, digest in model.card.files.items():
        assert new.card.files[name] == digest
        assert new.file(name).read_bytes() == (model.path / name).read_bytes()
    assert {ONNX, DEEPNESS, INT8_GRAPH, "graph_int8.bin"} == {*new.card.files} - {*model.card.files}
    for name in new.card.files:
        new.file(name)
    assert (out / "logs" / "events").read_text() == "kept"
    assert new.card.exports == made
    assert new.card.model_copy(update={"files": model.card.files, "exports": None}) == model.card
    assert [*out.parent.iterdir()] == [out]


def test_what_was_measured_is_told(dataset: Path, exported: Exported) -> None:
    _, made, told = exported
    card = TileDataset(dataset).card
    assert made.int8 is not None
    assert made.int8.f1_fp32_percent == 100
    assert made.int8.f1_percent == 100
    assert made.int8.loss_points == 0
    assert made.int8.max_loss_points == 0.5
    assert (made.int8.split, made.int8.tiles, made.int8.pixels) == ("val", 3, 3 * 64 * 64)
    assert (made.int8.calibration_tiles, made.int8.calibration_seed) == (5, 7)
    assert (made.int8.pixels_sha256, made.int8.split_sha256) == (
        card.pixels_sha256,
        card.split_sha256,
    )
    assert made.onnx is not None
    assert made.onnx.deepness_tile == 512
    assert [told[0], told[-1]] == [(1, 11), (11, 11)]
    assert sorted(told) == told


def test_the_int8_graph_runs(exported: Exported) -> None:
    new = open_model(exported[0])
    pixels = np.random.default_rng(0).uniform(-1, 2, (2, 4, 64, 96)).astype(np.float32)
    exact = OpenvinoEngine(new, Precision.FP32).predict(pixels)
    found = OpenvinoEngine(new, Precision.INT8).predict(pixels)
    assert 0 < np.abs(found - exact).max() < 0.1


def test_too_large_a_loss_leaves_nothing(
    fragile: ModelFolder, int8: QuantisationTiles, tmp_path: Path
) -> None:
    request = ExportRequest(model=fragile, out=tmp_path / "new", onnx=False, int8=int8)
    message = (
        r"int8 loses \d+\.\d\d points of F1 on 3 val tiles \(fp32 100\.00 %, int8 \d+\.\d\d %\) "
        r"and at most 0\.5 are allowed; .*tiles.*calibrate.*max_loss"
    )
    with pytest.raises(InputError, match=message):
        export(request)
    assert not [*tmp_path.iterdir()]
    made = export(replace(request, max_loss_points=100)).int8
    assert made is not None
    assert 0.5 < made.loss_points <= 100
    assert open_model(tmp_path / "new").card.exports == ExportsCard(int8=made)


def test_a_loss_on_tiles_of_the_training_is_warned_of(
    model: ModelFolder, int8: QuantisationTiles, tmp_path: Path
) -> None:
    data = int8.dataset.card
    folds = FoldsCard(
        folds=2, tiles=8, groups=8, epochs=(), single=None, average_precision=None, intervals={}
    )
    own = {"pixels_sha256": data.pixels_sha256, "split_sha256": data.split_sha256}
    of_folds = model.card.training.model_copy(update={**own, "folds": folds})
    folded = replace(model, card=model.card.model_copy(update={"training": of_folds}))
    request = ExportRequest(model=folded, out=tmp_path / "new", onnx=False, int8=int8)
    with pytest.warns(LandslipWarning, match=r"of the val tiles\. These are tiles that the model"):
        export(request)
    without = of_folds.model_copy(update={"folds": None})
    plain = replace(model, card=model.card.model_copy(update={"training": without}))
    export(replace(request, model=plain, out=tmp_path / "other"))  # warnings are errors here


def test_an_earlier_export_is_replaced_whole(
    model: ModelFolder, int8: QuantisationTiles, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    export(ExportRequest(model=model, out=out, onnx=False, int8=int8))
    (out / ONNX).write_bytes(b"of another model")
    again = ExportRequest(model=model, out=out, onnx=False, int8=int8)
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        export(again)
    export(replace(again, overwrite=True))
    assert not (out / ONNX).exists()
    assert (out / INT8_GRAPH).exists()


def test_what_an_exported_folder_has_stays_with_it(
    model: ModelFolder, int8: QuantisationTiles, tmp_path: Path
) -> None:
    first = export(ExportRequest(model=model, out=tmp_path / "a", onnx=False, int8=int8))
    other = replace(int8, tiles=2)
    start = open_model(tmp_path / "a")
    second = export(ExportRequest(model=start, out=tmp_path / "b", onnx=False, int8=other))
    assert first.int8 is not None
    assert second.int8 is not None
    assert (first.int8.calibration_tiles, second.int8.calibration_tiles) == (5, 2)
    assert open_model(tmp_path / "b").file(INT8_GRAPH).is_file()


def test_a_damaged_model_is_refused(tmp_path: Path, int8: QuantisationTiles) -> None:
    damaged = write_model(tmp_path / "old", robust_graph())
    (damaged.path / GRAPH).write_text("<net/>")
    with pytest.raises(ModelError, match=r"graph\.xml: .* truncated or changed"):
        export(ExportRequest(model=damaged, out=tmp_path / "new", onnx=False, int8=int8))
    assert not (tmp_path / "new").exists()


def test_a_dataset_of_another_kind_is_refused(
    model: ModelFolder, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    pictures = write_dataset(tmp_path / "tiles", dtype="uint8", brightness=40)
    request = ExportRequest(
        model=model,
        out=tmp_path / "new",
        onnx=False,
        int8=QuantisationTiles(dataset=TileDataset(pictures)),
    )
    with pytest.raises(ModelError, match="8-bit images and sensor counts do not mix"):
        export(request)


def test_what_makes_no_export_is_refused(
    model: ModelFolder, int8: QuantisationTiles, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"nothing to export: ask for ONNX"):
        ExportRequest(model=model, out=tmp_path / "new", onnx=False)
    with pytest.raises(InputError, match="a new folder beside the model"):
        ExportRequest(model=model, out=model.path / ".." / model.path.name)
    for wrong in (-0.1, float("nan")):
        with pytest.raises(InputError, match=r"max_loss is 0 or more points of F1; got"):
            ExportRequest(model=model, out=tmp_path / "new", int8=int8, max_loss_points=wrong)


@pytest.mark.parametrize("name", ["nncf", "onnxscript"])
def test_missing_packages_are_named(
    name: str,
    model: ModelFolder,
    int8: QuantisationTiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {name}.*'landslip\[export\]'"):
        export(ExportRequest(model=model, out=tmp_path / "new", int8=int8))


def test_folders_without_exports_open(model: ModelFolder) -> None:
    text = (model.path / CARD).read_text()
    assert '"exports": null,' in text
    (model.path / CARD).write_text(text.replace('"exports": null,', ""))
    try:
        assert open_model(model.path).card.exports is None
    finally:
        (model.path / CARD).write_text(text)
