"""Training in folds: what is held out of what, and what is chosen by the pooled predictions."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from tests.factories.datasets import bright_square, write_dataset
from torch import nn

from landslip.core.arrays import read_arrays
from landslip.core.choices import Precision, SingleModel, Split, ThresholdSource
from landslip.core.errors import InputError, LandslipWarning
from landslip.datasets.format import IGNORE, TileDataset
from landslip.datasets.normalisation import band_statistics
from landslip.metrics.pixels import ThresholdCurve
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles
from landslip.models.folder import open_model
from landslip.models.networks.ensemble import Ensemble
from landslip.models.predictions import TilePredictions, write_tile_predictions
from landslip.models.training.cross_fitting import OutOfFold
from landslip.models.training.fit import FitRequest
from landslip.models.training.folds import candidate_epochs, cross_validation, tuning_folds
from landslip.models.training.model_writer import InitialModel, TrainingResult, write_model
from landslip.models.training.module import EpochResult, TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.models.training.single_model import fit_single, mean_weights
from landslip.models.weights import load_network

CONFIG = TrainConfig(
    encoder="test_resnet", encoder_weights="none", epochs=2, batch_size=4, precision=Precision.FP32
)


def tiles_of(
    folder: Path, number: int = 12, *, group: int = 2, test: int = 2, without: int = 0
) -> TileDataset:
    """Write bright squares in groups of a size; the last ``without`` have no landslide."""
    generator = np.random.default_rng(1)
    made = [
        bright_square(
            f"t{at:02d}", generator, bands=2, contrast=300, landslide=at < number - without
        )
        for at in range(number)
    ]
    sides = [Split.TEST] * test + [Split.TRAIN] * (number - test)
    groups = [f"g{at // group}" for at in range(number)]
    return write_dataset(folder, made, groups=groups, splits=sides, scene=None)


def test_each_tile_is_held_out_once_with_its_group_and_test_tiles_never(tmp_path: Path) -> None:
    dataset = tiles_of(tmp_path / "tiles")
    folds = cross_validation(dataset, 3, seed=0)
    assert sorted(at for fold in folds for at in fold.positions) == list(range(2, 12))
    for fold in folds:
        assert fold.training.positions(Split.VALIDATION) == fold.positions
        assert fold.training.positions(Split.TEST) == [0, 1]
        left = {dataset.groups[at] for at in fold.positions}
        rest = {dataset.groups[at] for at in fold.training.positions(Split.TRAIN)}
        assert rest
        assert not left & rest
    with pytest.raises(InputError, match="9 folds need at least 9 groups of tiles; got 5"):
        cross_validation(dataset, 9, seed=0)


def test_tiles_of_the_same_content_are_in_one_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(2)
    made = [bright_square(f"t{at}", generator, bands=2, contrast=300) for at in range(8)]
    # t6 and t7 are turned, brighter copies of others; of t0, a test tile, there is one too
    for copy, original in ((6, 1), (7, 2), (5, 0)):
        turned = np.rot90(made[original].stored, 1, (1, 2)) + 20
        made[copy] = replace(
            made[copy], stored=turned.copy(), label=np.rot90(made[original].label).copy()
        )
    sides = [Split.TEST] + [Split.TRAIN] * 7
    dataset = write_dataset(tmp_path / "tiles", made, splits=sides, scene=None)
    for seed in range(4):
        with pytest.warns(LandslipWarning, match="2 pairs of tiles in .* as t1 and t6: each pair"):
            folds = cross_validation(dataset, 3, seed=seed)
        fold_of = {at: number for number, fold in enumerate(folds) for at in fold.positions}
        assert sorted(fold_of) == [*range(1, 8)]
        assert (fold_of[1], fold_of[2]) == (fold_of[6], fold_of[7])
    monkeypatch.setattr("landslip.models.training.folds._MAX_SEARCHED", 7)
    with pytest.warns(LandslipWarning, match="not searched for among 8 tiles, only up to 7"):
        cross_validation(dataset, 3, seed=0)


def test_landslides_in_one_group_cannot_be_held_out(tmp_path: Path) -> None:
    dataset = tiles_of(tmp_path / "tiles", without=8)
    with pytest.raises(InputError, match="folds=2: landslides or background are in the groups of"):
        cross_validation(dataset, 2, seed=0)


@pytest.mark.parametrize(
    ("tiles", "group", "expected"),
    [(5, 1, [1] * 5), (6, 2, [2] * 3), (4, 4, [1] * 4), (12, 1, [2, 2, 2, 3, 3])],
    ids=["one by one", "groups", "one group", "five folds"],
)
def test_tuning_tiles_are_left_out_in_turn(
    tmp_path: Path, tiles: int, group: int, expected: list[int]
) -> None:
    dataset = tiles_of(tmp_path / "tiles", tiles, group=group, test=0)
    folds = tuning_folds(dataset, seed=0)
    assert sorted(len(fold.positions) for fold in folds) == expected
    assert sorted(at for fold in folds for at in fold.positions) == list(range(tiles))
    for fold in folds:
        assert not {*fold.positions} & {*fold.training.positions(Split.TRAIN)}
        assert not fold.training.positions(Split.VALIDATION)


@pytest.mark.parametrize("tiles", [1, 3], ids=["one tile", "one tile with landslides"])
def test_of_too_few_tiles_halves_of_the_labels_are_left_out(tmp_path: Path, tiles: int) -> None:
    dataset = tiles_of(tmp_path / "tiles", tiles, group=1, test=0, without=tiles - 1)
    first, second = tuning_folds(dataset, seed=0)
    for at in range(tiles):
        learnt, scored = first.training.tile(at).label, first.scored.tile(at).label
        assert ((learnt == IGNORE) != (scored == IGNORE)).all()
        np.testing.assert_array_equal(
            np.where(learnt == IGNORE, scored, learnt), dataset.tile(at).label
        )
        np.testing.assert_array_equal(second.training.tile(at).label, scored)
    assert (first.training.tile(0).label == 1).sum() == 200  # of the 400 of a square
    assert (dataset.tile(0).label != IGNORE).all()


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, (1,)), (2, (2,)), (5, (3, 4, 5)), (40, (21, 24, 26, 29, 32, 35, 37, 40))],
)
def test_candidates_are_eight_epochs_at_most_of_the_last_half(
    epochs: int, expected: tuple[int, ...]
) -> None:
    assert candidate_epochs(epochs) == expected


def test_an_ensemble_gives_the_mean_of_probabilities_at_both_ends_too() -> None:
    class Shifted(nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image[:, :1] + self.by

    image = torch.tensor([-80.0, -30.0, -1.0, 0.0, 2.0, 30.0, 80.0]).reshape(1, 1, 1, 7)
    shifts = (-1.0, 0.0, 3.0)
    logits = Ensemble([Shifted(by) for by in shifts])(image)
    mean = torch.stack([torch.sigmoid(image.double() + by) for by in shifts]).mean(dim=0)
    inner = slice(1, -2)  # where double precision still has a logit
    torch.testing.assert_close(
        logits.double()[..., inner], torch.logit(mean)[..., inner], rtol=1e-5, atol=1e-5
    )
    # far out, log mean exp of the shifts, and minus that of the shifts turned round
    expected = np.log(np.mean(np.exp(shifts)))
    assert float(logits[0, 0, 0, 0]) == pytest.approx(-80 + expected, rel=1e-6)
    expected = -np.log(np.mean(np.exp(np.negative(shifts))))
    assert float(logits[0, 0, 0, 6]) == pytest.approx(80 + expected, rel=1e-6)


def test_mean_weights_leave_counters_alone() -> None:
    members = [{"w": torch.tensor([1.0, 4.0]), "n": torch.tensor(7)} for _ in range(2)]
    members[1]["w"] = torch.tensor([3.0, 0.0])
    found = mean_weights(members)
    assert found["w"].tolist() == [2.0, 2.0]
    assert int(found["n"]) == 7


def turned_mean(network: torch.nn.Module, image: torch.Tensor, quarters: list[int]) -> np.ndarray:
    """Return the mean probability of an image's turns, each as it is and flipped."""
    found = []
    for quarter in quarters:
        for axes in ([], [3]):
            seen = torch.rot90(image.flip(axes), quarter, (2, 3)).contiguous()
            with torch.inference_mode():
                view = torch.sigmoid(network(seen))
            found.append(torch.rot90(view, -quarter, (2, 3)).flip(axes)[0, 0].numpy())
    return np.asarray(np.mean(found, axis=0))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    return tiles_of(tmp_path_factory.mktemp("folds") / "tiles")


