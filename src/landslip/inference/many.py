"""Several scenes, one after the other or on a cluster at once."""

import threading
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from landslip.core.errors import InputError, LandslipError
from landslip.core.progress import Progress, no_progress
from landslip.inference.cluster.session import AUTO, check_address
from landslip.inference.options import ExtractionOptions
from landslip.inference.result import Summary
from landslip.inference.run import extract
from landslip.inference.work import WorkFolder
from landslip.io.raster import SceneOptions
from landslip.io.raster.location import Location
from landslip.io.stac import read_item, write_stac_vrt
from landslip.models.engines.base import Engine
from landslip.models.folder import Model

_AT_ONCE = 3  # on a cluster: while one is finished, workers are at the next

Outcome = Summary | LandslipError


@dataclass(frozen=True, slots=True)
class Order:
    """A scene (or a STAC item that describes one), and the folder its result goes to."""

    place: Location
    out: Path
    is_item: bool = False


def orders_of(scenes: list[str], items: list[str], out: Path) -> list[Order]:
    """Return what is to be extracted, and whereto: one scene into ``out``, several into folders.

    Folders are named after the scenes' files.

    Raises:
        InputError: there is no scene, or two would go to one folder.
    """
    places = [(Location.of(scene), False) for scene in scenes]
    places += [(Location.of(item), True) for item in items]
    if not places:
        raise InputError("give at least one scene, or a STAC item with --stac")
    if len(places) == 1:
        return [Order(places[0][0], out, places[0][1])]
    for name, times in Counter(place.stem for place, _ in places).items():
        if times > 1:
            raise InputError(
                f"{times} scenes are called {name} and their results would go to one folder; "
                "map them with a --out each"
            )
    return [Order(place, out / place.stem, is_item) for place, is_item in places]


def extract_all(
    orders: list[Order],
    model: Model,
    engine: Engine,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> Generator[tuple[Order, Outcome]]:
    """Extract scenes and yield what became of each, on a cluster in the order they are done.

    Of several scenes, one that cannot be mapped does not stop the others, and those that are
    finished already are not done again.

    Raises:
        LandslipError: there is only one scene and it cannot be mapped.
    """
    if len(orders) > 1:
        options = replace(options, skip_finished=True)
    if options.ray is not None:
        check_address(options.ray)
    if len(orders) > 1 and options.ray is not None:
        yield from _at_once(orders, model, engine, options, progress)
        return
    for order in orders:
        try:
            yield order, extract_one(order, model, engine, options, progress=progress)
        except LandslipError as error:
            if len(orders) == 1:
                raise
            yield order, error


def _at_once(
    orders: list[Order], model: Model, engine: Engine, options: ExtractionOptions, shown: Progress
) -> Generator[tuple[Order, Outcome]]:
    from landslip.inference.cluster.engine import on_cluster

    together = _Together(shown)

    def outcome(order: Order) -> Outcome:
        try:
            return extract_one(order, model, cluster, options, progress=together.part())
        except LandslipError as error:
            return error

    with (
        ThreadPoolExecutor(_AT_ONCE, "scene") as threads,
        on_cluster(model, engine, options.ray or AUTO, options.workers) as cluster,
    ):
        begun = {threads.submit(outcome, order): order for order in orders}
        try:
            for future in as_completed(begun):
                found = future.result()
                if cluster.pool.failure is not None:
                    raise cluster.pool.failure
                yield begun[future], found
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


class _Together:
    """Progress of several scenes as one; of those that have been begun."""

    def __init__(self, shown: Progress) -> None:
        self._shown, self._lock = shown, threading.Lock()
        self._parts: list[tuple[float, float]] = []

    def part(self) -> Progress:
        """Return the progress of one scene."""
        with self._lock:
            at = len(self._parts)
            self._parts.append((0.0, 0.0))

        def report(done: float, total: float) -> None:
            with self._lock:
                self._parts[at] = done, total
                self._shown(*(sum(column) for column in zip(*self._parts, strict=True)))

        return report


def extract_one(
    order: Order,
    model: Model,
    engine: Engine,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> Summary:
    """Extract a scene, or what a STAC item describes.

    Raises:
        LandslipError: it cannot be mapped.
    """
    if not order.is_item:
        return extract(order.place, model, engine, order.out, options, progress=progress)
    if options.scene != SceneOptions():
        raise InputError(
            f"{order.place}: a STAC item tells its bands, units and nodata; leave --bands, --units "
            "and --nodata out, or name the scene's file instead of the item"
        )
    work = WorkFolder(order.out)
    item = read_item(order.place)
    place, told = write_stac_vrt(item, model.card.bands, work.folder_for_scene())
    try:
        told_options = replace(options, scene=told)
        return extract(place, model, engine, order.out, told_options, progress=progress)
    finally:
        work.tidy()
