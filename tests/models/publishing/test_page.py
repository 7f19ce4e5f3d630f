"""The page of a published model."""

from tests.factories.models import calibrated_card, make_card

from landslip.core.messages import plain
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.card import EvaluationCard
from landslip.models.publishing.page import model_page


def test_the_page_has_what_the_record_has() -> None:
    card = make_card()
    score = {"precision": 0.75, "recall": 0.5, "f1": 0.6, "iou": None}
    recorded = EvaluationCard(
        tiles=9,
        threshold=0.5,
        intervals={"f1": (0.55, 0.65)},
        dataset_source="made",
        pixels_sha256="0",
        split_sha256="0",
        engine="openvino",
        precision="fp32",
    )
    card = card.model_copy(
        update={
            "metrics": {"test": score},
            "evaluations": {"test": recorded},
            "notes": (plain("few landslides"),),
        }
    )
    page = model_page(card, "me/x", "cc-by-4.0")
    assert page.startswith("---\nlibrary_name: landslip\nlicense: cc-by-4.0\n")
    assert "| test | 0.750 | 0.500 | 0.600 [0.550, 0.650] | undefined | undefined |" in page
    assert "| bands | blue, green, red, nir |" in page
    assert "landslip pull me/x MODEL" in page
    assert "- few landslides" in page
    assert "not calibrated" in page
    assert "has not been scored" not in page
    assert f"| weights.safetensors | {card.files['weights.safetensors']} |" in page
    curve = CalibrationCurve(knots=((0.0, 0.0),), slope_below=1.0, slope_above=1.0)
    calibrated = model_page(calibrated_card(make_card(), curve), "me/x", None)
    assert (
        "Calibrated by platt on 10 val tiles (made). Expected calibration error 0.1" in calibrated
    )
    assert "has not been scored" in calibrated


def test_markup_of_a_record_is_no_markup_of_the_page() -> None:
    card = make_card().model_copy(update={"name": "a|b\n# c <script> [x](http://y)"})
    page = model_page(card, "me/x", None)
    assert "\n# a\\|b # c &lt;script> \\[x](http://y)\n" in page
