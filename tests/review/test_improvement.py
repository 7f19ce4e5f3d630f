"""Models that learn from reviewed ground, with timm's smallest residual network."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from shapely import box
from tests.conftest import write_raster_file
from tests.factories.datasets import bright_square, write_dataset

from landslip.core.choices import Precision, Split
from landslip.core.errors import InputError, ModelError, OutputExistsError
from landslip.models.folder import ModelFolder, open_model
from landslip.models.training.module import EpochResult, TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.review.ground import Outlines, ReviewedScene
from landslip.review.improvement import (
    FINE_TUNING,
    LEAST_STEPS,
    ImproveRequest,
    fine_tuning_config,
    improve,
)
from landslip.review.improvement_record import RECORD, ImprovementRecord, ReviewProvenance

X, Y, SIDE, TILE = 500_000, 4_000_000, 384, 64
BANDS = ("blue", "green", "red", "nir")
QUICK = {"epochs": 1, "steps_per_epoch": 1}


@pytest.fixture(scope="module", autouse=True)
def without_graph() -> Iterator[None]:
    """Hide OpenVINO: models have no graph, which takes longer to write than they to train."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "openvino", None)
        yield


def base_model(folder: Path, *, epochs: int, steps: int) -> ModelFolder:
    """Train a model on tiles in which bright squares are landslides."""
    generator = np.random.default_rng(0)
    tiles = [bright_square(f"t{at}", generator, landslide=at % 4 > 0) for at in range(16)]
    dataset = write_dataset(
        folder / "tiles",
        tiles,
        bands=BANDS,
        resolution_m=1.0,
        splits=[Split.VALIDATION if at < 4 else Split.TRAIN for at in range(16)],
    )
    config = TrainConfig(
        encoder="test_resnet",
        encoder_weights="none",
        learning_rate=0.02,
        epochs=epochs,
        steps_per_epoch=steps,
        batch_size=4,
        precision=Precision.FP32,
    )
    train(TrainRequest(dataset=dataset, out=folder / "model", config=config))
    return open_model(folder / "model")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a model that has learnt next to nothing."""
    return base_model(tmp_path_factory.mktemp("base"), epochs=1, steps=3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a model that takes bright squares for landslides."""
    return base_model(tmp_path_factory.mktemp("trained"), epochs=12, steps=8)


