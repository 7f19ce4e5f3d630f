import signal
import subprocess
import sys

import pytest

# an extension module whose initialisation drops an error of Python code, as Cython's do
LOSES_ERRORS = """
import signal, sys, time
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from contextlib import suppress
from landslip.core.interruption import use_safe_interrupts

class Loader(ExtensionFileLoader):
    def create_module(self, spec):
        return None

    def exec_module(self, module):
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
            print("started", flush=True)

class Finder:
    def find_spec(name, path, target=None):
        return ModuleSpec(name, Loader(name, "none.so")) if name == "compiled" else None

sys.meta_path.insert(0, Finder)
HANDLE
try:
    import compiled
    time.sleep(1)
    print("went on", flush=True)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.parametrize(
    ("handle", "lines"),
    [("use_safe_interrupts()", ["started", "stopped"]), ("", ["went on"])],
    ids=["safe", "Python's own"],
)
def test_ctrl_c_is_not_lost_while_a_module_is_imported(handle: str, lines: list[str]) -> None:
    code = LOSES_ERRORS.replace("HANDLE", handle)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:-1] == lines


def test_a_second_ctrl_c_is_the_last() -> None:
    """What was put off is not raised again in the cleanup that the second one starts."""
    code = LOSES_ERRORS.replace("HANDLE", "use_safe_interrupts()").replace(
        "    import compiled\n    time.sleep(1)\n",
        "    import compiled\n    signal.raise_signal(signal.SIGINT)\n",
    )
    code += "time.sleep(0.1)\nprint('cleaned up')\n"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:-1] == ["started", "stopped", "cleaned up"]


def test_a_background_process_that_ignores_it_is_interrupted_too() -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from landslip.core.interruption import use_safe_interrupts; use_safe_interrupts()\n"
        "signal.raise_signal(signal.SIGINT)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.returncode == -signal.SIGINT
