"""One process at a time, and the lock of a dead one holds nobody up."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landslip.core.errors import InputError
from landslip.core.lock import only_one

HOLD = """
import sys, time
from pathlib import Path
from landslip.core.lock import only_one
with only_one(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match="folder: another process is at work on it; wait"),
            only_one(file, "it"),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
    with only_one(file, "it"):
        assert file.exists()
    assert not file.exists()
