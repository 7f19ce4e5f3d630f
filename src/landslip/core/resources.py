"""Work on many windows at once, results in order."""

import re
import resource
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count
from pathlib import Path
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

from landslip.core.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with what ``work`` makes of it, in order, from several threads.

    At most two items a thread are under way or waiting to be taken, so memory stays bounded. On an
    error or when the iterator is closed, what has not begun is dropped.

    Args:
        work: called from several threads at once.
        items: what it is called with.
        workers: number of threads; None takes one a core.
    """
    count = workers or cpu_count() or 1
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with _libraries_on_one_thread(), ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) >= 2 * count:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _libraries_on_one_thread() -> Iterator[None]:
    """Keep OpenCV and linear algebra from starting threads of their own in each of ours."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|t)?(i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str, option: str) -> int:
    """Return the bytes of a size such as ``2G``, ``1500M`` or ``1.5 GiB``; units are binary.

    Raises:
        InputError: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{option} is a size such as 2G or 1500M; got {text!r}")
    return int(float(found[1]) * 1024 ** _POWERS[(found[2] or "").lower()])


def peak_memory_mb() -> int:
    """Return the most MiB of memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found is not None:
            return round(int(found[1]) / 1024)
    # counts the process that this one was forked from, too
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
