"""What a data set of an experiment was made from, kept beside it so that it is made once.

Files are known by their content: where size and time of all are as before, they count as the same
unread; else a digest of what is in them decides.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from landslip.core.errors import InputError
from landslip.core.files import sha256_of
from landslip.core.records import StrictModel

FILE = "source.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What a data set is to be made from.

    Attributes:
        settings: all that is said of it but where its files lie.
        files: by a name that does not change when the data are moved.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def stamp(self) -> str:
        """A digest of the files' names, sizes and times."""
        lines = []
        for name, path in sorted(self.files.items()):
            found = path.stat()
            lines.append(f"{name}\t{path.resolve()}\t{found.st_size}\t{found.st_mtime_ns}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def content_sha256(self) -> str:
        """A digest of the files' names and content."""
        lines = [f"{name}\t{sha256_of(path)}" for name, path in sorted(self.files.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Record(StrictModel):
    """``source.json``: what a finished data set was made from, and what was noticed."""

    settings: dict[str, Any]
    stamp: str
    content_sha256: str
    notes: tuple[str, ...]


def write_record(folder: Path, origins: Origins, notes: Sequence[str]) -> None:
    """Write ``source.json`` into the folder of a data set."""
    record = Record(
        settings=dict(origins.settings),
        stamp=origins.stamp,
        content_sha256=origins.content_sha256,
        notes=tuple(notes),
    )
    (folder / FILE).write_text(record.model_dump_json(indent=1) + "\n")


def read_record(folder: Path) -> Record:
    """Read ``source.json`` of a data set's folder.

    Raises:
        InputError: it is not there, or damaged.
    """
    try:
        return Record.model_validate_json((folder / FILE).read_text())
    except (FileNotFoundError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"{folder}: was not made by an experiment ({FILE} is not there, or damaged); remove "
            "it or choose another --out"
        ) from error


def refuse_other_origins(folder: Path, record: Record, origins: Origins) -> None:
    """Stop where a data set was made from anything else than what is asked for now.

    Raises:
        InputError: settings or files are others; the message names them.
    """
    now: Mapping[str, Any] = origins.settings
    keys = sorted(record.settings.keys() | now.keys())
    changed = [key for key in keys if record.settings.get(key) != now.get(key)]
    same_files = record.stamp == origins.stamp or record.content_sha256 == origins.content_sha256
    if not same_files:
        changed.append("files")
    if changed:
        raise InputError(
            f"{folder}: was made with other {', '.join(changed)} than the configuration now "
            "names; choose another --out, or remove the folder to have it made again"
        )
