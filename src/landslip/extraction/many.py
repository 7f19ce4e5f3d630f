"""Several scenes, one after the other or on a cluster at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from landslip.engines.base import Engine
from landslip.errors import InputError, LandslipError
from landslip.extraction.options import ExtractionOptions
from landslip.extraction.result import Summary
from landslip.extraction.run import extract
from landslip.model.folder import Model
from landslip.progress import Progress, silent
from landslip.raster.location import Location


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
    progress: Progress = silent,
) -> Iterator[tuple[Order, Summary | LandslipError]]:
    """Extract scenes and yield what became of each.

    Of several scenes, one that cannot be mapped does not stop the others, and those that are
    finished already are not done again.

    Raises:
        LandslipError: there is only one scene and it cannot be mapped.
    """
    if len(orders) > 1:
        options = replace(options, skip_finished=True)
    for order in orders:
        try:
            yield order, extract(order.place, model, engine, order.out, options, progress=progress)
        except LandslipError as error:
            if len(orders) == 1:
                raise
            yield order, error
