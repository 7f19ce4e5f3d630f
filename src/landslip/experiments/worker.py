"""What a process of the pool does: one cell."""

import os
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from landslip.core.errors import LandslipError
from landslip.experiments.cell import run_cell
from landslip.experiments.job import ERRORS, Job

CANNOT, INTERRUPTED = 2, 130
_SECONDS_BETWEEN_LOOKS = 0.5


def work(described: str, shares: Connection) -> None:
    """Run a job in this process, and end it.

    What goes wrong is written to ``errors.txt`` in the cell's folder; the process ends with 2 and a
    sentence there where the cell cannot be run, and at once when the one that began it is gone.

    Args:
        described: a `Job` as JSON.
        shares: is sent the share that is done, now and then.
    """
    _end_with_parent()
    job = Job.model_validate_json(described)
    _errors_into(job.unfinished / ERRORS)
    try:
        run_cell(job, lambda done, total: shares.send(done / total))
    except LandslipError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by the pool
        sys.exit(CANNOT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _errors_into(file: Path) -> None:
    """Send to a file what this process, and libraries in it, write as errors."""
    with file.open("w") as opened:
        os.dup2(opened.fileno(), sys.stderr.fileno())


def _end_with_parent() -> None:
    """A process whose parent was killed would write into the same cell as the next run's."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
