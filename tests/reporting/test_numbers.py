"""Numbers as the report writes them."""

import pytest

from landslip.reporting.numbers import p_text, points, score_interval, signed_span, span


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.0004, "p < 0.001"),
        (0.012, "p = 0.012"),
        (0.0497, "p = 0.0497"),
        (0.0503, "p = 0.0503"),
        (0.05, "p = 0.050"),
        (1.0, "p = 1.000"),
    ],
)
def test_p_shows_its_side_of_the_level(p: float, words: str) -> None:
    assert p_text(p) == words


def test_an_end_beside_0_shows_its_side() -> None:
    assert signed_span(-0.0141, -0.0002) == "\N{MINUS SIGN}1.4 to \N{MINUS SIGN}0.02"
    assert signed_span(0.0003, 0.02) == "+0.03 to +2.0"
    assert signed_span(0.0, 0.02) == "0.0 to +2.0"
    assert signed_span(None, None) == ""


def test_differences_have_signs_and_shares_none() -> None:
    assert points(0.0126) == "+1.3"
    assert points(-0.0126) == "\N{MINUS SIGN}1.3"
    assert points(-0.00001) == "0.0"
    assert span(0.5, 0.613) == "50.0 to 61.3"
    assert score_interval(0.5, 0.613) == "95 % interval 50.0 to 61.3"
    assert score_interval(None, None) == "no interval: one tile"
