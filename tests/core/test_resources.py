import threading
import time

import cv2
import pytest

from landslip.core.errors import InputError
from landslip.core.resources import parallel_map, parse_size


def test_results_come_in_order_whatever_takes_longest() -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (7 - item % 8))
        return item * item

    assert list(parallel_map(work, range(40), workers=4)) == [(n, n * n) for n in range(40)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_items(count: int) -> None:
    assert [item for item, _ in parallel_map(str, range(count), workers=8)] == list(range(count))


def test_items_are_not_taken_far_ahead() -> None:
    """At most two a thread wait, so that memory stays bounded."""
    taken: list[int] = []

    def items() -> object:
        for item in range(1000):
            taken.append(item)
            yield item

    results = parallel_map(lambda item: item, items(), workers=3)  # type: ignore[arg-type, var-annotated]
    for at in range(5):
        next(results)
        assert len(taken) <= at + 1 + 6
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 11


def test_an_error_drops_what_has_not_begun() -> None:
    done: list[int] = []

    def work(item: int) -> int:
        if item == 3:
            raise ArithmeticError("three")
        done.append(item)
        return item

    with pytest.raises(ArithmeticError, match="three"):
        list(parallel_map(work, range(1000), workers=2))
    assert len(done) < 10


def test_it_works_beside_the_caller() -> None:
    here = threading.get_ident()
    found = dict(parallel_map(lambda _item: threading.get_ident(), range(6), workers=2))
    assert here not in found.values()


def test_opencvs_threads_are_given_back() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        inside = {result for _, result in parallel_map(lambda _i: cv2.getNumThreads(), range(4), 2)}
        assert inside == {1}
        assert cv2.getNumThreads() == 2
        with pytest.raises(ZeroDivisionError):
            list(parallel_map(lambda item: 1 // item, range(4), 2))
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


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
