import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label
from tests.factories.datasets import make_tile, write_dataset
from tests.factories.models import make_card, tta_card, write_card

from landslip.core.choices import Split, Tta
from landslip.core.errors import InputError, OutputExistsError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.metrics.pixels import PixelCounts, sum_counts
from landslip.metrics.tile_scores import score_intervals
from landslip.models.engines.tta import TtaEngine
from landslip.models.evaluation import Evaluation, evaluate, record_evaluation, result_warning
from landslip.models.folder import CARD, ModelFolder, open_model


def test_the_counts_of_each_tile_are_told_beside_their_sum() -> None:
    tiles = (PixelCounts(tp=1, fp=2, fn=3, tn=4), PixelCounts(tp=10, fp=0, fn=0, tn=5))
    found = Evaluation(split=Split.TEST, threshold=0.5, tiles=tiles).as_dict()
    assert found["tile_counts"] == [[1, 2, 3, 4], [10, 0, 0, 5]]
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (11, 2, 3, 9)
    assert found["tiles"] == 2


def test_intervals_are_those_of_an_experiment_on_the_same_tiles() -> None:
    """An experiment's report scores the same counts, tiles sorted by name."""
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 50, (30, 3))
    tiles = tuple(PixelCounts(tp=tp, fp=fp, fn=fn) for tp, fp, fn in counts.tolist())
    found = Evaluation(split=Split.TEST, threshold=0.5, tiles=tiles).as_dict()["intervals"]
    reported = score_intervals(counts[generator.permutation(30)][np.newaxis])
    assert found.pop("average_precision") is None  # no bins were given
    assert found == {name: [one.low, one.high] for name, one in reported.items()}


@pytest.mark.parametrize(
    ("tiles", "told"),
    [
        ([PixelCounts()], "none of the 1 tiles has a pixel that is valid and labelled"),
        ([PixelCounts(fp=7, tn=93)], r"none of the 1 tiles has a landslide pixel.*\(7 pixels"),
        (
            [PixelCounts(fp=3, fn=5, tn=9)] * 2,
            r"none of the 10 landslide pixels of the 2 .*\(6 oth",
        ),
        ([PixelCounts(tp=9, fp=80, tn=11)], "maps 89 % of the pixels as landslide"),
        ([PixelCounts(tp=60)], "Every labelled pixel .* even an F1 of 1, say nothing"),
        ([PixelCounts(tp=60, fp=2, fn=2, tn=9)], None),
        ([PixelCounts(tp=1, fp=9, fn=9, tn=99), PixelCounts(tn=99)], None),
    ],
    ids=[
        "no data",
        "no landslide",
        "none found",
        "all mapped",
        "landslide only",
        "mostly landslide",
        "sound",
    ],
)
def test_a_result_that_is_empty_or_absurd_is_told(
    tiles: list[PixelCounts], told: str | None
) -> None:
    warning = result_warning(sum_counts(tiles), len(tiles))
    assert (warning is None) == (told is None)
    assert warning is None or re.search(told or "", warning.text())


class CappedEngine:
    """Says landslide where the first band is positive, at most with 0.75."""

    name, precision, tta = "capped", "fp32", Tta.NONE

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        probability: NDArray[np.float32] = np.clip(0.5 + batch[:, 0], 0.01, 0.75)
        return probability


def write_tiles(folder: Path, seed: int = 0) -> TileDataset:
    generator = np.random.default_rng(seed)
    made = []
    for number in range(20):
        values = generator.uniform(-1, 1, (1, 32, 32)).astype(np.float32)
        made.append(make_tile(f"t{number}", values, (values[0] > 0).astype(np.uint8)))
    plan = SplitPlan(test_share=0.3, val_share=0.3, seed=0)
    return write_dataset(folder, made, bands=("blue",), plan=plan)


