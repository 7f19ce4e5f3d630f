"""Runs one cell, in a process of its own: ``python -m landslip.experiment.worker JOB.json``.

It prints lines of JSON with its progress, ends with 2 and a sentence where the cell cannot be run,
and ends at once when the process that started it is gone.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from landslip.errors import LandslipError
from landslip.experiment.job import Job

_WRONG, _INTERRUPTED = 2, 130
_SECONDS_BETWEEN_LOOKS = 0.5


def main() -> int:
    """Run the job that the command line names; return the exit code."""
    _end_with_parent()
    job = Job.model_validate_json(Path(sys.argv[1]).read_text())
    try:
        from landslip.experiment.cell import run_cell  # noqa: PLC0415 - torch is slow to import

        run_cell(job, _report)
    except LandslipError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by the parent
        return _WRONG
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _report(done: float, total: float) -> None:
    print(json.dumps({"done": done, "total": total}), flush=True)  # noqa: T201 - read by the parent


def _end_with_parent() -> None:
    """A worker whose parent was killed would write into the same cell as the next run's."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
