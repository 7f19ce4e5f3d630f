"""The jobs that are simulated, made of measured figures and of assumptions."""

import math
from dataclasses import dataclass, replace

from country_parts.figures import Figures, Speed
from country_parts.job import Driver, Failures, Job, Machine, SceneForm
from country_parts.parties import Tally
from country_parts.simulate import simulate
from landslip.inference.plan import WindowPlan
from landslip.models.engines.openvino import default_streams

SHAPE = (17920, 18432)  # 330 MPix
SCENE_BYTES, RAW_BYTES = 1.2e9, 2.64e9
DRIVER_CORES = 2
_HOUR = 3600.0
_SCENES_A_DRIVER = 100  # enough for their first and last ones not to count


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What nobody has measured here; prices are examples.

    Attributes:
        core_hour, gpu_hour: price on demand.
        spot_price: share of it that a machine costs which may be taken away.
        storage_month: price of keeping 1 GB for a month.
        boot_s: until a machine is there.
        remote_open_s: what opening a scene takes longer where it is not a local file.
        lasts_h: how long a spot machine is left to us, on average.
        linear: (cores, what share of cores / 2 times the speed of two cores a machine has).
        process_cores: of each process where machines work without a cluster.
        spread, jitter: standard deviation of the logarithm of speeds, of machines and of blocks.
    """

    scenes: int = 10_000
    sample: int = 1_000
    core_hour: float = 0.04
    gpu_hour: float = 2.5
    spot_price: float = 0.35
    storage_month: float = 0.023
    store_gb_per_s: float = 5.0
    machine_gb_per_s: float = 1.25
    boot_s: float = 120.0
    replaced_s: float = 180.0
    remote_open_s: float = 0.3
    lasts_h: float = 6.0
    scenes_at_once: int = 3
    spread: float = 0.1
    jitter: float = 0.1
    linear: tuple[tuple[int, float], ...] = ((2, 1.0), (16, 0.9), (64, 0.75))
    process_cores: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A way to do the job.

    Attributes:
        drivers: 0 is none: each process maps a list of scenes of its own, without a cluster.
        spot: whether machines are taken away.
    """

    speed: Speed
    machines: int
    cores: int
    drivers: int = 0
    spot: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether each process works for itself."""
        return self.drivers == 0

    def processes(self, assumed: Assumed) -> int:
        """Return how many processes compute on a machine."""
        if not self.is_alone or self.speed.device == "gpu":
            return 1
        return max(1, self.cores // assumed.process_cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a case goes; hours are those of all scenes, also where only a sample was simulated."""

    job: Job
    tally: Tally
    hours: float
    core_hours: float
    cost: float

    @property
    def computing_share(self) -> float:
        """Share of the machines' time in which they compute what is kept."""
        return self.tally.computed_s / self.tally.alive_s

    @property
    def driver_share(self) -> float:
        """Share of the drivers' capacity that is used."""
        capacity = self.tally.seconds * self.job.drivers * self.job.driver.cores_busy
        return self.tally.driver_s / capacity

    @property
    def store_share(self) -> float:
        """Share of the store's bandwidth that is used."""
        return self.tally.store_s / self.tally.seconds

    @property
    def waited_share(self) -> float:
        """Share of the machines' time in which they turn to a scene and wait for pixels."""
        return self.tally.waited_s / self.tally.alive_s

    @property
    def limit(self) -> str:
        """What more of would make it faster."""
        if self.store_share > 0.85:
            return "the store's bandwidth"
        if self.computing_share > 0.8:
            return "computing"
        if self.driver_share > 0.85:
            return "the driver's finishing"
        if self.job.driver.is_local:
            return "begin and end of scenes"
        if self.waited_share > 0.5 * (1 - self.computing_share):
            return "begin of blocks"
        return "too few scenes open"


