"""What learned the place scores nothing off-centre; what sees the ground loses nothing."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.datasets import make_tile, write_dataset
from tests.factories.models import make_card

from landslip.core.choices import Split, Tta
from landslip.datasets.format import TileDataset
from landslip.datasets.off_centre import OffCentreTiles
from landslip.models.evaluation import evaluate
from landslip.models.off_centre import OffCentreEvaluation, count_off_centre

SIDE = 32
CARD = make_card(
    bands=("blue",), dtype="float32", nodata=None, tile_size=SIDE,
    mean=(0.0,), std=(1.0,), quantiles=((-1, 0, 1),),
)  # fmt: skip


def square() -> NDArray[np.bool_]:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[10:22, 10:22] = True
    return mask


class GroundEngine:
    """Landslide where the first band is positive."""

    name, precision, tta = "ground", "fp32", Tta.NONE
    predicted = 0

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.predicted += len(batch)
        return np.where(batch[:, 0] > 0, np.float32(0.9), np.float32(0.1))


class PlaceEngine:
    """Landslide in the middle of the window, whatever it shows."""

    name, precision, tta = "place", "fp32", Tta.NONE

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        middle = np.where(square(), np.float32(0.9), np.float32(0.1))
        return np.broadcast_to(middle, (len(batch), SIDE, SIDE)).copy()


@pytest.fixture
def tiles(tmp_path: Path) -> TileDataset:
    """Landslides, positive, in the middle of eight tiles, and two tiles without."""
    values = np.where(square(), 1, -1).astype(np.float32)[np.newaxis]
    made = [make_tile(f"t{at}", values, square().astype(np.uint8)) for at in range(8)]
    made += [make_tile(f"b{at}", np.full_like(values, -1)) for at in range(2)]
    splits = [Split.TEST] * len(made)
    return write_dataset(tmp_path, made, bands=("blue",), splits=splits, scene=None)


def off_centre(engine: GroundEngine | PlaceEngine, tiles: TileDataset) -> OffCentreEvaluation:
    found = evaluate(engine, CARD, tiles, Split.TEST, off_centre=True)  # type: ignore[arg-type]
    assert found.off_centre is not None
    return found.off_centre


def test_every_tile_is_predicted_once_in_place_and_once_off_centre(tiles: TileDataset) -> None:
    engine = GroundEngine()
    off_centre(engine, tiles)
    assert engine.predicted == 2 * 10
    evaluate(engine, CARD, tiles, Split.TEST)  # type: ignore[arg-type]
    assert engine.predicted == 3 * 10


def test_what_sees_the_ground_loses_nothing(tiles: TileDataset) -> None:
    found = off_centre(GroundEngine(), tiles)
    assert found.centred == found.off_centre
    told = found.as_dict([str(at) for at in range(10)])
    assert told["centred"]["f1"] == told["off_centre"]["f1"] == 1.0
    assert told["f1_difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert told["surroundings"] == {"background": 10}


def test_what_learned_the_place_fails_off_centre(tiles: TileDataset) -> None:
    found = off_centre(PlaceEngine(), tiles)
    told = found.as_dict([str(at) for at in range(10)])
    assert told["off_centre"]["f1"] < 0.3
    assert told["centred"]["f1"] > 0.8  # the tiles without landslides cost precision
    assert told["f1_difference"]["high"] < -0.4
    shown = [(one.tp + one.fn, one.tp + one.fp + one.fn + one.tn) for one in found.centred]
    assert shown == [
        (one.tp + one.fn, one.tp + one.fp + one.fn + one.tn) for one in found.off_centre
    ]


def test_counts_by_hand(tiles: TileDataset) -> None:
    moved = OffCentreTiles(tiles, Split.TEST)
    rows, cols = moved.own(0)
    middle = square().astype(np.float32)
    centred, off_centre = count_off_centre(moved, 0, (middle, middle), 0.5)
    landslide = int(square()[rows, cols].sum())
    assert (centred.tp, centred.fp, centred.fn) == (landslide, 0, 0)
    ground = np.zeros((SIDE, SIDE), np.bool_)
    ground[moved.shown(0)] = square()[rows, cols]
    visible = np.zeros((SIDE, SIDE), np.bool_)
    visible[moved.shown(0)] = True
    assert off_centre.tp == (ground & square()).sum()
    assert off_centre.fn == (ground & ~square()).sum()
    assert off_centre.fp == (visible & ~ground & square()).sum()