@pytest.fixture(scope="module")
def model(
    dataset: TileDataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[EpochResult]]:
    out = tmp_path_factory.mktemp("models") / "model"
    seen: list[EpochResult] = []
    callbacks = TrainingCallbacks(on_epoch=seen.append)
    train(TrainRequest(dataset=dataset, out=out, config=CONFIG, folds=2, callbacks=callbacks))
    return out, seen


def test_threshold_and_scores_are_those_of_the_pooled_predictions(
    dataset: TileDataset, model: tuple[Path, list[EpochResult]]
) -> None:
    out, seen = model
    card = open_model(out).card
    stored, curve = TilePredictions(out / "out_of_fold.npz", ""), ThresholdCurve()
    assert sorted(stored) == dataset.tile_ids[2:]
    for at in range(2, 12):
        tile = dataset.tile(at)
        curve.add(stored.probability(tile.tile_id), tile.label == 1, tile.counted)
    assert card.threshold == curve.best_threshold()
    assert card.threshold_source is ThresholdSource.OUT_OF_FOLD
    assert card.metrics["out_of_fold"]["f1"] == curve.counts(card.threshold).f1
    folds = card.training.folds
    assert folds is not None
    assert (folds.folds, folds.tiles, folds.groups, folds.single) == (2, 10, 5, SingleModel.REFIT)
    assert folds.average_precision == curve.average_precision()
    assert [epoch for epoch, _ in folds.epochs] == [2]
    for name in ("f1", "average_precision"):
        low, high = folds.intervals[name] or (1, 0)
        assert low <= (card.metrics["out_of_fold"][name] or 0) <= high
    assert [(one.fold, one.epoch) for one in seen] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (None, 1),
        (None, 2),
    ]
    assert not (out.parent / "model.training").exists()


