"""Paths that users give: what a name may be, what may be read, and where may be written."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

from landslip.core.errors import InputError, OutputExistsError, argument, excerpt

PathArgument = str | PathLike[str]
OutputKind = Literal["folder", "part", "folders", "file"]
"""A folder's content, a folder that may be a part of an input, a folder of folders, or files."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_NAME_BYTES, _MAX_PATH_BYTES = 255, 4095
_UNFINISHED_BYTES = 32  # of what a name has more while its folder is written
_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def check_text(text: str, called: str) -> None:
    """Refuse an argument that is blank, or that has characters no name has.

    Raises:
        InputError: it names the argument as ``called``.
    """
    if not text.strip():
        raise InputError(f"{called} is empty; give a value or leave it out")
    if _CONTROL.search(text):
        raise InputError(f"{called} may not have control characters; got {excerpt(text, 80)}")
    if _SURROGATE.search(text):
        raise InputError(
            f"{called}: a name must be UTF-8 to be written to files; rename {ascii(text)[:80]}"
        )


def check_path(given: PathArgument, name: str) -> None:
    """Refuse a path that is blank or too long, and one to a pipe, a device or a socket.

    What does not exist passes; its reader knows better what should be there.

    Raises:
        InputError: it names the argument or the path.
    """
    text = fspath(given)
    check_text(text, argument(name))
    if is_address(text):
        return
    longest = max(len(part.encode()) for part in text.split("/"))
    if longest > _MAX_NAME_BYTES or len(text.encode()) > _MAX_PATH_BYTES:
        raise InputError(
            f"{argument(name)}: a file's name has at most {_MAX_NAME_BYTES} bytes and a path "
            f"{_MAX_PATH_BYTES}; "
            f"got {excerpt(text, 80)}"
        )
    refuse_special(Path(text))


def is_address(text: str) -> bool:
    """Whether a text is an address, or a path of GDAL's own, and no path of this machine."""
    return "://" in text or text.startswith("/vsi")


def refuse_special(path: Path) -> None:
    """Refuse what exists and is neither a file nor a folder: reading it could wait forever.

    Raises:
        InputError: it is a pipe, device or socket, a link to itself, or may not be looked at.
    """
    mode = _mode(path)
    kind = None if mode is None else _SPECIAL.get(stat.S_IFMT(mode))
    if kind is not None:
        raise InputError(f"{path}: is {kind}; give a file or folder")


def refuse_special_beside(path: Path) -> None:
    """Refuse special files among those that GDAL reads with a file: of its name, another ending.

    Of a folder, such as a file geodatabase, those in it.

    Raises:
        InputError: see `refuse_special`.
    """
    refuse_special(path)
    is_folder = path.is_dir()
    with suppress(OSError), os.scandir(path if is_folder else path.parent) as entries:
        for entry in entries:
            if (
                is_folder
                or entry.name.startswith(f"{path.stem}.")
                or entry.name.startswith(f"{path.name}.")
            ):
                refuse_special(Path(entry.path))


def require_file(path: Path) -> None:
    """Refuse what is no regular file.

    Raises:
        InputError: it does not exist, or is a folder, pipe, device or socket.
    """
    refuse_special(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; a file is needed")


def _mode(path: Path) -> int | None:
    """Return a path's mode; None where nothing is there."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InputError(
                f"{path}: a symbolic link that leads back to itself; remove it"
            ) from error
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def check_outputs(
    outputs: Mapping[str, Path], inputs: Iterable[Path], kind: OutputKind = "folder"
) -> None:
    """Refuse outputs that cannot be written, or that would be mixed with what is read.

    Args:
        outputs: by the name of their argument.
        inputs: the paths that are read.
        kind: what is written.

    Raises:
        InputError: an output is below a file, its name is too long, it is an input or another
            output, a folder of it is inside an input folder, or its content would be among inputs.
    """
    places: dict[Path, str] = {}
    for name, out in outputs.items():
        _check_writable(out, name)
        place = Path(os.path.realpath(out))
        if place in places:
            raise InputError(
                f"{out}: is both {argument(places[place])} and {argument(name)}; they need paths "
                "of their own"
            )
        places[place] = name
        for path in inputs:
            _refuse_mixing(out, path, name, kind)


def _refuse_mixing(out: Path, path: Path, name: str, kind: OutputKind) -> None:
    place, source = Path(os.path.realpath(out)), Path(os.path.realpath(path))
    if place == source:
        raise InputError(
            f"{out}: {argument(name)} is also an input; choose another {argument(name)}"
        )
    if kind == "file":
        return
    if kind != "part" and source in place.parents and source.is_dir():
        raise InputError(
            f"{out}: {argument(name)} is inside {path}, an input that stays as it is; choose "
            f"another {argument(name)}"
        )
    if kind != "folders" and source.parent == place and source.is_file():
        raise InputError(
            f"{out}: {argument(name)} is the folder of the input {path.name}, with which its files "
            f"would be mixed; choose another {argument(name)}"
        )


def _check_writable(out: Path, name: str) -> None:
    if is_address(str(out)) or re.match(r"\w+:/", str(out)):
        raise InputError(
            f"{argument(name)} is a path on this machine and no address; got {excerpt(out, 80)}"
        )
    refuse_special(out)
    if not Path(os.path.realpath(out)).name:
        raise InputError(
            f"{argument(name)} is a path below the root of the file system; got {excerpt(out, 80)}"
        )
    if len(out.name.encode()) > _MAX_NAME_BYTES - _UNFINISHED_BYTES:
        raise InputError(
            f"{argument(name)}: an output's name has at most "
            f"{_MAX_NAME_BYTES - _UNFINISHED_BYTES} bytes; got {excerpt(out.name, 80)}"
        )
    for parent in Path(os.path.realpath(out)).parents:
        mode = _mode(parent)
        if mode is None:
            continue
        if not stat.S_ISDIR(mode):
            raise OutputExistsError(
                f"{out}: {parent} is a file, so nothing can be written below it; choose another "
                f"{argument(name)}"
            )
        require_writable(parent, out)
        return


def require_writable(folder: Path, out: Path) -> None:
    """Refuse an output in a folder that may not be written to, before the work.

    Raises:
        InputError: it names the output.
    """
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"{out}: access denied, {folder} may not be written to; change its permissions, or "
            "choose another place"
        )
