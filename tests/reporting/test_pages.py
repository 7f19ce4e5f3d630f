"""Text of files as parts of a page."""

from markupsafe import Markup

from landslip.reporting.page import breakable, css_string


def test_a_long_name_breaks_after_its_marks_and_not_within_words_or_numbers() -> None:
    name = "GF1_PMS1_E103.5_N31.3_20130812.tif"
    assert breakable(name) == "GF1_<wbr>PMS1_<wbr>E103.5_<wbr>N31.3_<wbr>20130812.<wbr>tif"
    path = "/data/scenes/2013-08-12__a.tif"
    assert breakable(path) == "/<wbr>data/<wbr>scenes/<wbr>2013-08-12__<wbr>a.<wbr>tif"


def test_short_words_are_left_whole_and_all_of_the_text_is_kept() -> None:
    text = "影像为 GF1_PMS1_E103.5_N31.3_20130812.tif。--min-area a_b"
    assert breakable(text).count("<wbr>") == 5
    assert breakable(text).replace("<wbr>", "") == text
    assert breakable("") == ""


def test_what_breaks_is_escaped_once() -> None:
    word = "<b>_" + "x" * 30
    assert breakable(f"a & {word}") == f"a &amp; &lt;b&gt;_<wbr>{'x' * 30}"
    assert breakable(Markup("<sup>1</sup>")) == "<sup>1</sup>"


def test_a_string_of_a_style_sheet_cannot_be_left() -> None:
    assert css_string('a"b\\</style>\n{北') == '"a\\22 b\\5c \\3c \\2f style\\3e  \\7b 北"'
