import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.factories.models import WEIGHTS_CONTENT, make_card

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import ModelError
from landslip.models.folder import check_compatible, check_value_range, open_model


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
        (lambda card: card.update(colour="red"), "colour: Extra inputs are not permitted"),
        (lambda card: card.pop("threshold"), "threshold: Field required"),
        (lambda card: card["input"].update(units="kelvin"), r"input\.units"),
    ],
    ids=["version", "unknown key", "missing key", "unknown units"],
)
def test_other_cards_are_refused(
    edit: Callable[[dict[str, Any]], None], message: str, folder: Path
) -> None:
    change(folder, edit)
    with pytest.raises(ModelError, match=message):
        open_model(folder)


def test_no_model_and_no_json_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
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
    check_value_range(card, usual, "scene.tif")
    check_value_range(card, np.empty((4, 0)), "all nodata.tif")
    water = np.array([[100.0], [90.0], [60.0], [10.0]])
    check_value_range(card, water, "lake.tif")
    for factor in (1 / 4000, 64):
        with pytest.raises(ModelError, match=r"scene\.tif: the bands' medians are .* another unit"):
            check_value_range(card, usual * factor, "scene.tif")