def write_model(folder: Path, dataset: TileDataset) -> ModelFolder:
    folder.mkdir()
    card = make_card(
        bands=("blue",),
        dtype="float32",
        nodata=None,
        tile_size=32,
        mean=(0.0,),
        std=(1.0,),
        quantiles=((-1, 0, 1),),
    )
    digests = dataset.card.model_dump(include={"pixels_sha256", "split_sha256"})
    training = card.training.model_copy(update=digests)
    return write_card(folder, card, training=training, metrics={"val": {"f1": 0.5}})


@pytest.fixture
def tiles(tmp_path: Path) -> TileDataset:
    return write_tiles(tmp_path / "tiles")


@pytest.fixture
def model(tmp_path: Path, tiles: TileDataset) -> ModelFolder:
    return write_model(tmp_path / "model", tiles)


def test_the_spread_and_its_warning_are_in_the_result(
    model: ModelFolder, tiles: TileDataset
) -> None:
    found = evaluate(CappedEngine(), model.card, tiles, Split.TEST).as_dict()  # type: ignore[arg-type]
    landslides = found["tp"] + found["fn"]
    assert found["probability"]["landslide_pixels"] == landslides
    assert found["probability"]["highest"] == found["probability"]["commonest"] == 0.75
    # values over 0.25 of those from 0 to 1
    assert found["probability"]["commonest_share"] == pytest.approx(0.75, abs=0.02)
    assert found["probability"]["quantiles"][2:] == [0.75] * 3
    assert found["average_precision"] == 1.0  # what is over 0.5 is landslide, to the pixel
    (warning,) = found["warnings"]
    assert f"of the {landslides:,} landslide pixels have the same probability, 0.750" in warning


def test_training_tiles_and_another_split_are_named(model: ModelFolder, tiles: TileDataset) -> None:
    note, _ = evaluate(CappedEngine(), model.card, tiles, Split.TRAIN).notes  # type: ignore[arg-type]
    assert note.text().startswith("These are tiles that the model was trained on")
    turned = tiles.with_split(tiles.splits[::-1], "turned")
    note, _ = evaluate(CappedEngine(), model.card, turned, Split.TEST).notes  # type: ignore[arg-type]
    assert "with another split: it may have been trained on some" in note.text()


def test_scores_come_into_the_model_when_asked(
    model: ModelFolder, tiles: TileDataset, tmp_path: Path
) -> None:
    engine = CappedEngine()

    def record(of: TileDataset, split: Split = Split.TEST, *, overwrite: bool = False) -> None:
        opened = open_model(model.path)
        scores = evaluate(engine, opened.card, of, split)  # type: ignore[arg-type]
        record_evaluation(opened, of, scores, engine, overwrite=overwrite)  # type: ignore[arg-type]

    before = json.loads((model.path / CARD).read_text())
    record(tiles)
    card = open_model(model.path).card
    assert card.metrics["val"] == {"f1": 0.5}
    assert card.metrics["test"]["f1"] == card.metrics["test"]["average_precision"] == 1.0
    assert card.evaluations["test"].pixels_sha256 == tiles.card.pixels_sha256
    assert card.evaluations["test"].engine == "capped"
    objects = card.evaluations["test"].objects
    assert [one.at_least_px for one in objects] == [1, 100, 400, 1600, 6400]
    shown = [tiles.tile(at).label == 1 for at in tiles.positions(Split.TEST)]
    assert sum(one.landslides for one in objects) == sum(
        label(mask, np.ones((3, 3)))[1] for mask in shown
    )
    assert [one.precision for one in objects] == [None if one.found == 0 else 1 for one in objects]
    assert card.probabilities["test"].commonest == 0.75
    after = json.loads((model.path / CARD).read_text())
    changed = {"metrics", "evaluations", "probabilities"}
    assert {key for key in after if after[key] != before[key]} == changed
    record(tiles)  # the same again
    other = write_tiles(tmp_path / "other", seed=1)
    with pytest.raises(OutputExistsError, match="has scores of other test tiles; pass overwrite"):
        record(other)
    with pytest.raises(OutputExistsError, match="has scores of other val tiles; pass overwrite"):
        record(other, Split.VALIDATION)
    record(other, overwrite=True)
    assert open_model(model.path).card.evaluations["test"].pixels_sha256 == other.card.pixels_sha256
    with pytest.raises(InputError, match="They are not recorded; take other tiles"):
        record(tiles, Split.TRAIN)


