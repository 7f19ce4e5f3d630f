"""Threads and memory: parallel work with results in order, sizes of memory."""

import ctypes
import re
import resource
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
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
    """Yield each item with the result of ``work`` on it, in order, from several threads.

    At most two items per thread are in progress or waiting, so memory stays bounded. On an error,
    or when the iterator is closed, items not yet started are dropped. ``workers``: number of
    threads; None: one per core. OpenCV and BLAS start none of their own meanwhile.
    """
    count = workers or cpu_count() or 1
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        pool = stack.enter_context(ThreadPoolExecutor(count))
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


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks for the threads' next ones.

    Returned to the system, they come back as pages to be filled with zeros: a fifth of the
    processors' time where each window of a scene needs some hundred MiB of arrays. One arena
    serves all threads, so that each can use what others have freed.
    """
    if sys.platform.startswith("linux"):
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(arena_max, 1)
            libc.mallopt(trim_threshold, 2**31 - 1)
            libc.mallopt(mmap_threshold, 2**30)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|t)?(i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str, option: str) -> int:
    """Return the bytes of a size such as ``2G``, ``1500M`` or ``1.5 GiB``; units are binary.

    Raises:
        InputError: the text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{option} is a size such as 2G or 1500M; got {text!r}")
    return int(float(match[1]) * 1024 ** _POWERS[(match[2] or "").lower()])


def peak_memory_mb() -> int:
    """Return the peak memory of this process in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        match = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if match is not None:
            return round(int(match[1]) / 1024)
    # includes the process that this one was forked from
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
