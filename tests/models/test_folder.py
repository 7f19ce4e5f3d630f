import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.factories.models import WEIGHTS_CONTENT, make_card

from landslip.core.bands import BandRadiometry, Bands, Radiometry
from landslip.core.choices import TerrainUnits, Tta, Units
from landslip.core.errors import ModelError
from landslip.models.card import ModelCard
from landslip.models.folder import check_compatible, check_values, open_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights.safetensors").write_bytes(WEIGHTS_CONTENT)
    (tmp_path / "model.json").write_text(make_card().model_dump_json())
    return tmp_path


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    found = json.loads((folder / "model.json").read_text())
    edit(found)
    (folder / "model.json").write_text(json.dumps(found))


def test_a_card_survives_the_round_trip(folder: Path) -> None:
    assert open_model(folder).card == make_card()


@pytest.mark.parametrize(
    ("stored", "modes"),
    [(None, []), ("flips", ["flips"]), (True, ["flips"]), ("dihedral", ["dihedral"])],
)
def test_the_one_threshold_of_earlier_versions_is_read(
    folder: Path, stored: str | bool | None, modes: list[str]
) -> None:
    file = folder / "model.json"
    card = json.loads(file.read_text())
    chosen = {"mode": stored, "threshold": 0.4, "f1": 0.5, "split": "val", "tiles": 3}
    chosen |= {"pixels_sha256": "0", "split_sha256": "0", "engine": "torch", "precision": "fp32"}
    file.write_text(json.dumps(card | {"tta": None if stored is None else chosen}))
    opened = open_model(folder).card
    assert [one.mode for one in opened.tta] == modes
    for mode in Tta:
        threshold = 0.4 if mode in modes else opened.threshold
        assert opened.with_tta(mode).threshold == threshold


def test_whole_files_are_given_out(folder: Path) -> None:
    assert open_model(folder).file("weights.safetensors").read_bytes() == WEIGHTS_CONTENT


def test_truncated_and_missing_files_are_refused(folder: Path) -> None:
    model = open_model(folder)
    (folder / "weights.safetensors").write_bytes(WEIGHTS_CONTENT[:-1])
    with pytest.raises(ModelError, match="truncated or changed"):
        model.file("weights.safetensors")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match="incomplete"):
        model.file("weights.safetensors")
    with pytest.raises(ModelError, match=r"has no graph\.xml"):
        model.file("graph.xml")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda card: card.update(version=2), "folders of version 1 and this one has version 2"),
        (lambda card: card.update(colour="red"), "colour: no such key"),
        (lambda card: card.pop("threshold"), "threshold: Field required"),
        (lambda card: card["input"].update(units="kelvin"), r"input\.units"),
        (lambda card: card["input"].update(dtype="red"), r"input\.dtype: a type of numbers"),
        (lambda card: card["input"].update(scale=True), r"input\.scale: a number is needed"),
    ],
    ids=["version", "unknown key", "missing key", "unknown units", "dtype", "truth value"],
)
def test_other_cards_are_refused(
    edit: Callable[[dict[str, Any]], None], message: str, folder: Path
) -> None:
    change(folder, edit)
    with pytest.raises(ModelError, match=message):
        open_model(folder)


