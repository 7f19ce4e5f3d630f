"""Calibrating a model folder."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from tests.factories.datasets import make_tile, write_dataset
from tests.models.calibration.conftest import BANDS, write_band_model, write_tiles
from tests.models.ood.conftest import score_tiles

from landslip.core.choices import CalibrationMethod, EngineName, Precision, Split, Tta
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.grid import Grid
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.models.calibration.curve import CalibrationCurve, sigmoid
from landslip.models.calibration.metrics import count_logits, no_logits
from landslip.models.calibration.run import MAX_ERROR, CalibrateRequest, calibrate, count_tiles
from landslip.models.card import FoldsCard
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import evaluate
from landslip.models.folder import CARD, ModelFolder, open_model

GRID = Grid(
    crs=CRS.from_epsg(32648),
    transform=Affine(2, 0, 500_000, 0, -2, 3_800_000),
    shape=(48, 40 * 48),
)


def request_of(model: ModelFolder, tiles: TileDataset, **known: object) -> CalibrateRequest:
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32)
    taken = {"method": CalibrationMethod.PLATT, "training_statistics": False} | known
    return CalibrateRequest(model=model, dataset=tiles, engine=engine, **taken)  # type: ignore[arg-type]


def test_the_curve_of_the_labels_comes_into_the_folder(
    model: ModelFolder, tiles: TileDataset
) -> None:
    before = sorted(file.name for file in model.path.iterdir())
    calibrate(request_of(model, tiles, seed=3))
    card = open_model(model.path).card
    found = card.calibration
    assert found is not None
    assert found.slope_above == found.slope_below == pytest.approx(0.5, rel=0.05)
    ((knot, value),) = found.knots
    assert knot == 0.0
    assert value == pytest.approx(-1.0, abs=0.05)
    assert (found.method, found.split, found.tiles, found.pixels) == (
        "platt",
        "val",
        15,
        15 * 48**2,
    )
    assert (found.folds, found.seed, found.engine, found.precision) == (5, 3, "openvino", "fp32")
    labels = [tiles.tile(at).label.sum() for at in tiles.positions(Split.VALIDATION)]
    assert found.landslide_pixels == sum(labels)
    assert found.pixels_sha256 == tiles.card.pixels_sha256
    assert found.after is not None
    assert found.before.calibration_error > 0.1
    assert found.after.calibration_error < 0.02
    assert found.before.log_loss - found.after.log_loss > 0.1
    assert sum(found.reliability_before.pixels) == found.pixels
    after = found.reliability_after
    assert after is not None
    np.testing.assert_allclose(after.mean_probability, after.landslide_share, atol=0.05)
    # sigmoid(0.5 logit(0.5) - 1) by hand
    assert card.calibrated_threshold == pytest.approx(1 / (1 + np.e), abs=0.01)
    assert card.curve is not None
    assert card.curve.knots == found.knots
    assert sorted(file.name for file in model.path.iterdir()) == before
    assert not list(model.path.parent.glob(".*"))


def test_the_rest_of_the_card_and_old_cards_stay(model: ModelFolder, tiles: TileDataset) -> None:
    old = json.loads((model.path / CARD).read_text())
    for name in ("calibration", "training_statistics", "object_confidence"):
        assert old.pop(name) is None
    (model.path / CARD).write_text(json.dumps(old))
    bare = open_model(model.path)
    assert bare.card.curve is None
    assert bare.card.calibrated_threshold == bare.card.threshold == 0.5
    calibrate(request_of(bare, tiles))
    new = json.loads((model.path / CARD).read_text())
    assert new.pop("calibration")
    assert old.pop("probabilities") == {}
    assert new.pop("probabilities")["val"]["landslide_pixels"] > 1000
    assert new.pop("training_statistics") is None
    assert new.pop("object_confidence")["split"] == "val"
    assert new == old


def test_curve_and_threshold_are_of_the_means_of_test_time_augmentation(
    model: ModelFolder, tiles: TileDataset
) -> None:
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32, Tta.FLIPS)
    known = {"method": CalibrationMethod.PLATT, "training_statistics": False}
    request = CalibrateRequest(model=model, dataset=tiles, engine=engine, **known)  # type: ignore[arg-type]
    calibrate(request)
    card = open_model(model.path).card
    assert card.calibration is not None
    (chosen,) = card.tta
    assert (card.calibration.tta, chosen.mode, chosen.split) == ("flips", "flips", "val")
    assert (card.threshold, card.probabilities) == (0.5, {})
    found = evaluate(engine, card, tiles, Split.VALIDATION)
    assert (found.threshold, found.counts.f1) == (chosen.threshold, chosen.f1)
    others = [chosen.model_copy(update={"threshold": at}) for at in (0.35, 0.45, 0.55, 0.65)]
    scores = [
        evaluate(engine, card.model_copy(update={"tta": (one,)}), tiles, Split.VALIDATION).counts.f1
        for one in others
    ]
    assert chosen.f1 is not None
    assert chosen.f1 >= max(score for score in scores if score is not None)
    # on test tiles no threshold is chosen
    calibrate(replace(request, model=open_model(model.path), split=Split.TEST, overwrite=True))
    assert open_model(model.path).card.tta == card.tta
    # the threshold of another mode is kept beside it, that of the same is replaced
    for again in (Tta.DIHEDRAL, Tta.FLIPS):
        engine = open_engine(model, EngineName.OPENVINO, Precision.FP32, again)
        opened = open_model(model.path)
        calibrate(replace(request, model=opened, engine=engine, overwrite=True))
    assert [one.mode for one in open_model(model.path).card.tta] == ["dihedral", "flips"]


def test_the_same_seed_gives_the_same_bytes(
    model: ModelFolder, tiles: TileDataset, tmp_path: Path
) -> None:
    written = []
    shutil.copytree(model.path, tmp_path / "other")
    for path in (model.path, tmp_path / "other"):
        calibrate(
            request_of(
                open_model(path), tiles, method=CalibrationMethod.AUTO, training_statistics=True
            )
        )
        written.append([(path / file).read_bytes() for file in (CARD, "training_statistics.npz")])
    assert written[0] == written[1]


def test_the_training_tiles_are_measured_too(model: ModelFolder, tiles: TileDataset) -> None:
    done = calibrate(request_of(model, tiles, training_statistics=True))
    assert done.notes == ()
    opened = open_model(model.path)
    card = opened.card.training_statistics
    assert card is not None
    assert (card.file, card.tiles, card.tile_px) == ("training_statistics.npz", 15, 48)
    assert card.pixels_sha256 == tiles.card.pixels_sha256
    assert opened.file("training_statistics.npz").is_file()
    score = score_tiles(tiles, tiles.positions(Split.TEST), opened)
    assert score is not None
    assert score.tiles == 10


def test_tiles_from_elsewhere_calibrate_but_tell_nothing_of_the_training(
    model: ModelFolder, tmp_path: Path
) -> None:
    other = write_tiles(tmp_path / "other", tiles=16)
    done = calibrate(request_of(model, other, training_statistics=True))
    assert len(done.notes) == 1
    assert "this is not the dataset that the model was trained on" in done.notes[0]
    assert done.card.training_statistics is None
    assert done.card.calibration is not None
    assert done.card.calibration.pixels_sha256 == other.card.pixels_sha256


def test_few_tiles_are_told(tmp_path: Path) -> None:
    tiles = write_tiles(tmp_path / "few", tiles=11)
    model = write_band_model(tmp_path / "model", tiles)
    auto = CalibrationMethod.AUTO
    done = calibrate(request_of(model, tiles, method=auto, training_statistics=True))
    few, still_off, unmeasured, no_objects = done.notes
    assert re.match(r"the confidence of whole landslides is not fitted: \d+ mapped", no_objects)
    assert done.card.object_confidence is None
    assert re.match(
        r"on tiles that it was not fitted on, calibrated probabilities are still off by 0\.[12]\d "
        "on average: do not read them as probabilities",
        still_off,
    )
    after = done.selection.after[CalibrationMethod.TEMPERATURE]
    assert after.calibration_error > MAX_ERROR
    assert few.startswith("the val tiles have too few landslides for platt and isotonic (landslide")
    assert "10 training tiles are needed, and there are 4" in unmeasured
    found = done.card.calibration
    assert found is not None
    assert (found.method, found.tiles, found.landslide_tiles) == ("temperature", 4, 4)


@pytest.mark.parametrize(
    ("method", "needed"),
    [("temperature", 3), ("platt", 5), ("isotonic", 10), ("auto", 3)],
)
def test_each_method_needs_landslides(
    method: str, needed: int, model: ModelFolder, tmp_path: Path
) -> None:
    for shown, is_enough in ((needed - 1, False), (needed, True)):
        dataset = write_tiles(tmp_path / f"{shown}", tiles=12, shown=shown)
        splits = [Split.VALIDATION] * 12
        request = request_of(
            model,
            dataset.with_split(splits, "all"),
            method=CalibrationMethod(method),
            overwrite=True,
        )
        if is_enough:
            card = calibrate(request).card.calibration
            assert card is not None
            assert (card.landslide_tiles, card.landslide_groups) == (needed, needed)
            assert card.method == ("temperature" if method == "auto" else method)
            continue
        with pytest.raises(InputError, match=rf"too few \(landslide tiles: {shown}, their groups"):
            calibrate(request)


def test_the_interval_of_the_curve_is_stored(model: ModelFolder, tiles: TileDataset) -> None:
    card = calibrate(request_of(model, tiles)).card.calibration
    assert card is not None
    assert (card.interval_units, len(card.intervals)) == (15, 6)
    assert card.intervals[0].network == 0.5
    for place in card.intervals:
        raw = np.log(place.network / (1 - place.network))
        truth = 1 / (1 + np.exp(1 - 0.5 * raw))  # by which the labels are drawn
        assert place.low < place.calibrated < place.high
        assert place.low - 0.01 < truth < place.high + 0.01
        assert place.high - place.low < 0.1
    repeated = calibrate(request_of(open_model(model.path), tiles, overwrite=True))
    assert repeated.card.calibration == card


def test_samples_and_folds_are_of_blocks_where_tiles_have_coordinates(tmp_path: Path) -> None:
    tiles = write_tiles(tmp_path / "row", grid=GRID)
    positions = tiles.positions(Split.VALIDATION)
    blocks = [at // 4 for at in positions]  # 4 tiles a side
    request = request_of(write_band_model(tmp_path / "model", tiles), tiles)
    counted = count_tiles(request, positions)
    assert counted.units == len(set(blocks)) < len(positions)
    one = no_logits()
    for at in positions:
        if at // 4 == blocks[0]:
            tile = tiles.tile(at)
            probability = sigmoid(tile.stored[0].astype(np.float64)).astype(np.float32)
            one += count_logits(probability, tile.label == 1, tile.counted)
    holding = [fold for fold in counted.folds if (fold.landslide >= one.landslide).all()]
    assert len(holding) == 1


def test_another_calibration_is_asked_for(model: ModelFolder, tiles: TileDataset) -> None:
    calibrate(request_of(model, tiles))
    again = open_model(model.path)
    with pytest.raises(OutputExistsError, match="calibrated already; pass overwrite=True"):
        request_of(again, tiles)
    calibrate(request_of(again, tiles, overwrite=True, method=CalibrationMethod.TEMPERATURE))
    card = open_model(model.path).card.calibration
    assert card is not None
    assert card.method == "temperature"


@pytest.mark.parametrize("split", [Split.TRAIN, Split.UNUSED], ids=str)
def test_tiles_trained_on_are_refused(split: Split, model: ModelFolder, tiles: TileDataset) -> None:
    with pytest.raises(InputError, match=f"split=.{split}.: a network is more confident on tiles"):
        request_of(model, tiles, split=split)


def test_validation_tiles_of_a_model_of_folds_are_refused(
    model: ModelFolder, tiles: TileDataset
) -> None:
    folds = FoldsCard(
        folds=2, tiles=30, groups=30, epochs=(), single=None, average_precision=None, intervals={}
    )
    training = model.card.training.model_copy(update={"folds": folds})
    folded = replace(model, card=model.card.model_copy(update={"training": training}))
    with pytest.raises(InputError, match=r"split=.val.: a model of folds was trained on the val"):
        request_of(folded, tiles)
    request_of(folded, tiles, split=Split.TEST)


def test_the_same_tiles_divided_otherwise_are_refused(
    model: ModelFolder, tiles: TileDataset
) -> None:
    turned = tiles.with_split(tiles.splits[::-1], "turned")
    with pytest.raises(InputError, match="it may have been trained on the val tiles"):
        request_of(model, turned)


def test_a_failure_leaves_the_folder_as_it_was(model: ModelFolder, tmp_path: Path) -> None:
    bare = write_tiles(tmp_path / "bare", tiles=8, landslides=False)
    before = {file.name: file.read_bytes() for file in model.path.iterdir()}
    with pytest.raises(
        InputError, match=r"have too few \(landslide tiles: 0, their groups: 0, pixels: 0\)"
    ):
        calibrate(request_of(model, bare))
    assert {file.name: file.read_bytes() for file in model.path.iterdir()} == before


def test_a_curve_in_a_card_is_the_curve(model: ModelFolder, tiles: TileDataset) -> None:
    done = calibrate(request_of(model, tiles, method=CalibrationMethod.ISOTONIC))
    stored = open_model(model.path).card.curve
    assert isinstance(stored, CalibrationCurve)
    assert stored == done.selection.curve
    assert len(stored.knots) > 5


def test_a_folder_of_an_earlier_version_is_calibrated_again(
    model: ModelFolder, tiles: TileDataset
) -> None:
    calibrate(request_of(model, tiles, training_statistics=True))
    card = json.loads((model.path / CARD).read_text())
    (model.path / "training_statistics.npz").rename(model.path / "look.npz")
    card["files"]["look.npz"] = card["files"].pop("training_statistics.npz")
    card["look"] = card.pop("training_statistics") | {"file": "look.npz"}
    (model.path / CARD).write_text(json.dumps(card))
    earlier = open_model(model.path)
    calibrate(request_of(earlier, tiles, training_statistics=True, overwrite=True))
    again = open_model(model.path)
    assert again.card.training_statistics is not None
    assert again.file(again.card.training_statistics.file).is_file()
    assert not (model.path / "look.npz").exists()
    assert "look.npz" not in again.card.files


def test_the_confidence_of_objects_comes_into_the_folder(tmp_path: Path) -> None:
    """Tiles of blocks: of 16 pixels, one in four a landslide, and of 144, three in four."""
    generator, made = np.random.default_rng(0), []
    counts = {True: [0, 0], False: [0, 0]}
    for number in range(24):
        values = np.full((48, 48), -3.0, dtype=np.float32)
        label = np.zeros((48, 48), dtype=np.uint8)
        for row in (3, 27):
            for col in (3, 27):
                is_large = bool(generator.random() < 0.5)
                side = 12 if is_large else 4
                values[row : row + side, col : col + side] = 2.0
                is_right = bool(generator.random() < (0.75 if is_large else 0.25))
                label[row : row + side, col : col + side] = is_right
                counts[is_large][is_right] += 1
        made.append(make_tile(f"t{number}", np.stack([values, values]), label))
    plan = SplitPlan(test_share=0.0, val_share=0.5, seed=0)
    dataset = write_dataset(tmp_path / "tiles", made, bands=BANDS, resolution_m=2.0, plan=plan)
    dataset = dataset.with_split([Split.VALIDATION] * 24, "all")
    model = write_band_model(tmp_path / "model", dataset)
    calibrate(request_of(model, dataset))
    found = open_model(model.path).card.object_confidence
    assert found is not None
    assert (found.right, found.false) == tuple(
        sum(one[is_right] for one in counts.values()) for is_right in (1, 0)
    )
    assert (found.cut, found.units, found.tiles, found.is_calibrated) == (0, 24, 24, True)
    small, large = found.by_size[:2]
    for size, is_large in ((small, False), (large, True)):
        assert [size.objects - size.right, size.right] == counts[is_large]
        assert size.promised == pytest.approx(size.right / size.objects, abs=0.07)
    # the curve gives all blocks one probability, which is of pixels, and those of large ones lead
    assert small.promised_by_pixels == pytest.approx(large.promised_by_pixels or 0, abs=0.01)
    assert (small.promised_by_pixels or 0) > small.right / small.objects + 0.2
