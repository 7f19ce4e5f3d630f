"""Tables of the model's probabilities."""

import numpy as np
import pytest
from tests.reporting.inventory.factories import make_area_frequency, make_calibrated_card

from landslip.core.choices import Language
from landslip.metrics.spread import ProbabilitySpread
from landslip.models.card import CurveIntervalCard
from landslip.reporting.inventory.tables import calibration_table, fits_table, model_table
from landslip.reporting.inventory.texts import read_texts

SPREAD = ProbabilitySpread(
    landslide_pixels=31_942,
    highest=0.9891,
    highest_landslide=0.9891,
    commonest=0.9891,
    commonest_share=0.425,
    distinct=9000,
    quantiles=(0.01, 0.33, 0.94, 0.98, 0.98),
)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (Language.ENGLISH, "validation: highest 0.989; 42.5 % of the landslide pixels have 0.989"),
        (Language.CHINESE, "验证集：最大值 0.989；42.5 % 的滑坡像元取值为 0.989"),
    ],
)
def test_the_spread_of_probabilities_is_in_the_model_table(
    language: Language, expected: str
) -> None:
    card = make_calibrated_card(calibrated=True)
    card = card.model_copy(update={"probabilities": {"val": SPREAD}})
    last = model_table(card, read_texts(language)).rows[-1].cells[-1].text
    assert " ".join(last.replace("\u202f", " ").replace("\u2009", " ").split()) == expected


def test_the_interval_of_the_curve_is_under_the_table() -> None:
    found = make_calibrated_card(calibrated=True).calibration
    assert found is not None
    place = CurveIntervalCard(network=0.135, calibrated=0.346, low=0.167, high=0.518)
    stated = found.model_copy(update={"intervals": (place,)})
    texts = read_texts(Language.ENGLISH)
    (note,) = calibration_table(stated, texts).notes
    assert "At the threshold, 0.135 before calibration, the probability is 0.35" in note
    assert "(95 % interval 0.17 to 0.52, by drawing groups of tiles anew)" in note
    assert "At the threshold" not in calibration_table(found, texts).notes[0]


@pytest.mark.parametrize("is_bounded", [True, False])
def test_parameters_that_areas_do_not_bound_are_no_numbers(is_bounded: bool) -> None:
    found = make_area_frequency(np.geomspace(100.0, 1e4, 40))
    assert found.inverse_gamma is not None
    gamma = found.inverse_gamma.model_copy(update={"is_bounded": is_bounded})
    found = found.model_copy(update={"inverse_gamma": gamma})
    table = fits_table(found, 0.95, read_texts(Language.ENGLISH))
    assert table is not None
    cells = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}
    assert cells["Inverse gamma: ρ"] == (["1.43", "1.21–1.66"] if is_bounded else ["–", "–"])
    assert (cells["Inverse gamma: s"] == ["–", "–"]) is not is_bounded
    assert cells["Power law: exponent"][0] == "2.41"