def test_no_model_and_no_json_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelError, match="no such folder; give a model folder"):
        open_model(tmp_path / "absent")
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text[: len(text) // 2])
    with pytest.raises(ModelError, match="not JSON that can be read"):
        open_model(folder)


def radiometry(units: Units, dtype: str) -> Radiometry:
    return Radiometry(units=units, dtype=dtype)


@pytest.mark.parametrize(
    ("bands", "units", "dtype", "message"),
    [
        ("red,green,blue", Units.DN, "uint16", "nir is not among red,green,blue"),
        ("blue,green,red,nir", Units.REFLECTANCE, "uint16", "values in dn and these are in refl"),
        ("blue,green,red,nir", Units.DN, "uint8", "trained on digital numbers stored as uint16"),
    ],
    ids=["bands", "units", "8 bits"],
)
def test_what_does_not_fit_is_refused(bands: str, units: Units, dtype: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_compatible(make_card(), Bands.parse(bands), radiometry(units, dtype), "scene.tif")


def test_other_orders_more_bands_and_wider_types_fit() -> None:
    bands = Bands.parse("nir,red,green,blue,pan")
    check_compatible(make_card(), bands, radiometry(Units.DN, "float32"), "scene.tif")


def test_values_in_another_scale_are_refused_and_others_are_not() -> None:
    card = make_card()
    usual = np.array([[300.0], [310.0], [240.0], [650.0]])
    assert check_values(card, usual, card.bands, "scene.tif") == []
    assert check_values(card, np.empty((4, 0)), card.bands, "all nodata.tif") == []
    water = np.array([[100.0], [90.0], [60.0], [10.0]])
    assert check_values(card, water, card.bands, "lake.tif") == []
    for factor in (1 / 4000, 64):
        with pytest.raises(ModelError, match=r"scene\.tif: the bands' medians are .* another unit"):
            check_values(card, usual * factor, card.bands, "scene.tif")
        (warning,) = check_values(card, usual * factor, card.bands, "scene.tif", force=True)
        assert warning.key == "data.value_range"


def test_values_a_few_times_too_large_in_every_band_are_warned_of() -> None:
    card = make_card()
    (warning,) = check_values(card, np.full((4, 1), 5000.0), card.bands, "scene.tif")
    assert "medians are 5000, 5000, 5000, 5000" in warning.text()


def test_bands_in_another_order_are_refused_with_the_likely_one() -> None:
    generator = np.random.default_rng(0)
    card = make_card()
    soil, green = generator.normal(size=(2, 2000))
    weights = np.array([[1, 0.1], [1, 0.25], [1, 0.15], [0.3, 1.0]])
    middles = np.array([[300], [300], [250], [600]])
    land = middles + weights @ np.array([soil, green]) * np.array([[40], [42], [60], [150]])
    assert check_values(card, land, card.bands, "scene.tif") == []
    swapped = land[[0, 3, 2, 1]]
    with pytest.raises(ModelError) as refused:
        check_values(card, swapped, card.bands, "scene.tif")
    assert "named blue,green,red,nir, and" in str(refused.value)
    assert "look like blue,nir,red,green; name them in the order of the file" in str(refused.value)
    assert "pass force=True" in str(refused.value)
    (warning,) = check_values(card, swapped, card.bands, "scene.tif", force=True)
    assert warning.values["likely"] == "blue,nir,red,green"
    file_bands = Bands(("pan", "nir", "red", "green", "blue"))  # the model's bands, and another
    (warning,) = check_values(card, swapped, file_bands, "scene.tif", force=True)
    assert warning.values["likely"] == "pan,green,red,nir,blue"


WITH_SLOPE = (
    BandRadiometry(units=Units.REFLECTANCE, scale=1e-4),
    BandRadiometry(units=TerrainUnits.DEGREE, scale=0.01, nodata=0),
    BandRadiometry(units=Units.REFLECTANCE, scale=1e-4, nodata=0),
)


def terrain_card(bands: tuple[str, ...]) -> ModelCard:
    return make_card(
        bands=bands,
        units=Units.REFLECTANCE,
        scale=1e-4,
        band_radiometry=WITH_SLOPE,
        mean=(0.1, 20.0, 0.1),
        std=(0.03, 10.0, 0.03),
        quantiles=((0.05, 0.1, 0.2), (1, 20, 40), (0.05, 0.1, 0.2)),
    )


@pytest.mark.parametrize(
    ("bands", "given", "message"),
    [
        (
            "red,slope,nir",
            "red,nir",
            "slope is not among red,nir; give an elevation model with dem",
        ),
        (
            "red,slope,before_red",
            "red,slope",
            "before_red is not among .* image before with before$",
        ),
        (
            "red,slope,before_red",
            "red",
            "image before with before, and an elevation model with dem",
        ),
        (
            "red,before_nir,before_red",
            "red,nir,before_red",
            "before_nir is not among .*; give an image before that has these bands too with before",
        ),
        ("red,slope,nir", "slope", "red,nir is not among slope; use data with these bands"),
    ],
)
def test_the_remedy_names_the_source_that_is_missing(bands: str, given: str, message: str) -> None:
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1e-4)
    with pytest.raises(ModelError, match=message):
        check_compatible(
            terrain_card(Bands.parse(bands).names), Bands.parse(given), radiometry, "s"
        )


def test_the_units_of_each_band_are_compared() -> None:
    card = terrain_card(("red", "slope", "nir"))
    assert ModelCard.model_validate_json(card.model_dump_json()).radiometry == card.radiometry
    names = Bands(("slope", "nir", "red"))
    same = Radiometry.of_bands("uint16", [WITH_SLOPE[1], WITH_SLOPE[0], WITH_SLOPE[2]])
    check_compatible(card, names, same, "s")
    percent = replace(WITH_SLOPE[1], units=TerrainUnits.ONE)
    other = Radiometry.of_bands("uint16", [percent, WITH_SLOPE[0], WITH_SLOPE[2]])
    with pytest.raises(ModelError, match="takes slope in deg and this is in 1"):
        check_compatible(card, names, other, "s")


def test_values_of_terrain_are_not_compared() -> None:
    """A steeper scene is no scene in other units, and terrain says nothing of bands' order."""
    card = terrain_card(("red", "slope", "nir"))
    values = np.random.default_rng(0).normal(0.1, 0.02, (3, 2000))
    values[1] = np.nan
    assert check_values(card, values, card.bands, "s") == []
