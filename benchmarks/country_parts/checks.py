"""The simulation beside a formula, and beside what was measured."""

import math
from dataclasses import replace

from country_parts.cases import Assumed, Case, driver_of, form_of, job_of
from country_parts.figures import Figures, RayRun
from country_parts.job import Failures, Job, Machine, SceneForm
from country_parts.simulate import simulate
from landslip.inference.plan import WindowPlan

_FREE = 1e15


def by_formula(case: Case, figures: Figures, assumed: Assumed) -> tuple[float, float]:
    """Return hours (simulated, worked out) without failures and with equal speeds.

    Worked out: start, and the most scenes that a process has: each its opening, its windows, the
    finishing of the rows that its last windows complete, and its end.
    """
    job = job_of(case, figures, assumed)
    machine = replace(job.machine, spread=0.0, jitter=0.0, bytes_per_s=_FREE)
    job = replace(job, machine=machine, store_bytes_per_s=_FREE, failures=Failures())
    form, streams, cols = job.form, machine.streams, job.form.plan.count[1]
    size = math.ceil(cols / streams) * streams
    last = (form.windows - 1) // size * size
    rounds = math.ceil(form.windows / streams)
    each = job.driver.open_s + rounds * streams * form.window_px / machine.px_per_s
    last_rows = range(last // cols, form.plan.count[0])
    finishing = sum(form.row_px(row) for row in last_rows) * job.driver.row_s_per_px
    finishing += form.px * job.driver.end_s_per_px
    each += finishing / job.driver.cores_busy
    # the first scene is opened while the machine starts
    expected = max(machine.start_s - job.driver.open_s, 0.0)
    expected += math.ceil(job.scenes / job.machines) * each
    return simulate(job).seconds / 3600, expected / 3600


def ray_run(run: RayRun, figures: Figures, assumed: Assumed) -> float:
    """Return the seconds that a measured run on a cluster takes in the simulation."""
    plan = WindowPlan(
        shape=run.shape, window=run.window_px, overlap=figures.overlap_px, corner=(0, 0)
    )
    job = Job(
        form=SceneForm(plan=plan, bytes_per_px=form_of(figures).bytes_per_px),
        scenes=1,
        machines=run.nodes,
        machine=Machine(
            px_per_s=run.node_mpix_per_s * 1e6,
            streams=run.streams,
            start_s=run.start_s,
            bytes_per_s=assumed.machine_gb_per_s * 1e9,
        ),
        drivers=1,
        driver=driver_of(figures, replace(assumed, remote_open_s=0.0)),
        store_bytes_per_s=assumed.store_gb_per_s * 1e9,
    )
    return simulate(job).seconds
