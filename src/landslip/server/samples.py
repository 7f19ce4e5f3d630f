"""Accuracy samples of the served folder: what whoever judges sees, and what the points give."""

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

from landslip.inventory.sampling.estimate import (
    SampledMap,
    SampleEstimate,
    estimate_from_sample,
    read_sampled_map,
)
from landslip.inventory.sampling.geopackage import SAMPLE_FILES, SampleFile, read_sample
from landslip.inventory.sampling.judging import (
    Judgement,
    PointToJudge,
    judge_point,
    points_to_judge,
)
from landslip.server.catalogue.entries import InventoryEntry, SampleEntry
from landslip.server.catalogue.listing import require_below
from landslip.server.catalogue.vector_safety import require_safe
from landslip.server.problems import NotFoundError

ESTIMATE_STEP = 10
"""The estimate moves on by so many points, so that it shows the map's answer at none."""
_MAX_KEPT = 8


class Samples:
    """Reads samples, and keeps what does not change while they are judged."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._points: OrderedDict[tuple[Path, int], dict[int, PointToJudge]] = OrderedDict()
        self._maps: OrderedDict[tuple[str, str, str], SampledMap | None] = OrderedDict()

    def points(self, entry: SampleEntry) -> list[PointToJudge]:
        """Return the points of a sample in their random order.

        Raises:
            InputError: it is damaged.
        """
        self._check(entry)
        key = (entry.path, entry.path.stat().st_ino)
        points = points_to_judge(entry.path)
        with self._lock:
            self._points[key] = {one.id: one for one in points}
            _forget_oldest(self._points)
        return points

    def judge(
        self, entry: SampleEntry, point: int, judgement: Judgement, seen: Judgement | None
    ) -> PointToJudge:
        """Write a judgement and return the point with it.

        Raises:
            NotFoundError: the sample has no such point.
            JudgedMeanwhileError: somebody else has judged it since it was ``seen``.
            LandslipError: it cannot be written.
        """
        self._check(entry)
        with self._lock:
            known = self._points.get((entry.path, entry.path.stat().st_ino), {}).get(point)
        if known is None:
            known = next((one for one in self.points(entry) if one.id == point), None)
        if known is None:
            raise NotFoundError(f"{entry.name}: the sample has no point {point}")
        return replace(known, judgement=judge_point(entry.path, point, judgement, seen=seen))

    def estimate(self, entry: SampleEntry, mapped: InventoryEntry | None) -> SampleEstimate:
        """Return what the judged points give, of the map that the sample was drawn from.

        Raises:
            InputError: sample or map cannot be read.
        """
        self._check(entry)
        sample = read_sample(entry.path)
        sampled = None if mapped is None else self._map(sample, mapped)
        return estimate_from_sample(entry.path, sample, sampled, step=ESTIMATE_STEP)

    def _map(self, sample: SampleFile, mapped: InventoryEntry) -> SampledMap | None:
        key = (sample.record.model_dump_json(), mapped.id, mapped.stamp)
        with self._lock:
            if key in self._maps:
                return self._maps[key]
        require_safe(self._root, mapped.path)
        found = read_sampled_map(sample, mapped.source)
        with self._lock:
            self._maps[key] = found
            _forget_oldest(self._maps)
        return found

    def _check(self, entry: SampleEntry) -> None:
        require_below(self._root, entry.path)
        with SAMPLE_FILES:  # a file that is closed takes the process's locks of it away
            require_safe(self._root, entry.path)


def _forget_oldest(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _MAX_KEPT:
        kept.popitem(last=False)