def test_with_test_time_augmentation_its_own_threshold_counts(
    model: ModelFolder, tiles: TileDataset
) -> None:
    engine = TtaEngine(CappedEngine(), Tta.FLIPS, 4)  # type: ignore[arg-type]
    found = evaluate(engine, model.card, tiles, Split.TEST)
    assert (found.threshold, found.tta) == (0.5, Tta.FLIPS)
    assert "tta.threshold" in [note.key for note in found.notes]
    chosen = tta_card(Tta.FLIPS, 0.7)
    opened = write_card(model.path, model.card, tta=(chosen,))
    found = evaluate(engine, opened.card, tiles, Split.TEST)
    assert (found.threshold, found.as_dict()["tta"]) == (0.7, "flips")
    assert "tta.threshold" not in [note.key for note in found.notes]
    assert found.counts.recall == pytest.approx(0.8, abs=0.02)  # values over 0.2 of those to 1
    card = record_evaluation(opened, tiles, found, engine)
    assert (card.evaluations["test"].tta, card.evaluations["test"].threshold) == ("flips", 0.7)
    assert card.probabilities == {}  # those are of the network itself
    assert evaluate(CappedEngine(), card, tiles, Split.TEST).threshold == 0.5  # type: ignore[arg-type]


def test_intervals_are_over_groups_of_tiles(model: ModelFolder, tmp_path: Path) -> None:
    """Tiles of a group are alike: half of the groups are found, the others not at all."""
    generator = np.random.default_rng(0)
    made, groups = [], []
    for number in range(24):
        values = generator.uniform(-1, 1, (1, 32, 32)).astype(np.float32)
        landslide = (values[0] > 0) if number % 2 else (values[0] < 0) & (values[0] > -0.1)
        made.append(make_tile(f"t{number:02}", values, landslide.astype(np.uint8)))
        groups.append(f"g{number % 4}")
    plan = SplitPlan(test_share=1, val_share=0)
    dataset = write_dataset(tmp_path / "grouped", made, bands=("blue",), plan=plan, groups=groups)
    result = evaluate(CappedEngine(), model.card, dataset, Split.TEST)  # type: ignore[arg-type]
    found = result.as_dict()
    assert found["groups"] == groups
    assert found["tile_ids"][0] == "t00"
    assert (found["interval_over"], found["interval_units"]) == ("groups", 4)
    assert found["intraclass_correlation"] > 0.9
    assert found["design_effect"] == pytest.approx(1 + 5 * found["intraclass_correlation"])
    assert "of 4 groups: intervals over so few" in " ".join(found["warnings"])
    apart = Evaluation(split=Split.TEST, threshold=0.5, tiles=result.tiles).as_dict()
    assert apart["interval_over"] == "tiles"
    widths = [one["intervals"]["f1"][1] - one["intervals"]["f1"][0] for one in (found, apart)]
    assert widths[0] > 1.5 * widths[1]
    assert "of one group" in evaluated_text(model, dataset, ["g0"] * 24, tmp_path / "one")


def evaluated_text(
    model: ModelFolder, dataset: TileDataset, groups: list[str], folder: Path
) -> str:
    tiles = [dataset.tile(at) for at in range(len(dataset))]
    plan = SplitPlan(test_share=1, val_share=0)
    one = write_dataset(folder, tiles, bands=("blue",), plan=plan, groups=groups)
    found = evaluate(CappedEngine(), model.card, one, Split.TEST)  # type: ignore[arg-type]
    return " ".join(note.text() for note in found.notes)
