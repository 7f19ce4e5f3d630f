"""The data sets of an experiment, made from what its configuration names."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, move_into_place
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import TileDataset
from landslip.experiments.config import DatasetConfig, ExperimentConfig, SyntheticSource
from landslip.experiments.source_plan import SourcePlan, join_plan, pairs_plan, scene_plan
from landslip.experiments.source_record import (
    FILE,
    read_record,
    refuse_other_origins,
    write_record,
)
from landslip.experiments.synthetic_source import MadeGround, study_area, synthetic_plan

Tell = Callable[[str], None]


def prepare_datasets(
    config: ExperimentConfig,
    out: Path,
    tell: Tell = lambda _line: None,
    progress: Progress = no_progress,
) -> dict[str, TileDataset]:
    """Make each data set of an experiment in ``out/NAME``, or take up one made before.

    Tiles are not divided: each is one for training. Data sets that are tiles already are opened
    where they lie. A data set that was begun and not finished is begun again. What can be seen to
    be wrong without reading pixels is told before anything is made.

    Raises:
        InputError: a source cannot be used, or a folder holds a data set of another description;
            the data set is named.
    """
    work = _Preparation(config=config, out=out, tell=tell, progress=progress)
    work.plan()
    work.make()
    return {name: work.datasets[name] for name in config.datasets}


def source_notes(out: Path, name: str) -> tuple[str, ...]:
    """Return what was noticed while ``out/name`` was made; none for tiles opened where they lie."""
    return read_record(out / name).notes if (out / name / FILE).is_file() else ()


@dataclass(slots=True, kw_only=True)
class _Preparation:
    """Data sets under way."""

    config: ExperimentConfig
    out: Path
    tell: Tell
    progress: Progress
    plans: dict[str, SourcePlan] = field(default_factory=dict)
    grounds: dict[str, MadeGround] = field(default_factory=dict)
    datasets: dict[str, TileDataset] = field(default_factory=dict)

    def plan(self) -> None:
        """Look at every source; open tiles, and refuse folders of other descriptions."""
        for name, source in self.config.datasets.items():
            with _named(name):
                self._plan_one(name, source)
                if name in self.plans:
                    _refuse_other(self.out / name, self.plans[name])

    def make(self) -> None:
        """Make what is missing; joined data sets last, since they need the others."""
        for name, plan in self.plans.items():
            self._make_one(name, plan)
        for ground in self.grounds.values():
            ground.remove()
        for name, source in self.config.datasets.items():
            if source.join is not None:
                self._make_one(name, self._join(source.join))

    def _plan_one(self, name: str, source: DatasetConfig) -> None:
        if source.tiles is not None:
            self.datasets[name] = TileDataset(source.tiles)
        if source.pairs is not None:
            self.plans[name] = pairs_plan(source.pairs, self.progress)
        if source.scene is not None:
            self.plans[name] = scene_plan(source.scene, self.progress)
        if source.synthetic is not None:
            self.plans[name] = synthetic_plan(source.synthetic, self._ground(source.synthetic))
        if source.join is not None:
            self._check_parts(source.join)

    def _make_one(self, name: str, plan: SourcePlan) -> None:
        """Make a data set or take it up, and open it."""
        folder = self.out / name
        with _named(name):
            if folder.exists():
                _refuse_other(folder, plan)
                self.tell(f"data set {name}: was there already")
            else:
                self.tell(f"data set {name} ...")
                with atomic_directory(folder, overwrite=False) as stage:
                    notes = plan.make(stage / "tiles")
                    move_into_place(stage / "tiles", stage)
                    (stage / "tiles").rmdir()
                    write_record(stage, plan.origins, notes)
            self.datasets[name] = TileDataset(folder)

    def _check_parts(self, parts: tuple[str, ...]) -> None:
        if len(set(parts)) != len(parts):
            raise InputError(f"each data set is joined once; got {', '.join(parts)}")
        joined = [part for part in parts if self.config.datasets[part].join is not None]
        if joined:
            raise InputError(f"{joined[0]} is itself joined; name the data sets that it is made of")

    def _join(self, names: tuple[str, ...]) -> SourcePlan:
        parts = {name: self.datasets[name] for name in names}
        events = {name: self.config.datasets[name].event or name for name in names}
        return join_plan(parts, events, self.progress)

    def _ground(self, source: SyntheticSource) -> MadeGround:
        """Return the ground that all dates of a preset and seed share."""
        # no data set can have this name: two hyphens never meet in one
        key = f"synthetic--{source.preset}-{source.seed}"
        if key not in self.grounds:
            self.grounds[key] = MadeGround(
                folder=self.out / key,
                area=study_area(source),
                tell=self.tell,
                progress=self.progress,
            )
        return self.grounds[key]


def _refuse_other(folder: Path, plan: SourcePlan) -> None:
    """Stop where a folder is there and was not made from this description."""
    if folder.exists():
        refuse_other_origins(folder, read_record(folder), plan.origins)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put a data set's name before what is wrong with it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"data set {name}: {error}") from error
