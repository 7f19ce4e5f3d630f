"""What the user can do about an error of any library that reads or writes files."""

import errno
import os
import shutil
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from landslip.core.errors import LandslipError, MissingDependencyError, argument, excerpt

_TRAINING_PACKAGES = ("torch", "torchvision", "timm", "lightning", "safetensors", "tensorboard")
# what reads and writes files: their errors are of the files, or of the system below
# fmt: off
_READERS = {
    "PIL", "_lzma", "bz2", "cv2", "defusedxml", "geopandas", "gzip", "isal", "json",
    "numcodecs", "obstore", "onnx", "onnxruntime", "openvino", "pickle", "pyarrow", "pyogrio",
    "pyproj", "rasterio", "ray", "safetensors", "shapely", "struct", "tarfile", "xml", "yaml",
    "zarr", "zipfile", "zlib",
}
# fmt: on
# built-in classes that these libraries raise for what is in a file
_OF_CONTENT = (ValueError, RuntimeError, LookupError, ArithmeticError, EOFError)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_BYTES = 2**20
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)


def explain(error: Exception, arguments: Sequence[Path] = ()) -> LandslipError | None:
    """Return what the user can do about an error; None if it is a bug of landslip.

    ``arguments`` are the paths that the command got, for errors that do not say their file.
    """
    known = _known(error, arguments)
    if (
        known is None
        and isinstance(error, RuntimeError)
        and isinstance(error.__context__, Exception)
    ):
        return explain(error.__context__, arguments)  # a library stumbles over an earlier one
    return known


def _known(error: Exception, arguments: Sequence[Path]) -> LandslipError | None:
    if isinstance(error, LandslipError):
        return error
    known: LandslipError | None = None
    if isinstance(error, ModuleNotFoundError):
        if error.name is not None and _package(error.name) in _TRAINING_PACKAGES:
            known = MissingDependencyError(
                f"this command needs {error.name}, which is not installed; "
                "install it with: pip install 'landslip[train]'"
            )
    elif isinstance(error, UnicodeEncodeError):
        known = LandslipError(
            f"{ascii(error.object)[:80]}: a name must be UTF-8 to be written to files; rename it"
        )
    elif isinstance(error, OSError) and error.errno is not None:
        known = _of_system(error)
    elif isinstance(error, MemoryError):
        known = LandslipError(
            f"{_place(error) or ''}there is not enough memory ({_cause(error)}); close other "
            "programs, or use a smaller input"
        )
    elif isinstance(error, OSError | UnicodeError) or _is_of_reader(error):
        full = _on_full_disk([*_paths(error), *arguments])
        if full is not None:  # libraries say no more than that writing failed
            return _no_room(f"{full}: ", "the disk is full")
        place = _place(error)
        if place is None:
            named = ", ".join(str(path) for path in arguments)
            place = f"one of {named} " if len(arguments) > 1 else f"{named or 'a file'} "
        known = LandslipError(
            f"{place}cannot be read or written ({_cause(error)}); check the file, or run the "
            "command again with --debug"
        )
    return known


def _of_system(error: OSError) -> LandslipError:
    """Return the sentence for an error of the operating system."""
    cause, place = excerpt(error.strerror or error), _place(error) or "this machine: "
    if error.errno in _NO_ROOM:
        full = None if error.filename else _on_full_disk(_paths(error))
        return _no_room(place if full is None else f"{full}: ", cause)
    if error.errno in _NO_PERMISSION:
        return LandslipError(
            f"{place}access denied ({cause}); change its permissions, or choose another place"
        )
    return LandslipError(f"{place}{cause}")


def _no_room(place: str, cause: str) -> LandslipError:
    return LandslipError(
        f"{place}cannot be written to its end ({cause}); make room there, or choose another "
        f"{argument('out')}"
    )


def _is_of_reader(error: Exception) -> bool:
    """Whether a library that reads or writes files raised an error because of their content."""
    if any(_package(kind.__module__) in _READERS for kind in type(error).__mro__):
        return True
    frames = list(_frames(error))
    return (
        isinstance(error, _OF_CONTENT)
        and bool(frames)
        and _package(frames[0].f_globals.get("__name__", "")) in _READERS
    )


def _package(module: str) -> str:
    return module.partition(".")[0]


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames that an error came through, innermost first."""
    steps = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return reversed(steps)


def _place(error: Exception) -> str | None:
    """Return the file that was worked on, with a colon, or nothing if the error's text names it.

    None if it is not known: neither the error nor a function that it came through has a path.
    """
    name = getattr(error, "filename", None)
    if isinstance(name, str | bytes | os.PathLike) and name:
        return f"{os.fsdecode(name)}: "
    path = next(_paths(error), None)
    if path is None:
        return None
    return "" if str(path) in str(error) else f"{path}: "


def _paths(error: Exception) -> Iterator[Path]:
    """Yield paths in functions of landslip that an error came through, innermost first."""
    for frame in _frames(error):
        module = frame.f_globals.get("__name__", "")
        if _package(module) != "landslip" or module == __name__:
            continue
        for value in frame.f_locals.values():
            path = value if isinstance(value, Path) else getattr(value, "path", None)
            if isinstance(path, Path):
                yield path


def _on_full_disk(paths: Iterable[Path]) -> Path | None:
    """Return the first path whose disk has no room."""
    for path in paths:
        folder = next((one for one in (path, *path.parents) if one.is_dir()), None)
        if folder is not None and shutil.disk_usage(folder).free < _FULL_BYTES:
            return path
    return None


def _cause(error: Exception) -> str:
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        *_, text = error.args[0][0]  # of the first file that could not be copied
        return excerpt(text, 300)
    return excerpt(error, 300).rstrip(".") or type(error).__name__


def bug(error: Exception) -> str:
    """Return the sentence for an error that nothing explains."""
    return (
        f"this is a bug of landslip ({type(error).__name__}: {_cause(error)}); please report it "
        "with what the same command prints with --debug"
    )
