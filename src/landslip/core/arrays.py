"""Arrays in ``.npz`` files, which may be damaged or malicious."""

from pathlib import Path
from typing import Any

import numpy as np

from landslip.core.errors import InputError, excerpt
from landslip.core.paths import require_file


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays (``NDArray``) of a ``.npz`` file by name; nothing in it is executed.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    require_file(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # zipfile, zlib and NumPy's headers share no base error
        raise InputError(f"{path}: not arrays that can be read ({excerpt(error)})") from error
