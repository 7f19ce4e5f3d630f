import pytest

from landslip.core.errors import InputError
from landslip.core.memory_size import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2G", 2 * 2**30),
        ("1500M", 1500 * 2**20),
        ("1.5 GiB", 3 * 2**29),
        ("700mb", 700 * 2**20),
        ("64k", 65_536),
        ("1T", 2**40),
        (" 123 ", 123),
        ("123B", 123),
    ],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text, "--memory") == size


@pytest.mark.parametrize("text", ["", "G", "-2G", "2X", "2 GG", "1,5G", "two", "nan", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError) as told:
        parse_size(text, "--memory")
    assert str(told.value) == f"--memory is a size such as 2G or 1500M; got {text!r}"
