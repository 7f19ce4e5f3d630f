"""Arguments are named as the caller knows them."""

import pytest

from landslip.core.errors import InputError, LandslipError, argument, arguments_named_as_options


@pytest.mark.parametrize(
    ("name", "value", "in_python", "on_the_command_line"),
    [
        pytest.param("min_area", None, "min_area", "--min-area", id="name alone"),
        pytest.param("overwrite", True, "overwrite=True", "--overwrite", id="switch"),
        pytest.param("units", "dn", "units='dn'", "--units dn", id="word"),
        pytest.param("workers", 2, "workers=2", "--workers 2", id="number"),
    ],
)
def test_arguments_are_named_for_the_caller(
    name: str, value: object, in_python: str, on_the_command_line: str
) -> None:
    assert argument(name, value) == in_python
    with arguments_named_as_options():
        assert argument(name, value) == on_the_command_line
    assert argument(name, value) == in_python


def test_a_failed_command_leaves_no_trace() -> None:
    with pytest.raises(ValueError, match="x"), arguments_named_as_options():
        raise ValueError("x")
    assert argument("out") == "out"


def test_a_message_is_one_short_line_of_printable_characters() -> None:
    text = "a\x1b[31m\n  b\ud800\u202e" + "x" * 5000 + "end"
    message = str(InputError(text))
    assert message.startswith(r"a\x1b[31m b\ud800\u202exxx")
    assert message.endswith("xxxend")
    assert len(message) == 1200
    assert message.isprintable()
    assert str(InputError("滑坡　a  b")) == "滑坡　a  b"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/d/.map.123.partial/inventory.gpkg", "/d/map/inventory.gpkg"),
        ("/d/.a b.tif.7.partial/a b.tif", "/d/a b.tif"),
        ("/d/.map.work/result/landslides.gpkg", "/d/map/landslides.gpkg"),
        (".map.123.partial/map", "map"),
        ("/d/.map.work", "/d/.map.work"),
        ("/d/a.123.partial", "/d/a.123.partial"),
    ],
)
def test_unfinished_outputs_are_named_as_they_will_be(path: str, named: str) -> None:
    assert str(LandslipError(f"{path}: no room")) == f"{named}: no room"
