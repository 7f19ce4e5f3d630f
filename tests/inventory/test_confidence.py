"""The confidence of landslides in an inventory: of objects where the model has it."""

import json
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pytest
from tests.inventory.factories import SyntheticExtraction, change_json, make_extraction

from landslip.inventory.record import GEOPACKAGE, LANDSLIDES, InventoryRecord
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory
from landslip.models.calibration.object_confidence import (
    FeatureTerm,
    ObjectConfidence,
    ObjectRegression,
    ObjectScoresCard,
)

SCORES = ObjectScoresCard(calibration_error=0.1, brier=0.2, log_loss=0.3)
AREA = FeatureTerm(name="area", low=0, high=20, mean=5.0, sd=2.0, coefficient=0.8)
NDVI = FeatureTerm(name="ndvi", low=-1, high=1, mean=0.0, sd=0.5, coefficient=-3.0)


def object_confidence(*terms: FeatureTerm, with_ndvi: bool = False) -> ObjectConfidence:
    regression = ObjectRegression(intercept=-0.5, terms=terms)
    informed = ObjectRegression(intercept=-0.5, terms=(*terms, NDVI))
    return ObjectConfidence(
        threshold=0.6013,
        is_calibrated=False,
        regression=regression,
        with_ndvi=informed if with_ndvi else None,
        split="val",
        tiles=33,
        units=20,
        folds=5,
        right=50,
        false=70,
        cut=3,
        min_area_px=4,
        before=SCORES,
        after=SCORES,
        by_size=(),
        dataset_source="made up",
        pixels_sha256="ab" * 32,
        split_sha256="cd" * 32,
        seed=0,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    """Give an extraction of three landslides whose model has a confidence of objects."""
    made = make_extraction(tmp_path_factory.mktemp("made"))
    give(made, object_confidence(AREA))
    return made


def give(made: SyntheticExtraction, confidence: ObjectConfidence | None) -> None:
    known = None if confidence is None else json.loads(confidence.model_dump_json())
    change_json(made.extraction / "model.json", lambda card: card.update(object_confidence=known))


def inventory(
    request: InventoryRequest,
) -> tuple[InventoryRecord, geopandas.GeoDataFrame]:
    record = make_inventory(replace(request, draws=0))
    return record, geopandas.read_file(request.out / GEOPACKAGE, layer=LANDSLIDES)


def test_landslides_have_the_confidence_of_objects(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    request = InventoryRequest(source=made.extraction, out=tmp_path / "out")
    record, found = inventory(request)
    pixels = found["area_m2"] / 4  # of 2 m
    expected = 1 / (1 + np.exp(-(0.8 * (np.log(pixels) - 5.0) / 2.0 - 0.5)))
    assert found["confidence"].to_numpy() == pytest.approx(expected.to_numpy(), abs=0.02)
    assert found["confidence"].is_monotonic_decreasing  # the largest is the first
    assert record.confidence_basis == "objects"
    assert "among 120 objects of 33 val tiles" in record.confidence_is
    corrected, again = inventory(InventoryRequest(source=request.out, out=tmp_path / "again"))
    assert corrected.confidence_basis == "objects"
    assert corrected.confidence_is == record.confidence_is
    assert again["confidence"].tolist() == found["confidence"].tolist()


def test_ndvi_counts_where_the_scene_shows_it(made: SyntheticExtraction, tmp_path: Path) -> None:
    give(made, object_confidence(with_ndvi=True))
    try:
        out, aside = tmp_path / "out", tmp_path / "aside"
        _, seen = inventory(InventoryRequest(source=made.extraction, out=out))
        # nir is half of red: NDVI -1/3
        expected = 1 / (1 + np.exp(-(3.0 / 3 / 0.5 - 0.5)))
        assert seen["confidence"].to_numpy() == pytest.approx(expected, abs=0.01)
        blind = AuxiliaryData(use_scene=False)
        _, found = inventory(InventoryRequest(source=made.extraction, out=aside, auxiliary=blind))
        assert found["confidence"].to_numpy() == pytest.approx(1 / (1 + np.exp(0.5)))
    finally:
        give(made, object_confidence(AREA))


def test_other_objects_keep_the_mean_of_their_pixels(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    low = CleaningOptions(low=0.7)  # the model has 0.6013
    record, found = inventory(
        InventoryRequest(source=made.extraction, out=tmp_path / "low", cleaning=low)
    )
    assert record.confidence_basis == "pixels"
    assert any("fitted at the lower threshold 0.601, and this" in note for note in record.notes)
    assert found["confidence"].min() > 0.9
    give(made, None)
    try:
        record, found = inventory(InventoryRequest(source=made.extraction, out=tmp_path / "none"))
    finally:
        give(made, object_confidence(AREA))
    assert record.confidence_basis == "pixels"
    assert any("the model has no confidence of objects" in note for note in record.notes)
    assert found["confidence"].min() > 0.9
