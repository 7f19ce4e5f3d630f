"""The windows of a scene that are to be computed: who has which, and which are there."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from landslip.core.bands import Bands
from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.inference.pipeline import WindowIndex, WindowResult
from landslip.inference.plan import WindowPlan
from landslip.io.raster import SceneOptions
from landslip.io.raster.location import Location
from landslip.models.engines.base import WindowSpec

MOST_DEATHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneJob:
    """What a worker is told of a scene.

    Attributes:
        place: of the scene, absolute.
        options: how it is read.
        grid: that it has.
        bands: those the network takes.
        form: of the windows.
        plan: of the windows.
        store: folder or URL of finished windows, absolute.
        digest: of all that the result depends on.
        cache_mib: of the file's blocks, kept while reading.
        streams: how many windows are computed at once at most.
        readers: how many are read at once at most.
    """

    place: Location
    options: SceneOptions
    grid: Grid
    bands: Bands
    form: WindowSpec
    plan: WindowPlan
    store: str
    digest: str
    cache_mib: int
    streams: int
    readers: int


class SceneWork:
    """Gives out the windows of a scene, and collects them; each comes out once.

    Attributes:
        job: what workers are told.
        results: windows that are in the store, or what went wrong.
    """

    def __init__(self, job: SceneJob, todo: Sequence[WindowIndex]) -> None:
        self.job = job
        self.results: SimpleQueue[WindowResult | Exception] = SimpleQueue()
        self._waiting = deque(todo)
        self._suspects: deque[WindowIndex] = deque()
        self._deaths: Counter[WindowIndex] = Counter()
        self._there: set[WindowIndex] = set()

    @property
    def waiting(self) -> int:
        """How many windows nobody has been given."""
        return len(self._waiting) + len(self._suspects)

    def take(self, most: int) -> list[WindowIndex]:
        """Give out windows in their order; one that a worker may have died of goes alone."""
        if self._suspects:
            return [self._suspects.popleft()]
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def done(self, done: WindowResult) -> None:
        """Take a window that is in the store."""
        if done.place not in self._there:
            self._there.add(done.place)
            self.results.put(done)

    def failed(self, error: Exception) -> None:
        """Tell of an error that ends the scene."""
        self.results.put(error)

    def give_back(self, places: Iterable[WindowIndex]) -> None:
        """Take windows back that were not begun."""
        self._waiting.extendleft(reversed(list(places)))

    def give_back_suspects(self, places: Iterable[WindowIndex]) -> None:
        """Take windows back that a worker was at when it died.

        Raises:
            LandslipError: a window has been there too often.
        """
        places = list(places)
        self._suspects.extend(places)
        self._deaths.update(places)
        for row, col in places:
            if self._deaths[row, col] >= MOST_DEATHS:
                raise LandslipError(
                    f"{self.job.place}: {MOST_DEATHS} workers died while they computed the window "
                    f"at row {row}, column {col} ({self.job.plan.window_at(row, col)}); if they "
                    "lack memory, map the scene anew with a smaller --tile or fewer --workers"
                )
