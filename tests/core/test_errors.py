"""Arguments are named as the caller knows them."""

import pytest

from landslip.core.errors import argument, arguments_named_as_options


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
