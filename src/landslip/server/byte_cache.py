"""What was used last, kept in memory up to a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """Values by key; those that were not used for longest are dropped. Threads may share it."""

    def __init__(self, limit_bytes: int, size_of: Callable[[Value], int]) -> None:
        """Keep at most so many bytes, as ``size_of`` counts them."""
        self._limit, self._size_of = limit_bytes, size_of
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()
        self.kept_bytes = 0

    def get(self, key: Key) -> Value | None:
        """Return what is kept under a key."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, unless there is one under its key."""
        with self._lock:
            if key in self._values:
                return
            self._values[key] = value
            self.kept_bytes += self._size_of(value)
            while self.kept_bytes > self._limit:
                _, oldest = self._values.popitem(last=False)
                self.kept_bytes -= self._size_of(oldest)