def scene_of_squares(path: Path) -> tuple[Path, NDArray[np.int64], NDArray[np.int64]]:
    """Write a scene with a dark square in each tile, and a bright one in every other.

    Returns the upper left corners (n, 2), column and row, of the dark ones and the bright ones.
    """
    generator = np.random.default_rng(1)
    stored = generator.integers(200, 400, (4, SIDE, SIDE))
    stored += ndimage.zoom(generator.integers(0, 150, (24, 24)), SIDE / 24, order=1).astype(int)
    dark, bright = [], []
    for number, (row, col) in enumerate(np.ndindex(SIDE // TILE, SIDE // TILE)):
        top, left = row * TILE + int(generator.integers(2, 12)), col * TILE + 4
        stored[:, top : top + 20, left : left + 20] -= 150
        dark.append((left, top))
        if number % 2:
            stored[:, top + 28 : top + 48, left + 30 : left + 50] += 400
            bright.append((left + 30, top + 28))
    file = write_raster_file(path, stored.astype(np.uint16), names=BANDS)
    return file, np.array(dark), np.array(bright)


def squares(corners: NDArray[np.int64]) -> Outlines:
    found = np.empty(len(corners), dtype=object)
    found[:] = [box(X + left, Y - top - 20, X + left + 20, Y - top) for left, top in corners]
    return found


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> ReviewedScene:
    """Give a scene whose landslides are dark, reviewed by an expert, half of it looked at."""
    file, dark, bright = scene_of_squares(tmp_path_factory.mktemp("scene") / "scene.tif")
    cells = np.empty(3, dtype=object)
    cells[:] = [box(X + 128 * at, Y - SIDE, X + 128 * at + 64, Y) for at in range(3)]
    return ReviewedScene(
        scene=file, landslides=squares(dark), rejected=squares(bright), looked_at=cells
    )


def request_(model: ModelFolder, scene: ReviewedScene, out: Path) -> ImproveRequest:
    return ImproveRequest(model=model, scenes=(scene,), out=out, settings=QUICK, folds=2)


def test_settings_are_the_models_own_but_for_those_of_fine_tuning(model: ModelFolder) -> None:
    few = fine_tuning_config(model, {}, 12, 7)
    assert few.learning_rate == FINE_TUNING["learning_rate"]
    assert few.steps_per_epoch == LEAST_STEPS
    assert few.batch_size == model.card.training.config["batch_size"]
    assert few.seed == 7
    many = fine_tuning_config(model, {"learning_rate": 0.5}, 1000, 0)
    assert many.steps_per_epoch is None
    assert many.learning_rate == 0.5


def test_a_model_that_is_not_shown_to_be_better_is_not_written(
    model: ModelFolder, reviewed: ReviewedScene, tmp_path: Path
) -> None:
    out = tmp_path / "made" / "new"
    found = improve(request_(model, reviewed, out))  # one step changes next to nothing
    assert found.path is None
    assert not found.record.is_better
    assert list(out.parent.iterdir()) == []
    text = found.record.note.text()
    assert found.record.note.is_warning
    assert "keep the earlier one" in text


@pytest.mark.slow
def test_kept_all_the_same_it_says_so(
    model: ModelFolder, reviewed: ReviewedScene, tmp_path: Path
) -> None:
    origin = ReviewProvenance(place="reviews/scene/review.gpkg", sha256="0" * 64, revision=12)
    epochs: list[EpochResult] = []
    done: list[float] = []
    request = replace(
        request_(model, reviewed, tmp_path / "new"),
        keep=True,
        reviews=(origin,),
        callbacks=TrainingCallbacks(on_epoch=epochs.append),
        progress=lambda part, whole: done.append(part / whole),
    )
    found = improve(request)
    assert found.path == tmp_path / "new"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["new"]
    card = open_model(tmp_path / "new").card
    assert card.name == "new"
    assert card.notes[-1] == found.record.note
    assert card.training.started_from == found.record.started_from
    assert found.record.started_from.weights_sha256 == model.card.files["weights.safetensors"]
    record = ImprovementRecord.model_validate_json((tmp_path / "new" / RECORD).read_text())
    assert record == found.record
    assert record.reviews == (origin,)
    assert record.ground.landslides == 36
    assert record.ground.rejected == 18
    assert record.ground.tiles == record.comparison.tiles == 36
    assert record.settings["learning_rate"] == FINE_TUNING["learning_rate"]
    assert not (tmp_path / "new" / "ensemble").exists()
    assert [one.fold for one in epochs] == [1, 2, None]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1.0)
    with pytest.raises(OutputExistsError):
        improve(request)


def test_what_cannot_be_learnt_from_is_refused(
    model: ModelFolder, reviewed: ReviewedScene, tmp_path: Path
) -> None:
    request = request_(
        model, replace(reviewed, landslides=reviewed.landslides[:1]), tmp_path / "new"
    )
    with pytest.raises(InputError, match="more places next"):
        improve(request)
    with pytest.raises(InputError, match="folds is 2 or more; got 1"):
        replace(request, folds=1)
    other = write_raster_file(
        tmp_path / "other.tif", np.zeros((3, 64, 64), dtype=np.uint16), names=BANDS[:3]
    )
    with pytest.raises(ModelError, match="nir is not among"):
        improve(request_(model, replace(reviewed, scene=other), tmp_path / "new"))
    assert [one.name for one in tmp_path.iterdir()] == ["other.tif"]


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_model(
    model: ModelFolder, reviewed: ReviewedScene, tmp_path: Path
) -> None:
    whole = replace(request_(model, reviewed, tmp_path / "whole"), keep=True)
    improve(whole)

    def stop(result: EpochResult) -> None:
        if result.fold == 2:
            raise KeyboardInterrupt

    halted = replace(whole, out=tmp_path / "halted")
    with pytest.raises(KeyboardInterrupt):
        improve(replace(halted, callbacks=TrainingCallbacks(on_epoch=stop)))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["halted.candidate.training", "whole"]
    with pytest.raises(OutputExistsError, match="an interrupted run exists"):
        improve(halted)
    improve(replace(halted, resume=True))
    one, other = (open_model(tmp_path / name).card for name in ("whole", "halted"))
    assert one.files["weights.safetensors"] == other.files["weights.safetensors"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["halted", "whole"]


@pytest.mark.slow
def test_a_systematic_error_is_unlearnt(
    trained: ModelFolder, reviewed: ReviewedScene, tmp_path: Path
) -> None:
    settings = {"epochs": 12, "learning_rate": 2e-3}
    found = improve(replace(request_(trained, reviewed, tmp_path / "new"), settings=settings))
    compared = found.record.comparison
    assert found.path == tmp_path / "new"
    assert compared.verdict == "better"
    assert (compared.before.f1.value or 0) < 0.3
    assert (compared.after.f1.value or 0) > 0.7
    assert (found.record.beyond_threshold.low or 0) > 0
    assert json.loads((found.path / RECORD).read_text())["comparison"]["verdict"] == "better"


@pytest.mark.slow
def test_a_model_that_learnt_random_answers_is_not_called_better(
    trained: ModelFolder, reviewed: ReviewedScene, tmp_path: Path
) -> None:
    generator = np.random.default_rng(5)
    outlines = np.concatenate([reviewed.landslides, reviewed.rejected])
    is_accepted = generator.uniform(size=len(outlines)) < 0.5
    random = replace(
        reviewed,
        landslides=outlines[is_accepted],
        rejected=outlines[~is_accepted],
        looked_at=outlines[:0],
    )
    settings = {"epochs": 12, "learning_rate": 2e-3}
    found = improve(replace(request_(trained, random, tmp_path / "new"), settings=settings))
    # F1 can rise all the same: half of the answers are yes, and mapping every square has 2 / 3
    assert found.record.comparison.verdict in ("F1 alone", "not distinguishable")
    assert found.path is None