def test_out_of_fold_predictions_are_of_the_member_that_did_not_see_the_tile(
    dataset: TileDataset, model: tuple[Path, list[EpochResult]]
) -> None:
    out, _ = model
    ensemble = open_model(out / "ensemble")
    network = load_network(ensemble).eval()
    assert isinstance(network, Ensemble)
    assert ensemble.card.members == 2
    arrays = read_arrays(out / "out_of_fold.npz")
    fold_of = dict(zip(arrays["tile_ids"], arrays["folds"], strict=True))
    stored = TilePredictions(out / "out_of_fold.npz", "")
    normalisation = ensemble.card.normalisation_of(dataset.card.radiometry)
    for at in (2, 7, 11):
        tile = dataset.tile(at)
        image = torch.from_numpy(normalisation.apply(tile.stored, tile.valid))[None]
        own = network.members[fold_of[tile.tile_id] - 1]
        with torch.inference_mode():
            probability = torch.sigmoid(own(image))[0, 0].numpy()
        np.testing.assert_allclose(stored.probability(tile.tile_id), probability, atol=2e-5)


@pytest.mark.parametrize(("mode", "quarters"), [("flips", [0, 2]), ("dihedral", [0, 1, 2, 3])])
def test_with_test_time_augmentation_the_threshold_is_of_pooled_predictions_too(
    dataset: TileDataset, model: tuple[Path, list[EpochResult]], mode: str, quarters: list[int]
) -> None:
    out, _ = model
    network = load_network(open_model(out / "ensemble")).eval()
    assert isinstance(network, Ensemble)
    arrays, card = read_arrays(out / "out_of_fold.npz"), open_model(out).card
    fold_of = dict(zip(arrays["tile_ids"], arrays["folds"], strict=True))
    normalisation, curve = card.normalisation_of(dataset.card.radiometry), ThresholdCurve()
    for at in range(2, 12):
        tile = dataset.tile(at)
        image = torch.from_numpy(normalisation.apply(tile.stored, tile.valid))[None]
        mean = turned_mean(network.members[fold_of[tile.tile_id] - 1], image, quarters)
        curve.add(mean, tile.label == 1, tile.counted)
    (chosen,) = (one for one in card.tta if one.mode == mode)
    assert (chosen.split, chosen.tiles) == ("out_of_fold", 10)
    assert chosen.threshold == pytest.approx(curve.best_threshold(), abs=2e-3)
    assert chosen.f1 == pytest.approx(curve.counts(curve.best_threshold()).f1, abs=1e-3)
    assert card.tta == open_model(out / "ensemble").card.tta