def form_of(figures: Figures) -> SceneForm:
    """Return a whole scene, cut into the windows that are planned for it."""
    plan = WindowPlan(
        shape=SHAPE, window=figures.window_px, overlap=figures.overlap_px, corner=(0, 0)
    )
    return SceneForm(plan=plan, bytes_per_px=SCENE_BYTES / math.prod(SHAPE))


def job_of(case: Case, figures: Figures, assumed: Assumed) -> Job:
    """Return a case as it is simulated."""
    processes = case.machines * case.processes(assumed)
    drivers = processes if case.is_alone else case.drivers
    driver = driver_of(figures, assumed)
    return Job(
        form=form_of(figures),
        scenes=min(assumed.scenes, max(assumed.sample, _SCENES_A_DRIVER * drivers)),
        machines=processes,
        machine=machine_of(case, figures, assumed),
        drivers=drivers,
        driver=_local(driver, case.speed) if case.is_alone else driver,
        store_bytes_per_s=assumed.store_gb_per_s * 1e9,
        failures=Failures(
            machine_s=assumed.lasts_h * _HOUR if case.spot else math.inf,
            replaced_s=assumed.replaced_s,
        ),
        seed=assumed.seed,
    )


def machine_of(case: Case, figures: Figures, assumed: Assumed) -> Machine:
    """Return a machine, or one of its processes; more cores are nearly so much faster.

    A process that works for itself finishes rows on the cores that it computes with.
    """
    speed, processes = case.speed, case.processes(assumed)
    is_gpu = speed.device == "gpu"
    cores = case.cores / processes
    more = 1.0 if is_gpu else cores / speed.cores * dict(assumed.linear).get(case.cores, 1.0)
    seconds_per_mpix = 1 / (speed.mpix_per_s * more)
    if case.is_alone:
        seconds_per_mpix += figures.finishing.row_s_per_mpix / cores
    return Machine(
        px_per_s=1e6 / seconds_per_mpix,
        streams=speed.streams if is_gpu else default_streams(int(cores)),
        start_s=assumed.boot_s + speed.start_s,
        bytes_per_s=assumed.machine_gb_per_s * 1e9 / processes,
        spread=assumed.spread,
        jitter=assumed.jitter,
    )


def driver_of(figures: Figures, assumed: Assumed) -> Driver:
    """Return the driver of a cluster, on a machine of its own."""
    return Driver(
        scenes_at_once=assumed.scenes_at_once,
        row_s_per_px=figures.finishing.row_s_per_mpix / 1e6,
        end_s_per_px=figures.finishing.end_s_per_mpix / 1e6,
        cores_busy=figures.finishing.cores_busy,
        open_s=figures.opening.driver_s + assumed.remote_open_s,
        switch_s=figures.opening.worker_s + assumed.remote_open_s,
        start_s=figures.opening.driver_s,
        check_s=figures.opening.check_s + assumed.remote_open_s,
    )


def _local(driver: Driver, speed: Speed) -> Driver:
    """Return what a process does for itself: one scene after the other, the network set up anew."""
    return replace(driver, scenes_at_once=1, open_s=speed.start_s, switch_s=0.0, is_local=True)


def outcome_of(case: Case, job: Job, assumed: Assumed) -> Outcome:
    """Simulate a case."""
    tally = simulate(job)
    start = job.machine.start_s
    scale = assumed.scenes / job.scenes
    seconds = start + (tally.seconds - start) * scale
    processes = case.processes(assumed)
    machine_hours = tally.alive_s / tally.seconds * seconds / _HOUR / processes
    is_gpu = case.speed.device == "gpu"
    price = assumed.gpu_hour if is_gpu else case.cores * assumed.core_hour
    drivers = case.drivers * DRIVER_CORES * assumed.core_hour * seconds / _HOUR
    cost = machine_hours * price * (assumed.spot_price if case.spot else 1.0) + drivers
    return Outcome(
        job=job,
        tally=tally,
        hours=seconds / _HOUR,
        core_hours=machine_hours * (1 if is_gpu else case.cores),
        cost=cost,
    )