def test_the_ensemble_runs_as_any_model(
    dataset: TileDataset, model: tuple[Path, list[EpochResult]]
) -> None:
    ensemble = open_model(model[0] / "ensemble")
    network = load_network(ensemble).eval()
    assert isinstance(network, Ensemble)
    normalisation = ensemble.card.normalisation_of(dataset.card.radiometry)
    tile = dataset.tile(0)
    image = torch.from_numpy(normalisation.apply(tile.stored, tile.valid))[None]
    with torch.inference_mode():
        mean = torch.stack([torch.sigmoid(one(image)) for one in network.members]).mean(dim=0)
    for name in ("torch", "openvino"):
        engine = open_engine(ensemble, name, Precision.FP32)  # type: ignore[arg-type]
        ((_, found),) = predicted_tiles(engine, ensemble.card, dataset, [0])
        np.testing.assert_allclose(found, mean[0, 0].numpy(), atol=1e-4)


@pytest.mark.usefixtures("without_graph")
def test_the_confidence_of_landslides_is_fitted_on_out_of_fold_objects(
    dataset: TileDataset, model: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    """In each tile the landslide is found, but for its rim, and a block in each free corner."""
    start = open_model(model[0])
    network, curve, false = load_network(start), ThresholdCurve(), 0
    predicted = {}
    for at in range(2, 12):
        tile = dataset.tile(at)
        landslide = tile.label == 1
        probability = np.where(ndimage.binary_erosion(landslide), 0.9, 0.1).astype(np.float32)
        side = len(landslide)
        for row, col in ((3, 3), (3, side - 8), (side - 8, 3), (side - 8, side - 8)):
            block = np.s_[row : row + 4, col : col + 4]
            if not ndimage.binary_dilation(landslide)[block].any():
                probability[block] = 0.7
                false += 1
        predicted[tile.tile_id] = probability
        curve.add(probability, landslide, tile.counted)
    write_tile_predictions(tmp_path / "stored.npz", predicted.items())
    found = OutOfFold(
        epoch=1,
        epochs={1: None},
        threshold=0.5,
        curve=curve,
        tta_curves={},
        tiles=(),
        bins=(),
        members=(network.state_dict(),),
        predictions=tmp_path / "stored.npz",
        seconds_before=0.0,
        halves=False,
    )
    job = FitRequest(
        dataset=dataset,
        normalisation=start.card.normalisation_of(dataset.card.radiometry),
        config=CONFIG,
        folder=tmp_path,
    )
    best = fit_single(job, network, SingleModel.AVERAGE, found, TrainingCallbacks())
    assert best is not None
    assert best.objects.card.right_objects == 10
    assert best.objects.card.right_maxima == pytest.approx((0.9, 0.9, 0.9), abs=1e-4)
    initial = InitialModel(
        network=network,
        architecture=start.card.architecture,
        config=CONFIG,
        statistics=band_statistics(dataset, dataset.positions(Split.TRAIN)),
    )
    trained = TrainingResult(
        name="model",
        dataset=dataset,
        initial=initial,
        best=best,
        encoder_weights_sha256=None,
        seconds=0.0,
        threshold_source=ThresholdSource.OUT_OF_FOLD,
        folds=start.card.training.folds,
    )
    (tmp_path / "model").mkdir()
    write_model(trained, tmp_path / "model")
    fitted = open_model(tmp_path / "model").card.object_confidence
    assert fitted is not None
    assert (fitted.split, fitted.tiles, fitted.units) == ("out_of_fold", 10, 5)
    assert (fitted.right, fitted.false, fitted.cut) == (10, false, 0)
    promised = [size.promised for size in fitted.by_size if size.promised is not None]
    assert promised[0] < 0.2
    assert promised[-1] > 0.8


@pytest.mark.slow
@pytest.mark.usefixtures("without_graph")
def test_an_interrupted_run_goes_on_in_its_fold_to_the_same_weights(
    dataset: TileDataset, model: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    def stop(result: EpochResult) -> None:
        if (result.fold, result.epoch) == (2, 2):
            raise RuntimeError("power cut")

    request = TrainRequest(dataset=dataset, out=tmp_path / "model", config=CONFIG, folds=2)
    with pytest.raises(RuntimeError, match="power cut"):
        train(replace(request, callbacks=TrainingCallbacks(on_epoch=stop)))
    with pytest.raises(InputError, match=r"had another number of folds \(2, now 3\)"):
        train(replace(request, resume=True, folds=3))
    parts = [
        tmp_path / "model.training" / name
        for name in ("fold1/epoch2.pt", "fold2/checkpoints/last.ckpt")
    ]
    before = sum(torch.load(part, weights_only=True)["seconds"] for part in parts)
    seen: list[EpochResult] = []
    started = time.monotonic()
    train(replace(request, resume=True, callbacks=TrainingCallbacks(on_epoch=seen.append)))
    seconds = open_model(tmp_path / "model").card.training.seconds
    assert before < seconds < before + time.monotonic() - started + 0.1  # it is rounded
    assert [(one.fold, one.epoch) for one in seen] == [(2, 2), (None, 1), (None, 2)]
    for name in (".", "ensemble"):
        resumed, whole = (open_model(out / name).card for out in (tmp_path / "model", model[0]))
        assert resumed.files["weights.safetensors"] == whole.files["weights.safetensors"]
        assert resumed.threshold == whole.threshold


@pytest.mark.slow
@pytest.mark.parametrize("single", [SingleModel.AVERAGE, SingleModel.DISTIL])
def test_other_ways_to_one_model(
    dataset: TileDataset,
    model: tuple[Path, list[EpochResult]],
    single: SingleModel,
    tmp_path: Path,
) -> None:
    config = CONFIG.model_copy(update={"epochs": 1})
    out = tmp_path / "model"
    train(TrainRequest(dataset=dataset, out=out, config=config, folds=2, single=single))
    card = open_model(out).card
    assert card.training.folds is not None
    assert card.training.folds.single is single
    network, ensemble = load_network(open_model(out)), load_network(open_model(out / "ensemble"))
    name = "encoder.conv1.0.weight"
    members = [one.state_dict()[name] for one in ensemble.members]  # type: ignore[union-attr]
    is_mean = torch.allclose(network.state_dict()[name], torch.stack(members).mean(dim=0))
    assert is_mean == (single is SingleModel.AVERAGE)


@pytest.mark.usefixtures("without_graph")
def test_a_tuned_model_takes_its_threshold_from_its_tiles(
    model: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    few = tiles_of(tmp_path / "few", 3, group=1, test=0)
    config = CONFIG.model_copy(update={"epochs": 1})
    start = open_model(model[0])
    far = replace(start, card=start.card.model_copy(update={"threshold": 0.99}))
    seen: list[EpochResult] = []
    train(
        TrainRequest(
            dataset=few,
            out=tmp_path / "tuned",
            config=config,
            start=far,
            callbacks=TrainingCallbacks(on_epoch=seen.append),
        )
    )
    card, curve = open_model(tmp_path / "tuned").card, ThresholdCurve()
    stored = TilePredictions(tmp_path / "tuned" / "out_of_fold.npz", "")
    for at in range(3):
        tile = few.tile(at)
        curve.add(stored.probability(tile.tile_id), tile.label == 1, tile.counted)
    assert card.threshold == curve.best_threshold() != 0.99
    assert card.threshold_source is ThresholdSource.OUT_OF_FOLD
    assert [one.fold for one in seen] == [1, 2, 3, None]
    said = " ".join(note.text() for note in card.notes)
    assert "is chosen on the 3 tuning tiles, each predicted by" in said
    with pytest.raises(InputError, match="an ensemble of 2 networks cannot be trained further"):
        train(
            TrainRequest(
                dataset=few,
                out=tmp_path / "other",
                config=config,
                start=open_model(model[0] / "ensemble"),
            )
        )
